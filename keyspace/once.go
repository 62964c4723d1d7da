package keyspace

import (
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// OnceCursor is a place in [Store.EachOnce]. The zero value is the start. It is valid for the
// store and the slot that it is from.
type OnceCursor struct {
	at   Cursor
	seen []seenPart
}

// seenPart is a part of a slot that a walk was in the middle of when a call ended: of the
// hashes that begin with depth bits of prefix, those whose tag is smaller have been seen. If
// its segment is split before the next call, the walk comes by them again.
type seenPart struct {
	prefix uint32
	depth  uint8
	tag    uint32
}

func (p *seenPart) has(hash uint64) bool {
	return uint32(hash>>(64-prefixBits))>>(prefixBits-p.depth) == p.prefix>>(prefixBits-p.depth) && tagOf(hash) < p.tag
}

// end returns the prefix behind those of the part.
func (p *seenPart) end() uint32 { return p.prefix + 1<<(prefixBits-p.depth) }

// EachOnce calls fn with the keys of a slot, from a cursor on, until about budget bytes of
// keys and values have passed. It returns the cursor to go on with and whether the end was
// reached. Writes go on between the calls. A key that is there from the first call to the
// last is among them exactly once, any other at most once. Expired keys that have not been
// removed yet are among them.
//
// fn runs under the slot's lock: it must not block, and must not call the store. The
// Snapshot is valid until it returns; one that is [Snapshot.Large], and a Value longer
// than [LargeValue], may be kept. An error of fn ends the call and is returned; the
// cursor is of no use then.
func (s *Store) EachOnce(slot slots.Slot, from OnceCursor, budget int, fn func(Snapshot) error) (next OnceCursor,
	done bool, err error) {
	if s.unused(slot) {
		return from, true, nil
	}
	t := s.lock(slot)
	defer s.unlock(slot)
	prefix, _, _ := from.at.parts()
	next.seen = slices.DeleteFunc(slices.Clone(from.seen), func(p seenPart) bool { return p.end() <= prefix })
	tx := &Tx{store: s, table: t, slot: slot, mode: s.mode.Load()&^eventMask | passiveMode, opened: make([]opened, 1)}
	next.at, done = t.walk(from.at, s.hash, func(seg *segment, cell uint32) verdict {
		rec := seg.record(cellRef(cell))
		hash := s.hash(rec.key)
		if err != nil || slices.ContainsFunc(next.seen, func(p seenPart) bool { return p.has(hash) }) {
			return more
		}
		snapshot := tx.snapshotOf(&rec, hash)
		budget -= len(rec.key) + len(snapshot.e.Value) + seenShare
		if err = fn(snapshot); err != nil || budget <= 0 || rec.coll != nil {
			return enough
		}
		return more
	})
	if p, depth, tag := next.at.parts(); !done && tag > 0 {
		next.seen = append(next.seen, seenPart{p, depth, tag})
	}
	return next, done, err
}

// seenShare is what a key counts for the budget beside its bytes.
const seenShare = 16

// snapshotOf returns the snapshot of a key. Unless it is large it aliases the store, and is
// in tx, which has room for one.
func (tx *Tx) snapshotOf(rec *record, hash uint64) Snapshot {
	o := opened{hash: hash, key: rec.key, typ: rec.typ, form: formOf(rec.typ), packed: rec.value,
		wrong: rec.typ == String, expireAt: rec.expireAt, version: rec.version}
	if rec.coll == nil || rec.typ == String {
		tx.opened[0] = o
		return Snapshot{tx: tx, e: rec.entry()}
	}
	o.coll = rec.coll
	return Snapshot{tx: tx.detached(&o), e: rec.bare()}
}

// Large reports whether it is the snapshot of a large collection.
func (s Snapshot) Large() bool { return s.tx.opened[0].coll != nil }

// Key returns the key. It is valid as long as the snapshot.
func (s Snapshot) Key() []byte { return s.tx.opened[0].key }

// Encoding is [Tx.Encoding] of the key as it was, "" for a String.
func (s Snapshot) Encoding() string {
	o := &s.tx.opened[0]
	rec := record{typ: o.typ, value: o.packed, coll: o.coll}
	name, _ := s.tx.store.encodingOf(&rec)
	return name
}
