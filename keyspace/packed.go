package keyspace

import (
	"encoding/binary"
	"math"
	"slices"
)

// What packed hashes and packed sets have in common.

// resizeAt makes the bytes from start to end size bytes long; what they hold afterwards is
// undefined.
func resizeAt(p []byte, start, end, size int) []byte {
	switch grown := size - (end - start); {
	case grown < 0:
		return slices.Delete(p, start, start-grown)
	case grown > 0:
		was := len(p)
		p = slices.Grow(p, grown)[:was+grown]
		copy(p[end+grown:], p[end:was])
	}
	return p
}

func le16(b []byte) int { return int(binary.LittleEndian.Uint16(b)) }

// addTo adds n to the number of 16 bits at the beginning of b and returns it.
func addTo(b []byte, n int) int {
	sum := le16(b) + n
	binary.LittleEndian.PutUint16(b, uint16(sum))
	return sum
}

// raise makes the number of 16 bits at the beginning of b at least n; a greater one than
// fits counts as the greatest.
func raise(b []byte, n int) {
	if n > le16(b) {
		binary.LittleEndian.PutUint16(b, uint16(min(n, math.MaxUint16)))
	}
}

// partSet finds out whether a packed form from outside has a part twice.
type partSet struct {
	expected int
	few      [][]byte
	many     map[string]struct{}
}

// fewParts is up to how many comparing each with each is fastest.
const fewParts = 16

func newPartSet(expected int) *partSet { return &partSet{expected: expected} }

// add reports whether part is new. It keeps part.
func (s *partSet) add(part []byte) bool {
	if s.many == nil {
		for _, other := range s.few {
			if string(other) == string(part) {
				return false
			}
		}
		if s.few = append(s.few, part); len(s.few) <= fewParts {
			return true
		}
		s.many = make(map[string]struct{})
		for _, p := range s.few {
			s.many[string(p)] = struct{}{}
		}
		return true
	}
	if _, ok := s.many[string(part)]; ok {
		return false
	}
	s.many[string(part)] = struct{}{}
	return true
}
