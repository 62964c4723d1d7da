package acl

import "math/bits"

// bitset is a set of command IDs.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (s bitset) has(id int) bool {
	return uint(id) < uint(len(s)*64) && s[id/64]&(1<<(id%64)) != 0
}

func (s bitset) set(id int, value bool) {
	if value {
		s[id/64] |= 1 << (id % 64)
	} else {
		s[id/64] &^= 1 << (id % 64)
	}
}

// setAll adds all members of other, or removes them.
func (s bitset) setAll(other bitset, value bool) {
	for i, word := range other {
		if value {
			s[i] |= word
		} else {
			s[i] &^= word
		}
	}
}

// common returns how many members the sets have in common.
func (s bitset) common(other bitset) (n int) {
	for i, word := range other {
		n += bits.OnesCount64(s[i] & word)
	}
	return n
}

func (s bitset) contains(other bitset) bool { return s.common(other) == other.common(other) }
