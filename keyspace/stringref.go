package keyspace

import (
	"bytes"
	"fmt"
)

// StringRef is a string as a transaction sees it, for reading parts of it: a long one that
// was changed in part need not be put together. It is valid until the transaction's
// function returns or changes the key.
type StringRef struct {
	value []byte
	long  *longString // nil: value is all
	ok    bool
}

// String returns the string of a key and counts as a use of it. A key that is not there is
// an empty string. The error is ErrWrongType.
func (tx *Tx) String(key []byte) (StringRef, error) {
	hash := tx.store.hash(key)
	if len(tx.ops) == 0 { // the shortest way, as in Get
		if at, b, h := tx.locate(hash, key); at >= 0 && h.flags&flagExpires == 0 {
			tx.hit()
			tx.use(b, h.version(b))
			if h.typ(b) != String {
				return StringRef{}, ErrWrongType
			}
			if h.flags&flagLarge == 0 {
				return StringRef{value: h.valueIn(b), ok: true}, nil
			}
			g := &tx.table.segment(hash).larges.list[h.value]
			return StringRef{value: g.value, long: g.coll.text(), ok: true}, nil
		}
	}
	rec, _, ok := tx.lookUp(hash, key, true)
	if !ok {
		return StringRef{}, nil
	}
	return rec.text()
}

// PeekString is String, but does not count as a use, a hit or a miss.
func (tx *Tx) PeekString(key []byte) (StringRef, error) {
	rec, ok := tx.find(tx.store.hash(key), key)
	if !ok {
		return StringRef{}, nil
	}
	return rec.text()
}

// Snapshot returns the string as it is now. It stays so, and may be read after the
// transaction. It takes time in proportion to the length of a short string; a long one
// shares memory with the store's, which copies what it changes.
func (s StringRef) Snapshot() StringRef {
	switch {
	case s.long != nil:
		s.long = s.long.clone().(*longString)
	case len(s.value) <= LargeValue:
		s.value = bytes.Clone(s.value)
	}
	return s
}

// text returns the string of an entry.
func (r *record) text() (StringRef, error) {
	if r.typ != String {
		return StringRef{}, ErrWrongType
	}
	return StringRef{value: r.value, long: r.coll.text(), ok: true}, nil
}

// text returns the string that the collection is, nil if it is none.
func (c *collection) text() *longString {
	if c == nil {
		return nil
	}
	s, _ := c.object.(*longString)
	return s
}

// Exists reports whether the key is there.
func (s StringRef) Exists() bool { return s.ok }

// Len returns the number of bytes.
func (s StringRef) Len() int {
	if s.long != nil {
		return s.long.length
	}
	return len(s.value)
}

// Contiguous returns the bytes if they are in one place. They are read only.
func (s StringRef) Contiguous() (b []byte, ok bool) { return s.value, s.long == nil }

// At returns a byte, 0 from Len on.
func (s StringRef) At(i int) byte {
	switch {
	case i >= s.Len():
		return 0
	case s.long != nil:
		return s.long.at(i)
	}
	return s.value[i]
}

// AppendTo appends the bytes between two offsets, from 0 to Len, to dst.
func (s StringRef) AppendTo(dst []byte, from, to int) []byte {
	if s.long != nil {
		return s.long.appendTo(dst, from, to)
	}
	return append(dst, s.value[from:to]...)
}

// SetRange makes the bytes of a string from an offset on those of value. What lies between
// its end and offset becomes zeros; a key that is not there is an empty string. The string
// keeps its expiry. The Op has no more than value, so the change of a long string costs
// what is changed. The errors are those of Put, and ErrWrongType.
func (tx *Tx) SetRange(key []byte, offset int, value []byte) error {
	tx.mustWrite()
	if len(value) == 0 {
		return nil
	}
	if offset < 0 || offset > maxString-len(value) {
		return fmt.Errorf("keyspace: %d bytes at offset %d are not within the longest string, %d bytes", len(value),
			offset, int64(maxString))
	}
	hash := tx.store.hash(key)
	if len(tx.ops) == 0 && tx.isLong(hash, key) {
		return tx.setLongRange(hash, key, offset, value)
	}
	rec, ok := tx.find(hash, key)
	switch {
	case !ok:
		return tx.put(hash, key, String, writeRange(nil, offset, value), 0, given)
	case rec.typ != String:
		return ErrWrongType
	case rec.coll == nil && max(len(rec.value), offset+len(value)) <= LargeValue:
		return tx.setSmallRange(hash, key, &rec, offset, value)
	}
	return tx.setLongRange(hash, key, offset, value)
}

// partCost is about what an OpPart is longer than an OpPut of the same value.
const partCost = 10

// setSmallRange puts the whole string, and leaves it to commit to send only what is changed.
func (tx *Tx) setSmallRange(hash uint64, key []byte, rec *record, offset int, value []byte) error {
	whole := tx.copy(zeros[:max(len(rec.value), offset+len(value))])
	copy(whole, rec.value)
	copy(whole[offset:], value)
	if err := tx.put(hash, tx.copy(key), String, whole, rec.expireAt, lent); err != nil {
		return err
	}
	if len(value)+partCost < len(whole) {
		n := &tx.plans[len(tx.plans)-1]
		n.from, n.changed = uint16(offset), uint16(len(value))
		tx.ranges = true
	}
	return nil
}

// narrow makes an OpPart of each OpPut that changes a range of a small string.
func (tx *Tx) narrow() {
	for i := range tx.ops {
		if op, n := &tx.ops[i], &tx.plans[i]; n.changed > 0 {
			part := appendOffset(make([]byte, 0, 8), int(n.from))
			op.Kind, op.Part, op.Value, op.ExpireAt = OpPart, tx.copy(part), op.Value[n.from:n.from+n.changed], 0
		}
	}
}

// isLong reports whether the store has a long string at key, which is sure to stay so.
func (tx *Tx) isLong(hash uint64, key []byte) bool {
	at, _, h := tx.locate(hash, key)
	if at < 0 || h.flags&(flagLarge|flagTyped|flagExpires) != flagLarge {
		return false
	}
	return tx.table.segment(hash).larges.list[h.value].coll != nil
}

// setLongRange changes the chunks of a long string in place, each by an Op of its own.
func (tx *Tx) setLongRange(hash uint64, key []byte, offset int, value []byte) error {
	i, err := tx.openHashed(hash, key, String)
	if err != nil {
		return err
	}
	o := &tx.opened[i]
	growth := int64(max(0, offset+len(value)-o.length()))
	if err := tx.room(nil, growth); err != nil {
		return err
	}
	tx.grownBytes += growth
	if o.coll == nil {
		if len(o.packed) <= LargeValue { // a longer one does not change
			o.packed = append([]byte(nil), o.packed...)
		}
		o.coll = &collection{object: newLongString(o.packed), base: max(o.version, tx.nextVersion())}
		o.packed, o.own, o.fresh = nil, false, true
	}
	s := o.coll.text()
	for len(value) > 0 {
		n := min(len(value), chunkSize-offset%chunkSize)
		part, piece := tx.keepPart(appendOffset(tx.position[0][:0], offset), value[:n])
		if !o.fresh {
			tx.undos = append(tx.undos, undo{coll: o.coll, written: s.before(offset, n, tx.copy(zeros[:n]))})
		}
		s.write(offset, piece)
		tx.stagePart(OpPart, o, part, piece, 0)
		offset, value = offset+n, value[n:]
	}
	return nil
}

// length returns the length of a string.
func (o *opened) length() int {
	if o.coll != nil {
		return o.coll.size()
	}
	return len(o.packed)
}

// applyRange carries out an OpPart of a string: at is where the key is, -1 if it is not
// there, and rec its record.
func (s *Store) applyRange(t *table, seg *segment, at int, hash uint64, rec record, op *Op) error {
	offset, err := offsetOf(op.Part, len(op.Value))
	if err != nil {
		return err
	}
	if at < 0 || rec.typ != String {
		rec = record{typ: String, key: op.Key, access: newAccess(s.Policy(), s.clock.Load())}
	}
	rec.version = max(rec.version, op.Version)
	switch {
	case rec.coll != nil:
		rec.coll.text().write(offset, op.Value)
	case max(len(rec.value), offset+len(op.Value)) <= LargeValue:
		rec.value = writeRange(append([]byte(nil), rec.value...), offset, op.Value)
	default:
		if len(rec.value) <= LargeValue { // a longer one does not change
			rec.value = append([]byte(nil), rec.value...)
		}
		text := newLongString(rec.value)
		text.write(offset, op.Value)
		rec.coll, rec.value = &collection{object: text, base: rec.version}, nil
		rec.coll.counted = rec.coll.bytes()
	}
	return s.applyParts(t, seg, at, hash, rec, op.Key)
}
