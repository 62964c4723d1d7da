package keyspace

import "github.com/slotmesh/slotmesh/slots"

// Scan calls fn for about count keys from cursor on and returns the cursor to go on with;
// 0 starts and 0 ends. A key that is there during the whole scan is seen at least once,
// however the store grows and shrinks meanwhile, and seldom twice; one that comes or goes
// may be seen or not. Redis' SCAN guarantees the same. Cursors are less than 2^53. Any
// number is a valid cursor.
//
// Value is nil for large collections, and for long strings that were changed in part.
//
// fn returns false to end the call early; it is still called for the few keys that
// share the last one's place, since no cursor stands between them. It runs under the
// slot's lock: key and e alias the store and are valid until it returns, and it must
// not call the store. Only one slot is locked at a time, for count keys at most.
func (s *Store) Scan(cursor uint64, count int, fn func(slot slots.Slot, key []byte, e Entry) bool) (next uint64) {
	next, _ = s.scan(cursor, count, s.View, fn)
	return next
}

// TryScan is Scan that gives up waiting for a slot as [Store.TryUpdate] does. After an error
// the call can be repeated from cursor.
func (s *Store) TryScan(cursor uint64, count int, done <-chan struct{},
	fn func(slot slots.Slot, key []byte, e Entry) bool) (next uint64, err error) {
	view := func(slot slots.Slot, fn func(*Tx) error) error { return s.TryView(slot, done, fn) }
	return s.scan(cursor, count, view, fn)
}

// viewer runs a function with read access to a slot.
type viewer func(slot slots.Slot, fn func(*Tx) error) error

func (s *Store) scan(cursor uint64, count int, view viewer,
	fn func(slots.Slot, []byte, Entry) bool) (next uint64, err error) {
	slot, from := splitCursor(cursor)
	for left := max(count, 1); ; slot++ {
		if s.Count(slot) > 0 {
			ended := false
			if from, ended, err = s.scanSlot(slot, from, &left, view, fn); err != nil {
				return cursor, err
			}
			if !ended {
				return joinCursor(slot, from), nil
			}
		}
		from = 0
		if slot == slots.Count-1 {
			return 0, nil
		}
		if left <= 0 {
			return joinCursor(slot+1, 0), nil
		}
	}
}

// scanSlot scans one slot. *left is the number of keys still wanted; it falls to 0 when
// fn has enough.
func (s *Store) scanSlot(slot slots.Slot, from Cursor, left *int, view viewer,
	fn func(slots.Slot, []byte, Entry) bool) (next Cursor, ended bool, err error) {
	err = view(slot, func(tx *Tx) error {
		next, ended = tx.table.walk(from, s.hash, func(seg *segment, cell uint32) verdict {
			rec := seg.record(cellRef(cell))
			*left--
			if !tx.lapsed(&rec) && !fn(slot, rec.key, rec.bare()) {
				*left = 0
			}
			if *left > 0 {
				return more
			}
			return enough
		})
		return nil
	})
	return next, ended, err
}

// RandomKey returns a copy of a key, each with about the same chance, and false if there
// is none. rand returns uniform numbers of 64 bits, as math/rand/v2.Uint64 does.
func (s *Store) RandomKey(rand func() uint64) (key []byte, ok bool) {
	for range 100 { // expired keys and keys that go meanwhile are tried again
		slot, found := s.randomSlot(rand(), false)
		if !found {
			return nil, false
		}
		if key, _ = s.randomKeyOf(slot, rand, untilFree, nil); key != nil {
			return key, true
		}
	}
	return nil, false
}

// TryRandomKey is RandomKey that prefers slots which it need not wait for. Otherwise it gives
// up waiting as [Store.TryUpdate] does. The key is nil if there is none.
func (s *Store) TryRandomKey(rand func() uint64, done <-chan struct{}) (key []byte, err error) {
	how, held := noWait, 0
	for range 100 {
		slot, found := s.randomSlot(rand(), false)
		if !found {
			return nil, nil
		}
		switch key, err = s.randomKeyOf(slot, rand, how, done); {
		case key != nil:
			return key, nil
		case err == errHeld:
			if held++; held == 20 {
				how = untilBusy
			}
		case err != nil:
			return nil, err
		}
	}
	return nil, nil
}

func (s *Store) randomKeyOf(slot slots.Slot, rand func() uint64, how waitLimit, done <-chan struct{}) (key []byte,
	err error) {
	err = s.view(slot, how, done, func(tx *Tx) error {
		tx.table.sample(rand(), false, func(seg *segment, cell uint32) bool {
			rec := seg.record(cellRef(cell))
			if !tx.lapsed(&rec) {
				key = append([]byte{}, rec.key...)
			}
			return false
		})
		return nil
	})
	return key, err
}
