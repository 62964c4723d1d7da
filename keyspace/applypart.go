package keyspace

import (
	"bytes"
	"fmt"
)

// newRecord returns the record of an OpPut that came from outside. The store keeps nothing
// of the op itself.
func (s *Store) newRecord(op *Op) (record, error) {
	rec := record{typ: op.Type, expireAt: op.ExpireAt, version: op.Version, key: op.Key, value: op.Value,
		access: newAccess(s.Policy(), s.clock.Load())}
	if err := rec.fromOutside(); err != nil {
		return record{}, err
	}
	if isLarge(len(rec.key), len(rec.value)) || rec.coll != nil {
		rec.key, rec.value = bytes.Clone(rec.key), bytes.Clone(rec.value)
	}
	return rec, nil
}

// fromOutside checks a record whose value came from outside, and makes a collection large
// if its value says so or does not fit.
func (r *record) fromOutside() error {
	if r.typ == String {
		return nil
	}
	f := formOf(r.typ)
	if f == nil {
		return fmt.Errorf("keyspace: op has a value of type %d, which is unknown; the sender may be a newer release",
			r.typ)
	}
	if len(r.value) > 0 {
		if err := f.check(r.value); err != nil {
			return fmt.Errorf("keyspace: value of type %v: %w", r.typ, err)
		}
		if f.fits(r.value) {
			return nil
		}
	}
	r.coll = &collection{object: f.grow(r.value), base: r.version}
	r.coll.counted = r.coll.bytes()
	r.value = nil
	return nil
}

// applyPart carries out an OpPart. at is where the key is, -1 if it is not there, and rec
// its record. An entry of another type is of before: the op makes the key anew.
func (s *Store) applyPart(t *table, seg *segment, at int, hash uint64, rec record, op *Op) error {
	if op.Type == String {
		return s.applyRange(t, seg, at, hash, rec, op)
	}
	f := formOf(op.Type)
	if f == nil {
		return fmt.Errorf("keyspace: op on a part of type %d, which has none; the sender may be a newer release", op.Type)
	}
	if err := checkPart(op.Type, op.Part, op.Value); err != nil {
		return err
	}
	if at < 0 || rec.typ != op.Type {
		rec = record{typ: op.Type, key: op.Key, access: newAccess(s.Policy(), s.clock.Load())}
	}
	if rec.coll != nil {
		rec.quietly(op.Part, op.Version)
	}
	rec.version = max(rec.version, op.Version)
	if rec.coll == nil {
		packed := append(make([]byte, 0, len(rec.value)+len(op.Part)+len(op.Value)+16), rec.value...)
		rec.value = f.set(packed, op.Part, op.Value, op.ExpireAt)
		if !f.fits(rec.value) {
			rec.coll = &collection{object: f.grow(rec.value), base: rec.version}
			rec.coll.counted, rec.value = rec.coll.bytes(), nil
		}
	} else {
		rec.coll.limitNodes(s)
		if err := rec.coll.set(op.Part, op.Value, op.ExpireAt); err != nil {
			return err
		}
	}
	return s.applyParts(t, seg, at, hash, rec, op.Key)
}

// applyCut carries out an OpCut on a key that is there. It leaves a key without parts: while
// a dump is under way its other parts may be still to come.
func (s *Store) applyCut(t *table, seg *segment, at int, hash uint64, rec record, op *Op) error {
	f := formOf(rec.typ)
	if f == nil {
		return nil // of before the key became what it is
	}
	r, ranges := f.(ranger)
	if len(op.Value) > 0 && !ranges {
		// A copy or a move that made the key a stream or a list was passed over, because a dump
		// brings what it made.
		return nil
	}
	if rec.coll != nil {
		rec.quietly(op.Part, op.Version)
	}
	rec.version = max(rec.version, op.Version)
	switch {
	case len(op.Value) > 0 && rec.coll == nil:
		rec.value, _ = r.cutRange(bytes.Clone(rec.value), op.Part, op.Value)
	case len(op.Value) > 0:
		rec.coll.object.(ranger).cutRange(nil, op.Part, op.Value)
	case rec.coll == nil:
		rec.value, _ = f.cut(bytes.Clone(rec.value), op.Part)
	default:
		rec.coll.cut(op.Part)
	}
	return s.applyParts(t, seg, at, hash, rec, op.Key)
}

// applyParts stores a record whose parts have changed.
func (s *Store) applyParts(t *table, seg *segment, at int, hash uint64, rec record, key []byte) error {
	if at >= 0 && rec.coll != nil && seg.collectionAt(at) == rec.coll {
		t.recount(seg, at)
		if t.amend(seg, at, rec.expireAt, rec.version) {
			return nil
		}
	}
	rec.key = key // what the record has may move while it is written
	if len(key) > maxKey {
		rec.key = bytes.Clone(key)
	}
	if !t.put(seg, at, hash, &rec, s.hash) {
		return errFlood
	}
	return nil
}

// applyTransfer carries out an OpCopy or OpMove. It changes only what is older than the op:
// if key is not there or newer, or what is here is not all of it, a dump is under way, and
// brings the other key when it has ended, see [Store.Dump].
func (s *Store) applyTransfer(t *table, op *Op) error {
	seg, at := t.find(s.hash(op.Key), op.Key)
	if at < 0 {
		return nil
	}
	rec := seg.record(cellRef(seg.index.cells[at]))
	if rec.floor() > op.Version {
		return nil
	}
	next := record{typ: rec.typ, key: op.Part, expireAt: op.ExpireAt, version: op.Version, access: rec.access}
	switch {
	case rec.coll == nil && len(rec.value) > LargeValue:
		next.value = rec.value // which nobody changes
	case rec.coll == nil: // this store keeps small what the op's store keeps large
		next.value = bytes.Clone(rec.value)
	case op.Kind == OpCopy:
		next.coll = &collection{object: rec.coll.clone(), base: op.Version}
	default:
		next.coll = &collection{object: rec.coll.object, base: op.Version}
	}
	if next.coll != nil {
		next.coll.counted = next.coll.bytes()
	}
	if op.Kind == OpMove {
		t.remove(seg, at, max(op.Version, t.version))
	}
	hash := s.hash(op.Part)
	seg, at = t.find(hash, op.Part)
	if at >= 0 {
		// What has the op's own version is what the op has made, and the source may have changed.
		if now := seg.record(cellRef(seg.index.cells[at])); now.floor() >= op.Version {
			return nil
		}
	}
	s.noteTransfer(op.Slot, hash)
	return s.applyParts(t, seg, at, hash, next, op.Part)
}
