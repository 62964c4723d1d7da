package keyspace

import "iter"

// HashRef is a key in a transaction that holds a hash, or nothing. A field that has expired
// is not there, except that Len counts it until it is removed.
//
// Fields and values that the methods return alias the store: they are read only, and valid
// until the next write to the hash. What the methods are given is copied.
type HashRef struct {
	tx *Tx
	n  int // of the opened collection
}

// Hash returns the hash at key, an empty one if key is not there; the first field makes it.
// The error is ErrWrongType if key holds a value of another type.
func (tx *Tx) Hash(key []byte) (HashRef, error) {
	n, err := tx.open(key, Hash)
	return HashRef{tx, n}, err
}

// Snapshot returns the hash as it is now. It stays so, as [Snapshot] does; its methods that
// write panic.
func (h HashRef) Snapshot() HashRef { return HashRef{h.tx.detached(h.tx.at(h.n)), 0} }

// Len returns the number of fields.
func (h HashRef) Len() int { return h.tx.at(h.n).size() }

// Live returns the number of fields that have not expired. If some have, it counts.
func (h HashRef) Live() int {
	o := h.tx.at(h.n)
	if !h.tx.mayLapse(o) {
		return o.size()
	}
	n := 0
	for range h.All() {
		n++
	}
	return n
}

// Get returns the value of a field.
func (h HashRef) Get(field []byte) (value []byte, ok bool) {
	value, _, ok = h.get(field)
	return value, ok
}

// ExpireAt returns when a field expires, in Unix milliseconds, 0 for never.
func (h HashRef) ExpireAt(field []byte) (at int64, ok bool) {
	_, at, ok = h.get(field)
	return at, ok
}

func (h HashRef) get(field []byte) (value []byte, expireAt int64, ok bool) {
	o := h.tx.at(h.n)
	if value, expireAt, ok = o.get(field); ok && h.tx.partLapsed(expireAt) {
		h.tx.cutLapsed(o, field)
		return nil, 0, false
	}
	return value, expireAt, ok
}

// Set stores a field that does not expire and reports whether it is new. The errors are
// those of [Tx.Put].
func (h HashRef) Set(field, value []byte) (added bool, err error) { return h.SetUntil(field, value, 0) }

// SetUntil is Set for a field that expires, in Unix milliseconds, 0 for never.
func (h HashRef) SetUntil(field, value []byte, expireAt int64) (added bool, err error) {
	lapsed := false
	if o := h.tx.at(h.n); h.tx.mayLapse(o) {
		_, before, had := o.get(field)
		lapsed = had && h.tx.partLapsed(before)
	}
	added, err = h.tx.setPart(h.n, field, value, expireAt)
	return added || lapsed && err == nil, err
}

// Expire sets when a field expires, in Unix milliseconds, 0 for never, and reports whether
// it is there. The errors are those of [Tx.Put].
func (h HashRef) Expire(field []byte, expireAt int64) (ok bool, err error) {
	value, before, ok := h.get(field)
	if !ok || before == expireAt {
		return ok, nil
	}
	_, err = h.tx.setPart(h.n, field, value, expireAt)
	return err == nil, err
}

// Delete removes a field and reports whether it was there. The last one takes the key with
// it.
func (h HashRef) Delete(field []byte) bool {
	lapsed := false
	if o := h.tx.at(h.n); h.tx.mayLapse(o) {
		_, before, had := o.get(field)
		lapsed = had && h.tx.partLapsed(before)
	}
	return h.tx.cutPart(h.n, field) && !lapsed
}

// All yields fields and values: of a small hash in the order in which the fields came, of a
// large one in no particular order. The transaction may write while it runs: fields that
// are set or deleted meanwhile may be yielded or not, all others are yielded once.
func (h HashRef) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(field, value []byte) bool) {
		h.tx.eachPart(h.n, func(field, value []byte, expireAt int64) bool {
			return h.tx.partLapsed(expireAt) || yield(field, value)
		})
	}
}

// Scan calls fn for about count fields from a cursor on and returns the cursor to go on
// with; 0 starts and 0 ends. A field that is there during the whole scan is seen at least
// once, as with [Store.Scan]. All fields of a small hash are seen in one call. fn must not
// write to the hash.
func (h HashRef) Scan(cursor uint64, count int, fn func(field, value []byte)) (next uint64) {
	return h.tx.scanParts(h.n, cursor, count, func(field, value []byte, expireAt int64) {
		if !h.tx.partLapsed(expireAt) {
			fn(field, value)
		}
	})
}

// Random returns a field and its value, each with about the same chance, and false if there
// is none. rand returns uniform numbers of 64 bits, as math/rand/v2.Uint64 does.
func (h HashRef) Random(rand func() uint64) (field, value []byte, ok bool) {
	for range 100 { // a field that has expired is tried again
		field, value, expireAt, ok := h.tx.randomPart(h.n, rand)
		if !ok || !h.tx.partLapsed(expireAt) {
			return field, value, ok
		}
	}
	for field, value := range h.All() {
		return field, value, true
	}
	return nil, nil, false
}
