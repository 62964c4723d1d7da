package keyspace

import (
	"math/bits"

	"github.com/slotmesh/slotmesh/slots"
)

// Cursor is a place in the iteration order of a slot; 0 is the start. The
// order is that of the segments' hash prefixes, inside a segment that of the tags. A
// cursor holds the prefix and depth of the segment it stands in and the next tag:
//
//	prefix, then a 1 bit, then zeros to 21 bits | tag 12 bits
//
// and says: all keys of segments before this one have been seen, and all of this one with
// smaller tags. Splits and merges of segments keep that true: whoever finds the prefix
// in a segment of less depth (a merge happened) starts that segment again. So a key
// that is there all the time is seen at least once, and is seen twice only if
// its segment changed in between.
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

// walk calls visit for each entry from a cursor on. When visit returns false, walk still
// visits the entries of the same tag, since no cursor stands between them, and returns
// where to go on; done means that the slot's end was reached. visit must not change
// the table.
func (t *table) walk(from Cursor, visit func(s *segment, cell uint32) bool) (next Cursor, done bool) {
	prefix, depth, tag := from.parts()
	for t.sum.keys > 0 {
		s := t.segmentAt(prefix)
		if s.depth < depth {
			tag = 0
		}
		nextTag, stopped := s.walk(tag, visit)
		if stopped && nextTag < tagCount {
			return cursorOf(s.prefix, s.depth, nextTag), false
		}
		prefix, tag = s.prefix+1<<(prefixBits-s.depth), 0
		if prefix == 1<<prefixBits {
			break
		}
		depth = t.segmentAt(prefix).depth
		if stopped {
			return cursorOf(prefix, depth, 0), false
		}
	}
	return 0, true
}

// walk is table.walk within s; nextTag is tagCount if it came to the end.
func (s *segment) walk(tag uint32, visit func(s *segment, cell uint32) bool) (nextTag uint32, stopped bool) {
	for at := s.index.home(tag); at < len(s.index.cells); at++ {
		cell := s.index.cells[at]
		if cell == 0 || cellTag(cell) < tag {
			continue
		}
		if stopped && cellTag(cell) != tag {
			return cellTag(cell), true
		}
		if !visit(s, cell) && !stopped {
			stopped, tag = true, cellTag(cell)
		}
	}
	return tagCount, stopped
}

// A store-wide cursor is a slot in front of a Cursor: 47 bits in all, so that it survives
// in clients whose numbers are floating point.
const cursorBits = prefixBits + 1 + tagBits

func splitCursor(cursor uint64) (slots.Slot, Cursor) {
	return slots.Slot(cursor >> cursorBits % slots.Count), Cursor(cursor & (1<<cursorBits - 1))
}

func joinCursor(slot slots.Slot, c Cursor) uint64 { return uint64(slot)<<cursorBits | uint64(c) }
