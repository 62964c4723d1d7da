package keyspace

// fewCut is how many parts are cut one by one, each with its undo. For more, the object is
// cloned: then each page that changes later is copied once.
const fewCut = 32

// cutRange removes the parts of an opened collection from first to last, of which there
// are count, and stages one Op. The last part takes the key with it.
func (tx *Tx) cutRange(i int, first, last []byte, count int) {
	tx.mustWrite()
	o := tx.at(i)
	if o.wrong || count == 0 {
		return
	}
	first, last = tx.copy(first), tx.copy(last)
	if o.coll == nil {
		before := len(o.packed)
		o.copyPacked()
		o.packed, _ = o.form.(ranger).cutRange(o.packed, first, last)
		tx.grownBytes -= int64(before - len(o.packed))
	} else {
		before := o.coll.bytes()
		tx.rememberRange(o, first, last, count)
		o.coll.object.(ranger).cutRange(nil, first, last)
		tx.grownBytes -= before - o.coll.bytes()
	}
	if o.size() == 0 {
		tx.grownKeys--
		tx.grownBytes -= footprint(len(o.key), 0, o.expireAt)
		tx.stagePart(OpDelete, o, nil, nil, 0)
		return
	}
	tx.stagePart(OpCut, o, first, last, 0)
}

// carryCut is Carry of an OpCut.
func (tx *Tx) carryCut(op *Op) error {
	rec, ok := tx.find(tx.store.hash(op.Key), op.Key)
	if !ok || formOf(rec.typ) == nil {
		return nil
	}
	i, err := tx.open(op.Key, rec.typ)
	switch _, ranges := formOf(rec.typ).(ranger); {
	case err != nil:
		return err
	case len(op.Value) == 0:
		tx.cutPart(i, op.Part)
	case ranges:
		tx.cutRange(i, op.Part, op.Value, tx.at(i).count(op.Part, op.Value))
	}
	return nil
}

// isWithin reports whether a part is in a range.
func isWithin(part, first, last []byte) bool {
	return string(part) >= string(first) && string(part) <= string(last)
}

// count returns how many parts there are from first to last, which need not be there.
func (o *opened) count(first, last []byte) (n int) {
	visit := func(part, _ []byte, _ int64) bool {
		within := isWithin(part, first, last)
		if within {
			n++
		}
		return within || o.coll == nil
	}
	if o.coll != nil { // the parts of a range follow one another
		o.coll.walk(partCursor(first), visit)
	} else if len(o.packed) > 0 {
		o.form.each(o.packed, visit)
	}
	return n
}

// rememberRange is remember for a range of parts.
func (tx *Tx) rememberRange(o *opened, first, last []byte, count int) {
	if count > fewCut || o.fresh || o.covered {
		tx.rememberAll(o)
		return
	}
	if object, ok := o.coll.object.(*streamObject); ok && tx.rememberEntries(o, object, first, last) {
		return
	}
	o.coll.walk(partCursor(first), func(part, value []byte, expireAt int64) bool {
		within := isWithin(part, first, last)
		if within {
			tx.remember(o, tx.copy(part), tx.copy(value), expireAt, true)
		}
		return within
	})
}
