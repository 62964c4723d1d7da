package keyspace

import (
	"bytes"
	"math"
)

// What hashes and sets have in common in a transaction.

// eachPart visits the parts of an opened hash or set until visit returns false. visit may
// write, to the collection too: then what has changed may be visited or not.
func (tx *Tx) eachPart(i int, visit func(part, value []byte, expireAt int64) bool) {
	o := tx.at(i)
	if o.coll == nil {
		packed := o.packed
		if o.own { // a write would move what is visited
			packed = bytes.Clone(packed)
		}
		if len(packed) > 0 {
			o.form.each(packed, visit)
		}
		return
	}
	coll, large, stopped := o.coll, o.coll.object.(*nested), false
	var at partCursor
	for done := false; !done && !stopped && o.coll == coll; o = tx.at(i) {
		version := o.version
		at, done = large.walkUntil(at, func(part, value []byte, expireAt int64) verdict {
			if stopped = !visit(part, value, expireAt); stopped || tx.at(i).version != version {
				return enough // parts may have moved: find the place again
			}
			return more
		})
	}
}

// scanParts is Scan of an opened hash or set.
func (tx *Tx) scanParts(i int, cursor uint64, count int, visit func(part, value []byte, expireAt int64)) (next uint64) {
	o := tx.at(i)
	if o.coll != nil {
		return uint64(o.coll.object.(*nested).scan(Cursor(cursor&math.MaxInt64), count, visit))
	}
	if len(o.packed) > 0 {
		o.form.each(o.packed, func(part, value []byte, expireAt int64) bool {
			visit(part, value, expireAt)
			return true
		})
	}
	return 0
}

// randomPart returns a random part of an opened hash or set, and false if it is empty.
func (tx *Tx) randomPart(i int, rand func() uint64) (part, value []byte, expireAt int64, ok bool) {
	o := tx.at(i)
	n := o.size()
	if n == 0 {
		return nil, nil, 0, false
	}
	if o.coll != nil {
		part, value, expireAt = o.coll.object.(*nested).random(rand)
		return part, value, expireAt, true
	}
	left := int(rand() % uint64(n))
	if o.typ == Set && areInts(o.packed) {
		return appendInt(nil, intsOf(o.packed).at(left)), nil, 0, true
	}
	o.form.each(o.packed, func(p, v []byte, at int64) bool {
		part, value, expireAt = p, v, at
		left--
		return left >= 0
	})
	return part, value, expireAt, true
}
