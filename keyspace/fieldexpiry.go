package keyspace

import "bytes"

// mayLapse reports whether a part of the opened collection may have expired. For most
// collections it costs a comparison.
func (tx *Tx) mayLapse(o *opened) bool {
	due := int64(never)
	switch {
	case o.coll != nil:
		due = o.coll.due()
	case len(o.packed) > 0:
		due = o.form.due(o.packed)
	}
	return due != never && due <= tx.Now()
}

// partLapsed reports whether a part with that expiry has expired.
func (tx *Tx) partLapsed(expireAt int64) bool { return expireAt != 0 && expireAt <= tx.Now() }

// expireParts stages the removal of the expired parts of a key's collection. It returns when
// the next one is due, and false if there are more than should go under one hold of the
// lock.
func (tx *Tx) expireParts(key []byte, typ Type) (due int64, finished bool) {
	hash := tx.store.hash(key)
	i := tx.findOpened(hash, key)
	if i < 0 {
		i = tx.addOpened(hash, key, typ)
		tx.load(&tx.opened[i], false) // no use of the key
	}
	o := &tx.opened[i]
	var parts [][]byte
	if large, ok := o.object().(*nested); ok {
		parts, due, finished = large.lapsed(tx.Now(), expireKeys)
	} else {
		parts, due = lapsedParts(o.form, o.packed, tx.Now())
		finished = true
	}
	for _, part := range parts {
		tx.cut(o, part)
	}
	if len(parts) > 0 {
		tx.noteLapsedParts(o)
	}
	return due, finished
}

// lapsedParts returns the expired parts of a packed collection and when the next one
// expires.
func lapsedParts(f form, packed []byte, now int64) (parts [][]byte, due int64) {
	due = never
	f.each(packed, func(part, _ []byte, expireAt int64) bool {
		switch {
		case expireAt == 0:
		case expireAt > now:
			due = min(due, expireAt)
		default:
			parts = append(parts, bytes.Clone(part)) // removing one moves the others
		}
		return true
	})
	return parts, due
}

// lapsed returns at least limit expired parts, if there are so many, for the caller to cut.
// It goes through the segments in turn, a whole one at a time, and forgets that a segment
// is due. finished is false if there may be more; due is when the next part expires.
func (n *nested) lapsed(now int64, limit int) (parts [][]byte, due int64, finished bool) {
	t := &n.table
	due = never
	for left := int64(1 << prefixBits); left > 0; {
		s := t.segmentAt(n.expireNext)
		if s.due <= now {
			if len(parts) >= limit {
				return parts, now, false
			}
			if s.deleted != t.version {
				s = n.own(s)
			}
			parts = s.lapsed(now, parts)
		}
		due = min(due, s.due)
		width := uint32(1) << (prefixBits - s.depth)
		n.expireNext = (s.prefix + width) % (1 << prefixBits)
		left -= int64(width)
	}
	t.due = due
	return parts, due, true
}

// lapsed appends copies of the expired keys to list, and sets when the next one is due.
func (s *segment) lapsed(now int64, list [][]byte) [][]byte {
	s.due = never
	for _, cell := range s.index.cells {
		if cell == 0 || s.arena.at(cellRef(cell))[0]&flagExpires == 0 {
			continue
		}
		if rec := s.record(cellRef(cell)); rec.expireAt > now {
			s.due = min(s.due, rec.expireAt)
		} else {
			list = append(list, bytes.Clone(rec.key))
		}
	}
	return list
}

// cutLapsed removes a part that has expired, if this node decides about expiry.
func (tx *Tx) cutLapsed(o *opened, part []byte) {
	if tx.mode&passiveMode == 0 {
		tx.cut(o, part)
		tx.noteLapsedParts(o)
	}
}

// noteLapsedParts tells that parts of a hash have expired, as Redis does since 7.4, and that
// the last one has taken the key with it.
func (tx *Tx) noteLapsedParts(o *opened) {
	tx.Notify(HashEvents, "hexpired", o.key)
	if o.size() == 0 {
		tx.Notify(GenericEvents, "del", o.key)
	}
}
