package keyspace

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/slotmesh/slotmesh/slots"
)

// DumpCursor is a place in the dump of a slot. The zero value is the start. It is valid for
// the store and the slot that it is from.
type DumpCursor struct {
	at        Cursor // of the keys to come
	begun     bool
	walked    bool         // no keys are to come, but for the large ones
	staged    bool         // nor staged keys
	restarts  uint8        // how often its end was not the end
	transfers uint64       // see transfers: those behind have not been dumped
	objects   *dumpObjects // large collections to be dumped before the keys to come
}

// dumpObjects are the keys of large collections whose parts are still to be dumped. It is
// not changed, since a caller may go back to an older DumpCursor.
type dumpObjects struct {
	keys     [][]byte
	staged   bool   // they are staged
	begun    bool   // some of the first one's parts have been dumped
	base     uint64 // of the first one, at that time
	part     partCursor
	restarts uint8 // how often the first one began again
}

const (
	// freeRestarts is how often a dump may begin again with the same budget, which then
	// doubles each time, maxRestarts times at most. So it ends, however often collections are
	// replaced.
	freeRestarts = 4
	maxRestarts  = freeRestarts + 20
)

// begunAgain returns how often the first one began again.
func (o *dumpObjects) begunAgain() uint8 {
	if o == nil {
		return 0
	}
	return o.restarts
}

// widened returns the budget after so many restarts.
func widened(budget int, restarts uint8) int {
	return max(budget, 1) << max(0, int(min(restarts, maxRestarts))-freeRestarts)
}

// SkipParts is what a function that Dump calls returns for an OpPut whose OpParts it does
// not want. It is no error of Dump.
var SkipParts = errors.New("keyspace: skip the parts of this key")

// Dump calls fn with what the slot holds, from a cursor on, until about budget bytes of
// keys, values and parts have passed. It returns the cursor to go on with and whether the
// end was reached. A key is an OpPut with its expiry and version; one with a large
// collection or a long string that was changed in part is an OpPut with an empty Value and
// Begins set, followed by an OpPart for each part. An error of fn ends the call; next then leads to the
// failed op again (and perhaps to a few before it).
//
// Writes go on between the calls. What a full sync or a migration may rely on:
//
//   - a key that is there from the first call to the last is dumped at least once, and so
//     is a part of it;
//   - fn runs under the slot's lock, as the Sink does. If both append to the same
//     stream, a replica that applies the stream from the first call on has exactly the
//     slot's content after the last;
//   - an OpPart belongs to the key of the last OpPut of its key. If the collection is
//     replaced by another one between two calls, its dump begins again;
//   - a key that became what another was by an OpCopy or OpMove since the first call is
//     dumped after that: the replica may not have had all of the other. So are staged keys
//     that were revealed, and at the end come those that are still staged, see [OpStage];
//   - expired entries that have not been removed yet are dumped too: the OpDelete comes;
//   - the lock is held for one call, that is for budget bytes, or for one value if that is
//     greater; a Value longer than LargeValue need not be copied under it, see [Op]. When
//     collections are replaced faster than they are dumped, the budget grows, so that the
//     dump ends.
func (s *Store) Dump(slot slots.Slot, from DumpCursor, budget int, fn func(Op) error) (next DumpCursor, done bool,
	err error) {
	if s.unused(slot) {
		return from, true, nil
	}
	t := s.lock(slot)
	defer s.unlock(slot)
	d := dump{store: s, slot: slot, table: t, DumpCursor: from, fn: fn}
	if !d.begun {
		d.begun, d.transfers = true, s.transfersOf(slot).total()
	}
	d.budget = widened(min(budget, 1<<30), d.restarts+d.objects.begunAgain())
	for first := true; first || d.budget > 0; first = false {
		switch {
		case d.objects != nil:
			err = d.object()
		case !d.walked:
			err = d.walk()
		default:
			done = d.end()
		}
		if done || err != nil {
			break
		}
	}
	return d.DumpCursor, done, err
}

// dump is one call of Dump.
type dump struct {
	DumpCursor
	store  *Store
	slot   slots.Slot
	table  *table
	budget int
	fn     func(Op) error
}

// walk dumps the next keys and leaves the large collections among them to object.
func (d *dump) walk() (err error) {
	var large [][]byte
	d.at, d.walked = d.table.walk(d.at, d.store.hash, func(seg *segment, cell uint32) verdict {
		rec := seg.record(cellRef(cell))
		if rec.coll != nil {
			large = append(large, bytes.Clone(rec.key))
			return enough
		}
		if err = d.put(&rec); err != nil {
			return again
		}
		if d.budget > 0 {
			return more
		}
		return enough
	})
	if err == nil { // else the walk comes back to them
		d.setObjects(large, false)
	}
	return err
}

func (d *dump) setObjects(keys [][]byte, staged bool) {
	d.objects = nil
	if len(keys) > 0 {
		d.objects = &dumpObjects{keys: keys, staged: staged}
	}
}

// put dumps a key; of a large collection only that it begins.
func (d *dump) put(rec *record) error {
	d.budget -= len(rec.key) + len(rec.value)
	err := d.fn(Op{Kind: OpPut, Type: rec.typ, Begins: rec.coll != nil, Slot: d.slot, Key: rec.key, Value: rec.value,
		ExpireAt: rec.expireAt, Version: rec.version})
	if err == SkipParts && rec.coll == nil {
		return nil
	}
	return err
}

// find returns the record of a key, or of a staged one.
func (d *dump) find(key []byte, staged bool) (rec record, ok bool) {
	if staged {
		k := d.table.staged.get(key)
		if k == nil {
			return rec, false
		}
		return record{typ: k.typ, key: key, coll: &k.collection, version: k.base}, true
	}
	seg, at := d.table.find(d.store.hash(key), key)
	if at < 0 {
		return rec, false
	}
	return seg.record(cellRef(seg.index.cells[at])), true
}

// object dumps parts of the first large collection.
func (d *dump) object() error {
	o := *d.objects
	rec, ok := d.find(o.keys[0], o.staged)
	if o.begun && ok && rec.coll != nil && o.base != rec.coll.base {
		o.begun = false
		o.restarts = min(o.restarts+1, maxRestarts)
	}
	done := !ok
	var err error
	if ok && !o.begun {
		if err = d.begin(&rec, o.staged); err == nil && rec.coll != nil {
			o.begun, o.base, o.part = true, rec.coll.base, nil
		}
	}
	switch {
	case err == SkipParts || err == nil && rec.coll == nil: // it is gone, or something else
		done, err = true, nil
	case err == nil:
		done, err = d.parts(&rec, o.staged, &o.part)
	}
	if done && err == nil {
		d.setObjects(o.keys[1:], o.staged)
	} else {
		d.objects = &o
	}
	return err
}

// begin is put, or says that a staged key begins.
func (d *dump) begin(rec *record, staged bool) error {
	if !staged {
		return d.put(rec)
	}
	d.budget -= len(rec.key)
	return d.fn(Op{Kind: OpStage, Type: rec.typ, Slot: d.slot, Key: rec.key, Version: rec.version,
		Value: binary.BigEndian.AppendUint64(nil, uint64(rec.coll.bytes()))})
}

// parts dumps parts of rec from a cursor on, one at least.
func (d *dump) parts(rec *record, staged bool, at *partCursor) (done bool, err error) {
	kind, first := OpPart, true
	if staged {
		kind = OpStagePart
	}
	*at, done = rec.coll.walk(*at, func(part, value []byte, expireAt int64) bool {
		if !first && d.budget <= 0 {
			return false
		}
		first = false
		if len(value) > LargeValue && rec.typ != String { // fn may keep it
			value = Own(value)
		}
		d.budget -= len(part) + len(value) + partShare
		err = d.fn(Op{Kind: kind, Type: rec.typ, Slot: d.slot, Key: rec.key, Part: part, Value: value, ExpireAt: expireAt,
			Version: rec.version})
		return err == nil
	})
	return done, err
}

// end reports whether all has been dumped. If not, it begins with the staged keys, with the
// keys that became what others were, or, if these are not known any more, with the slot.
func (d *dump) end() (done bool) {
	if !d.staged {
		d.staged = true
		d.setObjects(d.table.staged.names(), true)
		return false
	}
	transfers := d.store.transfersOf(d.slot)
	hashes, ok := transfers.since(d.transfers)
	d.transfers = transfers.total()
	if !ok {
		d.at, d.walked = 0, false
		d.restarts = min(d.restarts+1, maxRestarts)
		return false
	}
	var keys [][]byte
	for _, hash := range hashes {
		keys = d.table.objectsAt(keys, hash, d.store.hash)
	}
	if d.setObjects(keys, false); len(keys) > 0 {
		d.restarts = min(d.restarts+1, maxRestarts)
	}
	return len(keys) == 0
}
