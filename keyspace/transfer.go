package keyspace

import "bytes"

// Copy makes the key to what key is, with its expiry, instead of what it is now. It
// reports whether key is there. The errors are those of Put. A large collection is not
// copied but shared: each of its pages is copied when it changes.
func (tx *Tx) Copy(key, to []byte) (bool, error) { return tx.transfer(OpCopy, key, to) }

// Rename is Copy that removes key.
func (tx *Tx) Rename(key, to []byte) (bool, error) { return tx.transfer(OpMove, key, to) }

func (tx *Tx) transfer(kind OpKind, key, to []byte) (bool, error) {
	tx.mustWrite()
	hash := tx.store.hash(key)
	rec, ok := tx.find(hash, key)
	if !ok || bytes.Equal(key, to) {
		return ok, nil
	}
	if rec.coll != nil {
		return true, tx.transferLarge(kind, &rec, to)
	}
	// The store never changes a large value in place, so both keys may have it.
	if err := tx.put(tx.store.hash(to), to, rec.typ, rec.value, rec.expireAt, given); err != nil {
		return true, err
	}
	if kind == OpMove {
		tx.Delete(key)
	}
	return true, nil
}

// transferLarge stages an op that says no more than the names, because a replica has the
// collection already.
func (tx *Tx) transferLarge(kind OpKind, rec *record, to []byte) error {
	from, err := tx.open(rec.key, rec.typ)
	if err != nil {
		return err
	}
	hash := tx.store.hash(to)
	if tx.mode&eventMask != 0 {
		tx.noteNew(hash, to)
	}
	before, there := tx.find(hash, to)
	growth := int64(0)
	if there {
		growth -= before.footprint()
	}
	if kind == OpCopy {
		growth += rec.footprint()
	}
	if err := tx.room(nil, growth); err != nil {
		return err
	}
	tx.grownBytes += growth
	i := tx.findOpened(hash, to)
	if i < 0 {
		i = tx.addOpened(hash, to, rec.typ)
	}
	s, d := &tx.opened[from], &tx.opened[i]
	created := d.created || !there
	found := s.hash // under this the op is found as the last one on its key
	if kind == OpCopy {
		found = hash // which does not belong to the key: nothing happens to that
	}
	tx.stage(kind, rec.typ, s.key, nil, rec.expireAt, found, lent)
	tx.ops[len(tx.ops)-1].Part = d.key
	*d = opened{hash: hash, key: d.key, buf: d.buf, typ: s.typ, form: s.form, dirty: true, created: created,
		access: s.access, expireAt: rec.expireAt, version: tx.version, fresh: s.fresh, staged: s.staged,
		coll: &collection{object: s.coll.object, base: tx.version}}
	if kind == OpCopy {
		d.coll.object, d.fresh, d.staged = s.coll.clone(), true, 0
	} else {
		s.coll, s.packed, s.own, s.dirty, s.staged, s.version = nil, nil, false, true, 0, tx.version
		tx.grownKeys--
	}
	if !there {
		tx.grownKeys++
	}
	return nil
}
