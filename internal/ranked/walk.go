package ranked

import (
	"cmp"
	"slices"
)

// Walk visits the members in the order of their hashes from a cursor on, 0 at first, until
// visit returns false: it stops before that member, and next is the cursor to go on from.
// done means that the end was reached. A member that is in the set from the first call to
// the last is visited at least once, whatever changes between the calls. A member and its
// score, 8 bytes big-endian, alias the set. A cursor has 63 bits.
func (s *Set) Walk(from uint64, visit func(member, score []byte) bool) (next uint64, done bool) {
	x := &s.index
	first := uint32(from >> hashRest)
	for at := x.at(first); at < len(x.buckets); {
		b := x.buckets[at]
		at = (at>>(x.depth-b.depth) + 1) << (x.depth - b.depth)
		for cells := b.cells; len(cells) > 0; {
			n := sameHash(cells)
			if cells[0] != 0 && cells[0].hash() >= first {
				if next, ok := s.visit(cells[:n], from, visit); !ok {
					return next, false
				}
			}
			cells = cells[n:]
		}
	}
	return 0, true
}

// sameHash returns how many cells at the beginning have the same hash.
func sameHash(cells []cell) int {
	n := 1
	for n < len(cells) && cells[n].hash() == cells[0].hash() {
		n++
	}
	return n
}

// visit visits the members of cells with equal hashes, as far as a cell knows them, in the
// order of their whole hashes, from a cursor on.
func (s *Set) visit(cells []cell, from uint64, visit func(member, score []byte) bool) (next uint64, ok bool) {
	if len(cells) > 1 {
		cells = slices.Clone(cells)
		slices.SortFunc(cells, func(a, b cell) int { return cmp.Compare(s.hash(a), s.hash(b)) })
	}
	for _, c := range cells {
		if c.hash() == uint32(from>>hashRest) && s.hash(c) < from {
			continue
		}
		if r := c.ref(); !visit(s.records.member(r), s.records.scoreBytes(r)) {
			return s.hash(c), false
		}
	}
	return 0, true
}

// hash returns the whole hash of a cell's member.
func (s *Set) hash(c cell) uint64 { return hash(s.records.member(c.ref())) }
