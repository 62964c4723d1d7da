package keyspace

import (
	"encoding/binary"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/sequence"
)

// positionLen is the length of the part of a list's element: its position, big-endian and
// with the sign bit flipped, so that parts sort as positions do.
const positionLen = 8

func appendPosition(b []byte, position int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(position)^1<<63)
}

// positionOf reads a part; ok is false if it has another length.
func positionOf(part []byte) (position int64, ok bool) {
	if len(part) != positionLen {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(part) ^ 1<<63), true
}

// listForm packs a list as [sequence.Packed].
type listForm struct{}

func init() { forms[List] = listForm{} }

// ranger is what forms and objects implement of types whose parts can be cut by ranges.
type ranger interface {
	// cutRange removes the parts from first to last, in place, and returns how many there
	// were. packed is nil if it is an object's function.
	cutRange(packed, first, last []byte) ([]byte, int)
}

func (listForm) get(packed, part []byte) (value []byte, expireAt int64, ok bool) {
	position, ok := positionOf(part)
	if !ok {
		return nil, 0, false
	}
	value, ok = sequence.Packed(packed).Get(position)
	return value, 0, ok
}

func (listForm) set(packed, part, value []byte, _ int64) []byte {
	position, ok := positionOf(part)
	if !ok {
		return packed
	}
	return sequence.Packed(packed).Set(position, value)
}

func (listForm) cut(packed, part []byte) ([]byte, bool) {
	position, ok := positionOf(part)
	if !ok {
		return packed, false
	}
	return sequence.Packed(packed).Cut(position)
}

func (listForm) cutRange(packed, first, last []byte) ([]byte, int) {
	from, fromOK := positionOf(first)
	to, toOK := positionOf(last)
	if !fromOK || !toOK {
		return packed, 0
	}
	return sequence.Packed(packed).CutRange(from, to)
}

func (listForm) size(packed []byte) int    { return sequence.Packed(packed).Len() }
func (listForm) due([]byte) int64          { return never }
func (listForm) fits(packed []byte) bool   { return len(packed) <= LargeValue }
func (listForm) check(packed []byte) error { return sequence.Packed(packed).Check() }

func (listForm) grow(packed []byte) object {
	return &listObject{sequence.Packed(packed).Grow()}
}

func (listForm) each(packed []byte, visit func(part, value []byte, expireAt int64) bool) {
	for position, value := range sequence.Packed(packed).From(0) {
		if !visit(appendPosition(nil, position), value, 0) {
			return
		}
	}
}

// checkPart refuses what is no position.
func (listForm) checkPart(part, _ []byte) error {
	if len(part) != positionLen {
		return fmt.Errorf("the position of an element has %d bytes instead of %d", len(part), positionLen)
	}
	return nil
}
