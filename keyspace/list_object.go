package keyspace

import "github.com/slotmesh/slotmesh/internal/sequence"

// listObject is a large list.
type listObject struct{ elements *sequence.Sequence }

// listOverhead is the memory of a listObject beside the pages of its elements.
const listOverhead = 48

func (l *listObject) form() form { return listForm{} }

func (l *listObject) get(part []byte) (value []byte, expireAt int64, ok bool) {
	position, ok := positionOf(part)
	if !ok {
		return nil, 0, false
	}
	value, ok = l.elements.Get(position)
	return value, 0, ok
}

func (l *listObject) set(part, value []byte, _ int64) error {
	position, ok := positionOf(part)
	if !ok {
		return listForm{}.checkPart(part, value)
	}
	l.elements.Set(position, value)
	return nil
}

func (l *listObject) cut(part []byte) bool {
	position, ok := positionOf(part)
	return ok && l.elements.Cut(position)
}

func (l *listObject) cutRange(_, first, last []byte) ([]byte, int) {
	from, fromOK := positionOf(first)
	to, toOK := positionOf(last)
	if !fromOK || !toOK {
		return nil, 0
	}
	return nil, l.elements.CutRange(from, to)
}

func (l *listObject) size() int     { return l.elements.Len() }
func (l *listObject) bytes() int64  { return listOverhead + l.elements.Memory() }
func (l *listObject) due() int64    { return never }
func (l *listObject) clone() object { return &listObject{l.elements.Clone()} }

// walk visits the elements in their order; a cursor is the position of the next one, or
// above it.
func (l *listObject) walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (partCursor, bool) {
	i := 0
	if position, ok := positionOf(from); ok {
		i, _ = l.elements.Find(position)
	}
	var parts []byte // those of some elements, which visit may keep
	for position, value := range l.elements.From(i) {
		if cap(parts)-len(parts) < positionLen {
			parts = make([]byte, 0, 64*positionLen)
		}
		start := len(parts)
		parts = appendPosition(parts, position)
		part := parts[start:len(parts):len(parts)]
		if !visit(part, value, 0) {
			return partCursor(part), false
		}
	}
	return nil, true
}
