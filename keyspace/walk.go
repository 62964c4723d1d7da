package keyspace

import (
	"math/bits"

	"github.com/slotmesh/slotmesh/slots"
)

// Cursor is a place in the iteration order of a slot; 0 is the start. The order is that of
// hash prefixes, and among the keys of one prefix that of the tags. A cursor holds a
// prefix, how many bits it has, and a tag:
//
//	prefix, then a 1 bit, then zeros to 21 bits | tag 12 bits
//
// and means that all keys with smaller prefixes have been seen, and of those with this
// prefix all with smaller tags. That stays true whatever becomes of the segments. If the
// segment has been split since, its first half goes on at the tag and the second half
// starts at 0, so some keys are seen twice; if it has been merged with others, only its
// keys with the prefix are visited. So a key that is there all the time is seen at least
// once, and each call moves on.
type Cursor uint64

func cursorOf(prefix uint32, depth uint8, tag uint32) Cursor {
	mark := prefix<<1 | 1<<(prefixBits-depth)
	return Cursor(mark)<<tagBits | Cursor(tag)
}

func (c Cursor) parts() (prefix uint32, depth uint8, tag uint32) {
	mark := uint32(c>>tagBits) & (1<<(prefixBits+1) - 1)
	if mark == 0 {
		return 0, 0, 0
	}
	low := bits.TrailingZeros32(mark)
	return mark &^ (1 << low) >> 1, uint8(prefixBits - low), uint32(c) & (tagCount - 1)
}

// verdict is what a visit returns: whether to go on.
type verdict uint8

const (
	more   verdict = iota
	enough         // stop behind this entry
	again          // stop before this entry
)

// walk calls visit for each entry from a cursor on. After enough, walk still visits the
// entries of the same tag, since no cursor stands between them, and returns where to go
// on; done means that the slot's end was reached. visit must not change the table.
func (t *table) walk(from Cursor, hash func(key []byte) uint64,
	visit func(s *segment, cell uint32) verdict) (next Cursor, done bool) {
	prefix, depth, tag := from.parts()
	for t.sum.keys > 0 {
		s := t.segmentAt(prefix)
		var belongs func(cell uint32) bool // nil: all of s do
		if depth > s.depth {
			width := depth
			want := prefix >> (prefixBits - width)
			belongs = func(cell uint32) bool { return uint32(hash(s.key(cellRef(cell)))>>(64-width)) == want }
		}
		depth = max(depth, s.depth)
		nextTag, stopped := s.walk(tag, belongs, visit)
		if stopped && nextTag < tagCount {
			return cursorOf(prefix, depth, nextTag), false
		}
		prefix, tag = prefix+1<<(prefixBits-depth), 0
		if prefix == 1<<prefixBits {
			break
		}
		// The widest part that begins at prefix: inside a merged segment, not all of it.
		depth = uint8(prefixBits - bits.TrailingZeros32(prefix))
		if stopped {
			return cursorOf(prefix, depth, 0), false
		}
	}
	return 0, true
}

// walk is table.walk within s; nextTag is tagCount if it came to the end.
func (s *segment) walk(tag uint32, belongs func(cell uint32) bool,
	visit func(s *segment, cell uint32) verdict) (nextTag uint32, stopped bool) {
	for at := s.index.home(tag); at < len(s.index.cells); at++ {
		cell := s.index.cells[at]
		if cell == 0 || cellTag(cell) < tag || belongs != nil && !belongs(cell) {
			continue
		}
		if stopped && cellTag(cell) != tag {
			return cellTag(cell), true
		}
		switch visit(s, cell) {
		case again:
			return cellTag(cell), true
		case enough:
			stopped, tag = true, cellTag(cell)
		}
	}
	return tagCount, stopped
}

// A store-wide cursor is a slot in front of a Cursor: 47 bits in all, which clients whose
// numbers are floating point keep exactly.
const cursorBits = prefixBits + 1 + tagBits

func splitCursor(cursor uint64) (slots.Slot, Cursor) {
	return slots.Slot(cursor >> cursorBits % slots.Count), Cursor(cursor & (1<<cursorBits - 1))
}

func joinCursor(slot slots.Slot, c Cursor) uint64 { return uint64(slot)<<cursorBits | uint64(c) }
