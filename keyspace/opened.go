package keyspace

import "bytes"

// opened is a collection that a transaction has looked at. Its parts are changed at once:
// packed ones in a copy that belongs to the transaction, those of an object in place, with
// an undo log. The entry follows when the transaction commits.
type opened struct {
	hash     uint64
	key      []byte
	typ      Type
	form     form
	packed   []byte      // aliases the store until own is set
	coll     *collection // nil: the collection is packed
	buf      []byte      // where the transaction's copy lies; kept for the next transaction
	own      bool
	fresh    bool // no other transaction knows coll: there is nothing to undo
	covered  bool // an undo has all of coll: it needs no other
	dirty    bool // differs from the table
	stale    bool // a later op on the whole key counts instead
	wrong    bool // the key holds another type now
	staged   int  // 1 + the op that has coll as its parts; 0 = none
	seen     bool // a change of a stream is one that WATCH sees
	created  bool // the key was not there before the transaction
	access   uint32
	foundAt  int // 1 + where its entry stood when the transaction had changed nothing; 0 = not known
	expireAt int64
	version  uint64
}

// manyOpened is how many opened collections are searched one after the other.
const manyOpened = 16

// open returns the number of a key's collection for the other functions of this file; a
// key that is not there is an empty one. The error is ErrWrongType.
func (tx *Tx) open(key []byte, typ Type) (int, error) {
	return tx.openHashed(tx.store.hash(key), key, typ)
}

// openHashed is open for a key whose hash is known.
func (tx *Tx) openHashed(hash uint64, key []byte, typ Type) (int, error) {
	i := tx.findOpened(hash, key)
	if i < 0 {
		i = tx.addOpened(hash, key, typ)
		tx.load(&tx.opened[i], true)
	}
	o := &tx.opened[i]
	if o.stale {
		o.typ, o.form = typ, forms[typ]
		tx.load(o, true)
	}
	if o.typ != typ && !o.wrong && o.size() == 0 { // an emptied collection is no key
		o.typ, o.form, o.packed, o.coll, o.own, o.fresh, o.covered = typ, forms[typ], nil, nil, false, false, false
	}
	if o.wrong || o.typ != typ {
		if o.wrong {
			o.stale = true // another type may be asked for next
		}
		return i, ErrWrongType
	}
	return i, nil
}

// at returns an opened collection as the transaction has left it.
func (tx *Tx) at(i int) *opened {
	o := &tx.opened[i]
	if o.stale {
		tx.load(o, false)
	}
	return o
}

func (tx *Tx) findOpened(hash uint64, key []byte) int {
	if len(tx.opened) > manyOpened {
		if i, ok := tx.openedByKey[string(key)]; ok {
			return i
		}
		return -1
	}
	for i := range tx.opened {
		if o := &tx.opened[i]; o.hash == hash && bytes.Equal(o.key, key) {
			return i
		}
	}
	return -1
}

func (tx *Tx) addOpened(hash uint64, key []byte, typ Type) int {
	n := len(tx.opened)
	if n < cap(tx.opened) {
		tx.opened = tx.opened[:n+1]
	} else {
		tx.opened = append(tx.opened, opened{})
	}
	o := &tx.opened[n]
	o.hash, o.key, o.typ, o.form = hash, tx.copy(key), typ, forms[typ] // the rest is zero
	if n < manyOpened {
		return n
	}
	if n == manyOpened {
		tx.openedByKey = make(map[string]int)
		for i := range tx.opened[:n] {
			tx.openedByKey[string(tx.opened[i].key)] = i
		}
	}
	tx.openedByKey[string(key)] = n
	return n
}

// load reads the collection from what the transaction sees of the key. counts says that
// this is a use of it, a hit or a miss.
func (tx *Tx) load(o *opened, counts bool) {
	o.packed, o.coll, o.own, o.fresh, o.covered, o.dirty, o.staged = nil, nil, false, false, false, false, 0
	o.stale, o.wrong, o.expireAt, o.version, o.foundAt, o.seen = false, false, 0, 0, 0, false
	if counts && len(tx.ops) == 0 && tx.loadFound(o) {
		return
	}
	rec, at, ok := tx.lookUp(o.hash, o.key, counts)
	if !ok {
		return
	}
	o.expireAt, o.version, o.access, o.foundAt = rec.expireAt, rec.version, rec.access, at+1
	if o.wrong = rec.typ != o.typ; !o.wrong {
		o.packed, o.coll = rec.value, rec.coll
	}
}

// loadFound is load where the transaction has changed nothing and the key is there, without
// an expiry: the shortest way for what most commands on collections do first. It returns
// false if it has done nothing.
func (tx *Tx) loadFound(o *opened) bool {
	at, b, h := tx.locate(o.hash, o.key)
	if at < 0 || h.flags&flagExpires != 0 {
		return false
	}
	o.version, o.access, o.foundAt = h.version(b), accessOf(b), at+1
	tx.hit()
	tx.use(b, o.version)
	switch {
	case h.typ(b) != o.typ:
		o.wrong = true
	case h.flags&flagLarge != 0:
		g := &tx.table.segment(o.hash).larges.list[h.value]
		o.packed, o.coll = g.value, g.coll
	default:
		o.packed = h.valueIn(b)
	}
	return true
}

// lookUp is Get that returns the whole record, and its position in the index of its
// segment, -1 if that was not looked for.
func (tx *Tx) lookUp(hash uint64, key []byte, counts bool) (rec record, at int, ok bool) {
	at = -1
	if len(tx.ops) > 0 || !counts {
		rec, ok = tx.find(hash, key)
	} else if i, b, h := tx.locate(hash, key); i >= 0 {
		at, rec = i, tx.recordAt(hash, b, h)
		if ok = !tx.lapsed(&rec); ok {
			tx.use(b, rec.version)
		}
	}
	switch {
	case !counts:
	case ok:
		tx.hit()
	default:
		tx.table.misses++
	}
	return rec, at, ok
}

// dirtied returns the opened collection that is the present state of key, nil if the table
// or a staged op is.
func (tx *Tx) dirtied(hash uint64, key []byte) *opened {
	if len(tx.opened) == 0 {
		return nil
	}
	if i := tx.findOpened(hash, key); i >= 0 && tx.opened[i].dirty && !tx.opened[i].stale {
		return &tx.opened[i]
	}
	return nil
}

// outdate makes an opened collection give way to an op on the whole key.
func (tx *Tx) outdate(hash uint64, key []byte) {
	if len(tx.opened) == 0 {
		return
	}
	if i := tx.findOpened(hash, key); i >= 0 {
		tx.opened[i].stale, tx.opened[i].dirty = true, false
	}
}

func (o *opened) get(part []byte) (value []byte, expireAt int64, ok bool) {
	switch {
	case o.coll != nil:
		return o.coll.get(part)
	case len(o.packed) == 0:
		return nil, 0, false
	}
	return o.form.get(o.packed, part)
}

// object returns the object, nil if the collection is packed.
func (o *opened) object() object {
	if o.coll == nil {
		return nil
	}
	return o.coll.object
}

// size returns the number of parts.
func (o *opened) size() int {
	switch {
	case o.coll != nil:
		return o.coll.size()
	case len(o.packed) == 0:
		return 0
	}
	return o.form.size(o.packed)
}

// record returns the entry that the collection will have; ok is false if it is empty.
func (o *opened) record() (rec record, ok bool) {
	return record{typ: o.typ, key: o.key, value: o.packed, coll: o.coll, expireAt: o.expireAt, version: o.version,
		access: o.access}, o.size() > 0
}

// closeOpened forgets the opened collections, but keeps their buffers if they are small.
func (tx *Tx) closeOpened() {
	for i := range tx.opened {
		o := &tx.opened[i]
		buf := o.buf
		if o.own && cap(o.packed) > cap(buf) && cap(o.packed) <= 2*LargeValue {
			buf = o.packed
		}
		*o = opened{buf: buf[:0]}
	}
	if cap(tx.opened) > keepOps {
		tx.opened = nil
	}
	tx.opened, tx.openedByKey = tx.opened[:0], nil
}
