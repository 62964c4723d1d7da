package keyspace

import "github.com/slotmesh/slotmesh/slots"

// Scan calls fn for about count keys from cursor on and returns the cursor to go on with;
// 0 starts and 0 ends. A key that is there during the whole scan is seen at least once,
// however the store grows and shrinks meanwhile, and seldom twice; one that comes or goes
// may be seen or not. Redis' SCAN guarantees the same. Cursors are less than 2^53. Any
// number is a valid cursor.
//
// fn returns false to end the call early; it is still called for the few keys that
// share the last one's place, since no cursor stands between them. It runs under the
// slot's lock: key and e alias the store and are valid until it returns, and it must
// not call the store. Only one slot is locked at a time, for count keys at most.
func (s *Store) Scan(cursor uint64, count int, fn func(slot slots.Slot, key []byte, e Entry) bool) (next uint64) {
	slot, from := splitCursor(cursor)
	for left := max(count, 1); ; slot++ {
		if s.Count(slot) > 0 {
			done := false
			from, done = s.scanSlot(slot, from, &left, fn)
			if !done {
				return joinCursor(slot, from)
			}
		}
		from = 0
		if slot == slots.Count-1 {
			return 0
		}
		if left <= 0 {
			return joinCursor(slot+1, 0)
		}
	}
}

// scanSlot scans one slot. *left is the number of keys still wanted; it falls to 0 when
// fn has enough.
func (s *Store) scanSlot(slot slots.Slot, from Cursor, left *int,
	fn func(slots.Slot, []byte, Entry) bool) (next Cursor, done bool) {
	s.View(slot, func(tx *Tx) error {
		next, done = tx.table.walk(from, s.hash, func(seg *segment, cell uint32) verdict {
			rec := seg.record(cellRef(cell))
			*left--
			if !tx.lapsed(&rec) && !fn(slot, rec.key, rec.entry()) {
				*left = 0
			}
			if *left > 0 {
				return more
			}
			return enough
		})
		return nil
	})
	return next, done
}

// RandomKey returns a copy of a key, each with about the same chance, and false if there
// is none. rand returns uniform numbers of 64 bits, as math/rand/v2.Uint64 does.
func (s *Store) RandomKey(rand func() uint64) (key []byte, ok bool) {
	for range 100 { // expired keys and keys that go meanwhile are tried again
		slot, found := s.randomSlot(rand(), false)
		if !found {
			return nil, false
		}
		s.View(slot, func(tx *Tx) error {
			tx.table.sample(rand(), false, func(seg *segment, cell uint32) bool {
				rec := seg.record(cellRef(cell))
				if !tx.lapsed(&rec) {
					key, ok = append([]byte{}, rec.key...), true
				}
				return false
			})
			return nil
		})
		if ok {
			return key, true
		}
	}
	return nil, false
}

// Dump calls fn with the entries of slot as OpPuts, with absolute expiry and version, from
// a cursor on (0 to start) until about budget bytes of keys and values have passed. It
// returns the cursor to go on with and whether the slot's end was reached. An error of fn
// ends the call; next then leads to the failed op again (and perhaps to a few before it).
//
// Writes go on between the calls. What a full sync or a migration may rely on:
//
//   - a key that is there from the first call to the last is dumped at least once;
//   - fn runs under the slot's lock, as the Sink does. If both append to the same
//     stream, a replica that applies the stream from the first call on has exactly the
//     slot's content after the last;
//   - expired entries that have not been removed yet are dumped too: the OpDelete comes;
//   - the lock is held for one call, that is for budget bytes, or for one entry if that is
//     greater; a Value longer than LargeValue need not be copied under it, see [Op].
func (s *Store) Dump(slot slots.Slot, from Cursor, budget int, fn func(Op) error) (next Cursor, done bool, err error) {
	if s.unused(slot) {
		return 0, true, nil
	}
	t := s.lock(slot)
	defer s.unlock(slot)
	next, done = t.walk(from, s.hash, func(seg *segment, cell uint32) verdict {
		rec := seg.record(cellRef(cell))
		err = fn(Op{Kind: OpPut, Type: rec.typ, Slot: slot, Key: rec.key, Value: rec.value, ExpireAt: rec.expireAt,
			Version: rec.version})
		if err != nil {
			return again
		}
		if budget -= len(rec.key) + len(rec.value); budget > 0 {
			return more
		}
		return enough
	})
	return next, done, err
}
