package keyspace

import "bytes"

// Snapshot is a key as it was when it was taken. It stays so, and may be read without the
// slot's lock and after the transaction, by one goroutine at a time: a large collection
// shares pages with the store's, which copies those that it changes.
type Snapshot struct {
	tx *Tx // that sees no key but this
	e  Entry
}

// Snapshot returns key as the transaction sees it, and false if it is not there. It does
// not count as a use. It takes time in proportion to a small key's bytes, or to a
// thousandth of a large collection's parts.
func (tx *Tx) Snapshot(key []byte) (Snapshot, bool) {
	hash := tx.store.hash(key)
	rec, ok := tx.find(hash, key)
	if !ok {
		return Snapshot{}, false
	}
	o := opened{hash: hash, key: key, typ: rec.typ, form: formOf(rec.typ), packed: rec.value, coll: rec.coll,
		wrong: rec.typ == String, expireAt: rec.expireAt, version: rec.version}
	s := Snapshot{tx: tx.detached(&o), e: rec.entry()}
	s.e.Value = s.tx.opened[0].packed
	return s, true
}

// detached returns a transaction of its own that sees no key but that of o, as it is now.
func (tx *Tx) detached(o *opened) *Tx {
	c := *o
	c.key, c.buf, c.own = bytes.Clone(o.key), nil, false
	switch {
	case o.coll != nil:
		c.coll = &collection{object: o.coll.clone(), base: o.coll.base}
	case len(o.packed) <= LargeValue: // a longer one does not change
		c.packed = bytes.Clone(o.packed)
	}
	return &Tx{store: tx.store, slot: tx.slot, mode: tx.mode&^eventMask | passiveMode, now: tx.Now(), opened: []opened{c}}
}

// Entry returns the key's entry; the Value of a large collection is nil.
func (s Snapshot) Entry() Entry { return s.e }

// Len returns the number of parts, 0 of a String.
func (s Snapshot) Len() int {
	if s.e.Type == String {
		return 0
	}
	return s.tx.opened[0].size()
}

// Hash returns the hash, as [Tx.Hash] does. Its methods that write panic.
func (s Snapshot) Hash() (HashRef, error) { return HashRef{s.tx, 0}, s.is(Hash) }

// Set returns the set, as [Tx.Set] does. Its methods that write panic.
func (s Snapshot) Set() (SetRef, error) { return SetRef{s.tx, 0}, s.is(Set) }

// ZSet returns the sorted set, as [Tx.ZSet] does. Its methods that write panic.
func (s Snapshot) ZSet() (ZSetRef, error) { return ZSetRef{s.tx, 0}, s.is(ZSet) }

// List returns the list, as [Tx.List] does. Its methods that write panic.
func (s Snapshot) List() (ListRef, error) { return ListRef{s.tx, 0}, s.is(List) }

func (s Snapshot) is(typ Type) error {
	if s.e.Type != typ {
		return ErrWrongType
	}
	return nil
}

// Parts calls visit for the parts of a collection, those of a list in their order, until
// visit returns false. Parts that have expired are among them: expireAt, in Unix
// milliseconds, 0 for never, tells. Those of a stream are valid during the call. [Op] says
// what parts are.
func (s Snapshot) Parts(visit func(part, value []byte, expireAt int64) bool) {
	o := &s.tx.opened[0]
	switch {
	case o.coll != nil:
		o.coll.walk(nil, visit)
	case o.form != nil && len(o.packed) > 0:
		o.form.each(o.packed, visit)
	}
}
