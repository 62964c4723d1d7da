package keyspace

import (
	"bytes"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// streamObject is a stream as an object of parts.
type streamObject struct {
	stream   *stream.Stream
	stateful bool   // the part of the stream itself is there
	parts    int    // how many there are
	scratch  []byte // of get
	quiet    quietSpan
}

// NewStream returns a stream as a Collection, which keeps it: s must not be used any more.
// Its nodes stay as they were built; those that are added in a store follow its limits. Who
// builds a stream for a store gives it these limits first: [Store.Encodings],
// [stream.Stream.SetLimits].
func NewStream(s *stream.Stream) *Collection {
	parts := 1 + s.Len()
	for i := range s.Groups() {
		parts += groupParts(s.GroupAt(i))
	}
	return &Collection{typ: Stream, object: &streamObject{stream: s, stateful: true, parts: parts}}
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
	value, ok = o.appendPart(o.scratch[:0], &p)
	if cap(value) <= LargeValue {
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

// set makes a part value, which checkStreamPart has seen if it is from outside.
func (o *streamObject) set(part, value []byte, _ int64) error {
	p, ok := parseStreamPart(part)
	switch {
	case !ok:
		return errStreamPart
	case p.kind == streamStatePart:
		var state stream.State
		if state, ok = parseStreamState(value); ok {
			o.stream.State = state
			o.addPart(!o.stateful)
			o.stateful = true
		}
	case p.kind == streamEntryPart:
		o.addPart(o.stream.Set(p.id, value))
	default:
		before := groupParts(o.stream.Group(p.group))
		ok = o.setOfGroup(&p, value)
		o.parts += groupParts(o.stream.Group(p.group)) - before
	}
	if !ok {
		return checkStreamPart(part, value)
	}
	return nil
}

func (o *streamObject) addPart(added bool) {
	if added {
		o.parts++
	}
}

// groupParts returns the number of a group's parts. A pending entry or a consumer that came
// before its group has made that, so a change of one part may change the number by more.
func groupParts(g *stream.Group) int {
	if g == nil {
		return 0
	}
	return 1 + g.Consumers() + g.PendingLen()
}

func (o *streamObject) setOfGroup(p *streamPart, value []byte) (ok bool) {
	switch p.of {
	case streamGroupState:
		var state stream.GroupState
		if state, ok = parseGroupState(value); ok {
			o.stream.SetGroup(p.group, state)
		}
	case streamConsumer:
		var seen int64
		if seen, ok = parseSeen(value); ok {
			o.stream.SetConsumer(p.group, p.consumer, seen)
		}
	default:
		var pending stream.Pending
		if pending, ok = parsePending(p.id, value); ok {
			o.stream.SetPending(p.group, pending)
		}
	}
	return ok
}

func (o *streamObject) cut(part []byte) bool {
	p, ok := parseStreamPart(part)
	switch {
	case !ok:
		return false
	case p.kind == streamStatePart:
		ok, o.stateful, o.stream.State = o.stateful, false, stream.State{}
	case p.kind == streamEntryPart:
		ok = o.stream.Cut(p.id)
	case p.of == streamGroupState:
		return o.cutGroup(p.group) > 0
	case p.of == streamConsumer:
		o.release(&p)
		ok = o.stream.CutConsumer(p.group, p.consumer)
	default:
		ok = o.stream.CutPending(p.group, p.id)
	}
	if ok {
		o.parts--
	}
	return ok
}

// release makes what is pending to a consumer no longer so. Where the consumer is cut in
// the order of its node there is nothing left. In a dump that is under way there may be:
// entries that have become pending to it since, or that are pending to another by now. Then
// they follow.
func (o *streamObject) release(p *streamPart) {
	g := o.stream.Group(p.group)
	if g == nil {
		return
	}
	c, _ := g.Consumer(p.consumer)
	if c.Pending == 0 {
		return
	}
	var ids []stream.ID
	g.AscendPending(p.consumer, stream.ID{}, func(pending stream.Pending) bool {
		ids = append(ids, pending.ID)
		return true
	})
	for _, id := range ids {
		o.stream.CutPending(p.group, id)
	}
	o.parts -= len(ids)
}

func (o *streamObject) cutGroup(name []byte) (parts int) {
	parts = groupParts(o.stream.Group(name))
	o.stream.CutGroup(name)
	o.parts -= parts
	return parts
}

// cutRange removes entries, or pending entries of one group, or a group with all that
// belongs to it: no other ranges are ever cut.
func (o *streamObject) cutRange(_, first, last []byte) ([]byte, int) {
	from, fromOK := parseStreamPart(first)
	to, toOK := parseStreamPart(last)
	switch {
	case !fromOK:
	case from.kind == streamGroupPart && from.of == streamGroupState && isBehindGroup(first, last):
		return nil, o.cutGroup(from.group)
	case !toOK || from.kind != to.kind:
	case from.kind == streamEntryPart:
		n := o.stream.CutRange(from.id, to.id)
		o.parts -= n
		return nil, n
	case from.of == streamPending && to.of == streamPending && bytes.Equal(from.group, to.group):
		n := o.stream.CutPendingRange(from.group, from.id, to.id)
		o.parts -= n
		return nil, n
	}
	return nil, 0
}

// isBehindGroup reports whether last is behind all of the group whose first part is first.
func isBehindGroup(first, last []byte) bool {
	n := len(first) - 1
	return len(last) == n+1 && bytes.Equal(first[:n], last[:n]) && last[n] == streamGroupBehind
}

func (o *streamObject) size() int    { return o.parts }
func (o *streamObject) bytes() int64 { return o.stream.Memory() }
func (o *streamObject) due() int64   { return never }

func (o *streamObject) clone() object {
	return &streamObject{stream: o.stream.Clone(), stateful: o.stateful, parts: o.parts, quiet: o.quiet}
}
