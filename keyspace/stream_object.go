package keyspace

import (
	"bytes"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// streamObject is a stream as an object of parts.
type streamObject struct {
	stream   *stream.Stream
	stateful bool   // the part of the stream itself is there
	scratch  []byte // of get
}

// NewStream returns a stream as a Collection, which keeps it: s must not be used any more.
func NewStream(s *stream.Stream) *Collection {
	return &Collection{typ: Stream, object: &streamObject{stream: s, stateful: true}}
}

func (o *streamObject) form() form { return streamForm{} }

// limitNodes tells a stream where its nodes end in a store.
func (c *collection) limitNodes(s *Store) {
	if o, ok := c.object.(*streamObject); ok {
		o.stream.SetLimits(&s.encodings.Load().StreamNodes)
	}
}

func (o *streamObject) get(part []byte) (value []byte, expireAt int64, ok bool) {
	p, ok := parseStreamPart(part)
	if !ok {
		return nil, 0, false
	}
	if value, ok = o.appendPart(o.scratch[:0], &p); ok {
		o.scratch = value
	}
	return value, 0, ok
}

// appendPart appends the value of a part.
func (o *streamObject) appendPart(b []byte, p *streamPart) (value []byte, ok bool) {
	switch p.kind {
	case streamStatePart:
		return appendStreamState(b, o.stream.State), o.stateful
	case streamEntryPart:
		fields, ok := o.stream.Get(p.id)
		if !ok {
			return b, false
		}
		return fields.AppendValue(b), true
	}
	g := o.stream.Group(p.group)
	if g == nil {
		return b, false
	}
	switch p.of {
	case streamGroupState:
		return appendGroupState(b, g.GroupState), true
	case streamConsumer:
		c, ok := g.Consumer(p.consumer)
		return appendSeen(b, c.Seen), ok
	}
	pending, ok := g.Pending(p.id)
	return appendPending(b, pending), ok
}

func (o *streamObject) set(part, value []byte, _ int64) error {
	if err := checkStreamPart(part, value); err != nil {
		return err
	}
	p, _ := parseStreamPart(part)
	switch {
	case p.kind == streamStatePart:
		o.stream.State, _ = parseStreamState(value)
		o.stateful = true
	case p.kind == streamEntryPart:
		o.stream.Set(p.id, value)
	case p.of == streamGroupState:
		state, _ := parseGroupState(value)
		o.stream.SetGroup(p.group, state)
	case p.of == streamConsumer:
		seen, _ := parseSeen(value)
		o.stream.SetConsumer(p.group, p.consumer, seen)
	default:
		pending, _ := parsePending(p.id, value)
		o.stream.SetPending(p.group, pending)
	}
	return nil
}

func (o *streamObject) cut(part []byte) bool {
	p, ok := parseStreamPart(part)
	switch {
	case !ok:
		return false
	case p.kind == streamStatePart:
		ok, o.stateful, o.stream.State = o.stateful, false, stream.State{}
		return ok
	case p.kind == streamEntryPart:
		return o.stream.Cut(p.id)
	case p.of == streamGroupState:
		return o.stream.CutGroup(p.group)
	case p.of == streamConsumer:
		return o.stream.CutConsumer(p.group, p.consumer)
	}
	return o.stream.CutPending(p.group, p.id)
}

// cutRange removes entries, or one group with all that belongs to it: no other ranges are
// ever cut.
func (o *streamObject) cutRange(_, first, last []byte) ([]byte, int) {
	from, fromOK := parseStreamPart(first)
	to, toOK := parseStreamPart(last)
	if fromOK && toOK && from.kind == streamEntryPart && to.kind == streamEntryPart {
		return nil, o.stream.CutRange(from.id, to.id)
	}
	if fromOK && from.kind == streamGroupPart && bytes.HasPrefix(last, first[:len(first)-1]) {
		if g := o.stream.Group(from.group); g != nil {
			n := 1 + g.Consumers() + g.PendingLen()
			o.stream.CutGroup(from.group)
			return nil, n
		}
	}
	return nil, 0
}

func (o *streamObject) size() int {
	n := o.stream.Len()
	if o.stateful {
		n++
	}
	for i := range o.stream.Groups() {
		g := o.stream.GroupAt(i)
		n += 1 + g.Consumers() + g.PendingLen()
	}
	return n
}

func (o *streamObject) bytes() int64 { return o.stream.Memory() }
func (o *streamObject) due() int64   { return never }

func (o *streamObject) clone() object {
	return &streamObject{stream: o.stream.Clone(), stateful: o.stateful}
}

// walk visits the parts in the order of their names; a cursor is the name of the next one.
func (o *streamObject) walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (partCursor, bool) {
	w := streamWalk{object: o, from: from, visit: visit}
	o.walkParts(&w)
	return w.next, w.next == nil
}

// streamWalk is one walk over parts.
type streamWalk struct {
	object *streamObject
	from   partCursor
	visit  func(part, value []byte, expireAt int64) bool
	part   []byte
	value  []byte
	next   partCursor // where visit has stopped
}

// step visits one part, unless it is before the cursor, and reports whether to go on.
func (w *streamWalk) step(part, value []byte) bool {
	if bytes.Compare(part, w.from) < 0 || w.visit(part, value, 0) {
		return true
	}
	w.next = bytes.Clone(part)
	return false
}

func (o *streamObject) walkParts(w *streamWalk) {
	from, inParts := parseStreamPart(w.from)
	if o.stateful && !w.step([]byte{streamStatePart}, appendStreamState(nil, o.stream.State)) {
		return
	}
	if !inParts || from.kind <= streamEntryPart {
		o.stream.Ascend(from.id, func(id stream.ID, fields stream.Fields) bool {
			w.part, w.value = appendEntryPart(nil, id), fields.AppendValue(w.value[:0])
			return w.step(w.part, w.value)
		})
	}
	for i := 0; i < o.stream.Groups() && w.next == nil; i++ {
		o.walkGroup(w, o.stream.GroupAt(i))
	}
}

func (o *streamObject) walkGroup(w *streamWalk, g *stream.Group) {
	if behind := appendGroupPart(nil, g.Name, streamGroupBehind); bytes.Compare(behind, w.from) <= 0 {
		return
	}
	if !w.step(appendGroupPart(nil, g.Name, streamGroupState), appendGroupState(nil, g.GroupState)) {
		return
	}
	for i := range g.Consumers() {
		c := g.ConsumerAt(i)
		if !w.step(appendConsumerPart(nil, g.Name, c.Name), appendSeen(nil, c.Seen)) {
			return
		}
	}
	var from stream.ID
	if p, ok := parseStreamPart(w.from); ok && p.of == streamPending && bytes.Equal(p.group, g.Name) {
		from = p.id
	}
	g.AscendPending(nil, from, func(p stream.Pending) bool {
		return w.step(appendPendingPart(nil, g.Name, p.ID), appendPending(nil, p))
	})
}
