package keyspace

import (
	"encoding/binary"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// Append adds an entry behind all others, and creates the stream. value is its fields and
// values, as [stream.AppendCount] says, or the error is stream.ErrValue. id must be greater
// than the last ID.
func (s StreamRef) Append(id stream.ID, value []byte) error {
	if err := stream.CheckValue(value); err != nil {
		return err
	}
	if len(value) > LargeValue {
		return s.append(id, Own(value)) // a Sink may keep it
	}
	return s.append(id, s.tx.copy(value))
}

// AppendStrings is Append of fields and values in turn.
func (s StreamRef) AppendStrings(id stream.ID, fields [][]byte) error {
	if len(fields)%2 != 0 {
		return stream.ErrValue
	}
	size := binary.MaxVarintLen64
	for _, text := range fields {
		size += binary.MaxVarintLen32 + len(text)
	}
	if size > LargeValue {
		return s.append(id, appendStrings(make([]byte, 0, size), fields))
	}
	return s.append(id, s.tx.giveBack(appendStrings(s.tx.reserve(size), fields)))
}

func appendStrings(value []byte, fields [][]byte) []byte {
	value = stream.AppendCount(value, len(fields))
	for _, text := range fields {
		value = stream.AppendString(value, text)
	}
	return value
}

// append adds an entry whose value belongs to the transaction already. An entry changes two
// parts, of which the stream's own is changed where it is, with one undo for both.
func (s StreamRef) append(id stream.ID, value []byte) error {
	tx := s.tx
	tx.mustWrite()
	o := tx.at(s.n)
	if o.wrong {
		return ErrWrongType
	}
	object, there := o.object().(*streamObject)
	if !there || !object.isBehind(id) {
		return s.appendParts(id, value)
	}
	before := object.stream.State
	state := stream.State{Last: id, MaxDeleted: before.MaxDeleted, Added: before.Added + 1}
	part := appendEntryPart(tx.reserve(1+stream.IDLen), id)
	growth := partFootprint(part, value)
	if err := tx.room(nil, growth); err != nil {
		return err
	}
	tx.keepStaged(o)
	if !o.fresh && !o.covered {
		was := tx.giveBack(appendStreamState(tx.reserve(maxStreamState), before))
		tx.undos = append(tx.undos, undo{coll: o.coll, part: part, value: was, appended: true})
	}
	o.coll.limitNodes(tx.store)
	object.stream.State = state
	object.addPart(object.stream.Set(id, value))
	tx.grownBytes += growth
	own := append(tx.reserve(1), streamStatePart)
	tx.stagePart(OpPart, o, own, tx.giveBack(appendStreamState(tx.reserve(maxStreamState), state)), 0)
	tx.stagePart(OpPart, o, part, value, 0)
	return nil
}

// appendParts is append by any changes of parts.
func (s StreamRef) appendParts(id stream.ID, value []byte) error {
	state := s.State()
	state.Last = id
	state.Added++
	if err := s.SetState(state); err != nil {
		return err
	}
	return s.set(appendEntryPart(s.tx.part[:0], id), value)
}

// isBehind reports whether an ID is behind all entries of a stream that is there.
func (o *streamObject) isBehind(id stream.ID) bool {
	final, _ := o.stream.Final()
	return o.stateful && o.stream.State.Last.Less(id) && final.Less(id)
}

// undoAppend removes an entry and gives the stream its state of before.
func (o *streamObject) undoAppend(part, state []byte) {
	o.cut(part)
	o.stream.State, _ = parseStreamState(state)
}

// rememberEntries is rememberRange for entries of a stream; it returns false if the range is
// another one.
func (tx *Tx) rememberEntries(o *opened, object *streamObject, first, last []byte) bool {
	from, fromOK := parseStreamPart(first)
	to, toOK := parseStreamPart(last)
	if !fromOK || !toOK || from.kind != streamEntryPart || to.kind != streamEntryPart {
		return false
	}
	object.stream.Ascend(from.id, func(id stream.ID, fields stream.Fields) bool {
		if to.id.Less(id) {
			return false
		}
		part := appendEntryPart(tx.reserve(1+stream.IDLen), id)
		object.scratch = fields.AppendValue(object.scratch[:0])
		tx.remember(o, part, tx.copy(object.scratch), 0, true)
		return true
	})
	return true
}
