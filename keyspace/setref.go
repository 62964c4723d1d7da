package keyspace

import "iter"

// SetRef is a key in a transaction that holds a set, or nothing.
//
// Members that the methods return alias the store: they are read only, and valid until the
// next write to the set. What the methods are given is copied.
type SetRef struct {
	tx *Tx
	n  int // of the opened collection
}

// Set returns the set at key, an empty one if key is not there; the first member makes it.
// The error is ErrWrongType if key holds a value of another type.
func (tx *Tx) Set(key []byte) (SetRef, error) {
	n, err := tx.open(key, Set)
	return SetRef{tx, n}, err
}

// Snapshot returns the set as it is now. It stays so, as [Snapshot] does; its methods that
// write panic.
func (s SetRef) Snapshot() SetRef { return SetRef{s.tx.detached(s.tx.at(s.n)), 0} }

// Len returns the number of members.
func (s SetRef) Len() int { return s.tx.at(s.n).size() }

// Has reports whether member is in the set.
func (s SetRef) Has(member []byte) bool {
	_, _, ok := s.tx.at(s.n).get(member)
	return ok
}

// Add adds a member and reports whether it is new. The errors are those of [Tx.Put].
func (s SetRef) Add(member []byte) (added bool, err error) {
	if s.Has(member) {
		return false, nil
	}
	return s.tx.setPart(s.n, member, nil, 0)
}

// Remove removes a member and reports whether it was there. The last one takes the key with
// it.
func (s SetRef) Remove(member []byte) bool { return s.tx.cutPart(s.n, member) }

// All yields the members: of a small set of integers in their order, of others in no
// particular order. The transaction may write while it runs: members that are added or
// removed meanwhile may be yielded or not, all others are yielded once.
func (s SetRef) All() iter.Seq[[]byte] {
	return func(yield func(member []byte) bool) {
		s.tx.eachPart(s.n, func(member, _ []byte, _ int64) bool { return yield(member) })
	}
}

// Scan calls fn for about count members from a cursor on and returns the cursor to go on
// with; 0 starts and 0 ends. A member that is there during the whole scan is seen at least
// once, as with [Store.Scan]. All members of a small set are seen in one call. fn must not
// write to the set.
func (s SetRef) Scan(cursor uint64, count int, fn func(member []byte)) (next uint64) {
	return s.tx.scanParts(s.n, cursor, count, func(member, _ []byte, _ int64) { fn(member) })
}

// Random returns a member, each with about the same chance, and false if there is none.
// rand returns uniform numbers of 64 bits, as math/rand/v2.Uint64 does.
func (s SetRef) Random(rand func() uint64) (member []byte, ok bool) {
	member, _, _, ok = s.tx.randomPart(s.n, rand)
	return member, ok
}
