package keyspace

import "bytes"

// undo is how a part of an object, or all of it, was before a transaction changed it.
type undo struct {
	coll        *collection
	part, value []byte
	expireAt    int64
	had         bool
	appended    bool    // an entry was added to a stream, whose own part was value before
	whole       object  // if set, the object was this one
	written     written // of a string, instead
}

// partShare estimates the memory that a part takes besides its bytes.
const partShare = 12

func partFootprint(part, value []byte) int64 { return int64(len(part) + len(value) + partShare) }

// setPart makes a part of an opened collection value, and stages the Op. It reports
// whether the part is new. The errors are those of Put, and ErrWrongType if the key has
// got another type since it was opened.
func (tx *Tx) setPart(i int, part, value []byte, expireAt int64) (added bool, err error) {
	tx.mustWrite()
	o := tx.at(i)
	if o.wrong {
		return false, ErrWrongType
	}
	old, oldExpiry, had := o.get(part)
	growth := partFootprint(part, value)
	if had {
		growth -= partFootprint(part, old)
	}
	if err := tx.room(nil, growth); err != nil {
		return false, err
	}
	part, value = tx.keepPart(part, value)
	if o.coll != nil {
		tx.remember(o, part, tx.keepOld(o, old), oldExpiry, had)
		o.coll.limitNodes(tx.store)
		if err := o.coll.set(part, value, expireAt); err != nil {
			return false, err
		}
	} else {
		tx.setPacked(o, part, value, expireAt)
	}
	if !had && o.size() == 1 {
		tx.bringIn(o)
	}
	tx.grownBytes += growth
	tx.stagePart(OpPart, o, part, value, expireAt)
	return !had, nil
}

// setPacked changes the transaction's copy of a packed collection, and makes it large if it
// has outgrown the form.
func (tx *Tx) setPacked(o *opened, part, value []byte, expireAt int64) {
	o.copyPacked()
	o.packed = o.form.set(o.packed, part, value, expireAt)
	if !o.form.fits(o.packed) {
		o.coll = &collection{object: o.form.grow(o.packed), base: max(o.version, tx.nextVersion())}
		o.packed, o.fresh = nil, true
	}
}

// copyPacked gives the transaction a packed form of its own.
func (o *opened) copyPacked() {
	if !o.own {
		o.packed = append(o.buf[:0], o.packed...)
		o.own = true
	}
}

// bringIn counts a key that a part has made.
func (tx *Tx) bringIn(o *opened) {
	tx.Notify(NewEvents, "new", o.key)
	tx.grownKeys++
	tx.grownBytes += footprint(len(o.key), 0, 0)
	o.expireAt = 0
	if tx.staged(o.hash, o.key) < 0 {
		if at, _, _ := tx.locate(o.hash, o.key); at < 0 {
			o.created = true
		}
	}
}

// cutPart removes a part of an opened collection, and stages the Op. It reports whether
// the part was there. With the last one the key goes, and the Op says so.
func (tx *Tx) cutPart(i int, part []byte) bool {
	tx.mustWrite()
	return tx.cut(tx.at(i), part)
}

// cut is cutPart also in a View, for parts that have expired.
func (tx *Tx) cut(o *opened, part []byte) bool {
	if o.wrong {
		return false
	}
	old, expireAt, had := o.get(part)
	if had {
		tx.grownBytes -= partFootprint(part, old)
		tx.cutThere(o, part, tx.keepOld(o, old), expireAt)
	}
	return had
}

// cutThere is cut of a part that is there, after its memory has been subtracted. old is
// its value, as for remember.
func (tx *Tx) cutThere(o *opened, part, old []byte, expireAt int64) {
	part = tx.copy(part) // it may alias what is about to change
	if o.coll != nil {
		tx.remember(o, part, old, expireAt, true)
		o.coll.cut(part)
	} else {
		o.copyPacked()
		o.packed, _ = o.form.cut(o.packed, part)
	}
	if o.size() == 0 {
		tx.grownKeys--
		tx.grownBytes -= footprint(len(o.key), 0, o.expireAt)
		tx.stagePart(OpDelete, o, nil, nil, 0)
		return
	}
	tx.stagePart(OpCut, o, part, nil, 0)
}

// remember keeps what an object had, until the transaction has ended. part and old must not
// change until then.
func (tx *Tx) remember(o *opened, part, old []byte, expireAt int64, had bool) {
	tx.keepStaged(o)
	if !o.fresh && !o.covered {
		tx.undos = append(tx.undos,
			undo{coll: o.coll, part: part, value: old, expireAt: expireAt, had: had})
	}
}

// keepOld returns a copy of what a part was, for remember, if that will keep it.
func (tx *Tx) keepOld(o *opened, old []byte) []byte {
	if o.coll == nil || o.fresh || o.covered {
		return nil
	}
	return tx.copy(old)
}

// rememberAll is remember for the whole object, of which clones share pages.
func (tx *Tx) rememberAll(o *opened) {
	tx.keepStaged(o)
	if !o.fresh && !o.covered {
		tx.undos = append(tx.undos, undo{coll: o.coll, whole: o.coll.clone()})
		o.covered = true
	}
}

// keepStaged gives an op that stands for the whole object what it has now, before it
// changes.
func (tx *Tx) keepStaged(o *opened) {
	if o.staged > 0 {
		tx.ops[o.staged-1].parts = &collection{object: o.coll.clone()}
		o.staged = 0
	}
}

// rollBack makes the objects as they were when the transaction began.
func (tx *Tx) rollBack() {
	for i := len(tx.undos) - 1; i >= 0; i-- {
		u := &tx.undos[i]
		if u.whole != nil {
			u.coll.object = u.whole
		} else if text := u.coll.text(); text != nil {
			text.undo(u.written)
		} else if u.appended {
			u.coll.object.(*streamObject).undoAppend(u.part, u.value)
		} else if !u.had {
			u.coll.cut(u.part)
		} else if err := u.coll.set(u.part, u.value, u.expireAt); err != nil {
			panic(err) // cannot be: it was there before
		}
	}
	clear(tx.undos)
	tx.undos = tx.undos[:0]
}

// keepPart returns copies that live as long as the ops: what it is given may alias the
// collection that is about to change. A Sink may keep a large value.
func (tx *Tx) keepPart(part, value []byte) (p, v []byte) {
	if len(value) > LargeValue {
		return tx.copy(part), Own(value)
	}
	return tx.copy(part), tx.copy(value)
}

// nextVersion returns the version that the next op will have.
func (tx *Tx) nextVersion() uint64 {
	if len(tx.ops) == 0 {
		return tx.table.version + 1
	}
	return tx.version + 1
}

// stagePart stages an op on a part. part and value belong to the transaction already.
func (tx *Tx) stagePart(kind OpKind, o *opened, part, value []byte, expireAt int64) {
	o.dirty = true
	o.seen = o.seen || o.typ == Stream && !isQuiet(part)
	tx.stage(kind, o.typ, o.key, value, expireAt, o.hash, lent)
	op := &tx.ops[len(tx.ops)-1]
	op.Part = part
	o.version = op.Version
}

// flush makes the entry of an opened collection what the transaction has made of it.
// asFound says that the table is as the transaction has found it.
func (tx *Tx) flush(o *opened, asFound bool) {
	t := tx.table
	s, at := t.segment(o.hash), o.foundAt-1
	if !asFound || at < 0 {
		s, at = t.find(o.hash, o.key)
	}
	if o.size() == 0 {
		if at >= 0 {
			t.remove(s, at, o.version)
		}
		return
	}
	if at >= 0 && o.coll != nil && s.collectionAt(at) == o.coll {
		if o.typ == Stream && !o.seen {
			b := s.arena.at(cellRef(s.index.cells[at]))
			o.coll.object.(*streamObject).quiet.extend(parseHead(b).version(b), o.version)
		}
		t.recount(s, at)
		if t.amend(s, at, o.expireAt, o.version) {
			return
		}
	}
	if o.coll != nil {
		o.coll.counted = o.coll.bytes()
		o.coll.base = o.version // it may have been emptied and filled again
	}
	if isLarge(len(o.key), len(o.packed)) { // the entry keeps them
		o.key, o.packed = bytes.Clone(o.key), bytes.Clone(o.packed)
	}
	op := Op{Type: o.typ, Key: o.key, Value: o.packed, ExpireAt: o.expireAt, Version: o.version}
	n := plan{hash: o.hash}
	if i := tx.staged(o.hash, o.key); i >= 0 {
		n.access, n.hasAccess = tx.plans[i].access, tx.plans[i].hasAccess
	}
	tx.commitPut(s, at, &op, &n, o.coll)
}
