package keyspace

import (
	"bytes"
	"sort"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// walk visits the parts: the stream's own, the entries, then group by group, the groups and
// the consumers of each in the order of their names as bytes. A cursor is the name of the
// next part. What visit gets is valid during the call.
func (o *streamObject) walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (partCursor, bool) {
	w := streamWalk{object: o, visit: visit}
	w.from, _ = parseStreamPart(from) // nil: the stream's own part
	w.run()
	return w.next, w.next == nil
}

// streamWalk is one walk over parts.
type streamWalk struct {
	object      *streamObject
	from        streamPart
	visit       func(part, value []byte, expireAt int64) bool
	part, value []byte
	next        partCursor // where visit has stopped
}

// step visits the part that is in the walk's buffers, and reports whether to go on.
func (w *streamWalk) step() bool {
	if w.visit(w.part, w.value, 0) {
		return true
	}
	w.next = bytes.Clone(w.part)
	return false
}

func (w *streamWalk) run() {
	o := w.object
	if w.from.kind == streamStatePart && o.stateful {
		w.part, w.value = append(w.part[:0], streamStatePart), appendStreamState(w.value[:0], o.stream.State)
		if !w.step() {
			return
		}
	}
	if w.from.kind <= streamEntryPart {
		o.stream.Ascend(w.from.id, func(id stream.ID, fields stream.Fields) bool {
			w.part, w.value = appendEntryPart(w.part[:0], id), fields.AppendValue(w.value[:0])
			return w.step()
		})
	}
	n, at := o.stream.Groups(), 0
	if w.from.kind == streamGroupPart {
		at = sort.Search(n, func(i int) bool { return bytes.Compare(o.stream.GroupAt(i).Name, w.from.group) >= 0 })
	}
	for ; at < n && w.next == nil; at++ {
		w.group(o.stream.GroupAt(at))
	}
}

// group visits the parts of a group that are not before the cursor.
func (w *streamWalk) group(g *stream.Group) {
	var from streamPart
	if w.from.kind == streamGroupPart && bytes.Equal(w.from.group, g.Name) {
		from = w.from
	}
	if from.of == streamGroupState {
		w.part = appendGroupPart(w.part[:0], g.Name, streamGroupState)
		w.value = appendGroupState(w.value[:0], g.GroupState)
		if !w.step() {
			return
		}
	}
	if from.of <= streamConsumer {
		n := g.Consumers()
		at := sort.Search(n, func(i int) bool { return bytes.Compare(g.ConsumerAt(i).Name, from.consumer) >= 0 })
		for ; at < n; at++ {
			c := g.ConsumerAt(at)
			w.part, w.value = appendConsumerPart(w.part[:0], g.Name, c.Name), appendSeen(w.value[:0], c.Seen)
			if !w.step() {
				return
			}
		}
	}
	g.AscendPending(nil, from.id, func(p stream.Pending) bool {
		w.part, w.value = appendPendingPart(w.part[:0], g.Name, p.ID), appendPending(w.value[:0], p)
		return w.step()
	})
}
