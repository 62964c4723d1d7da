package keyspace

import "github.com/slotmesh/slotmesh/slots"

// View runs fn with read access to a slot, under the slot's lock. It returns fn's error.
func (s *Store) View(slot slots.Slot, fn func(*Tx) error) error {
	return s.view(slot, untilFree, nil, fn)
}

// TryView is View that gives up waiting for a slot as [Store.TryUpdate] does.
func (s *Store) TryView(slot slots.Slot, done <-chan struct{}, fn func(*Tx) error) error {
	return s.view(slot, untilBusy, done, fn)
}

func (s *Store) view(slot slots.Slot, how waitLimit, done <-chan struct{}, fn func(*Tx) error) error {
	tx, err := s.begin(slot, false, how, done)
	if err != nil {
		return err
	}
	defer tx.end()
	err = fn(tx)
	if tx.hold != nil {
		tx.EndHold()
	}
	expired := len(tx.ops) > 0 // keys that were found so
	if expired {
		tx.commit()
	}
	if len(tx.events) > 0 { // keys that were not found
		tx.tell()
	}
	if tx.waiter != nil && err == nil {
		tx.startWaiting()
	}
	if expired {
		tx.serveGone()
	}
	return err
}

// Update runs fn with read and write access to a slot, under the slot's lock. If fn
// returns an error (or panics), nothing has happened; otherwise all changes are visible
// at once and their Ops have gone to the Sink. When memory is short, keys are evicted
// before and after, never while the lock is held.
func (s *Store) Update(slot slots.Slot, fn func(*Tx) error) error {
	return s.update(slot, untilFree, nil, fn)
}

// TryUpdate is Update that does not wait for ever while a transaction that lasts (a [Hold])
// has the slot: the error is its Busy in the moment in which it has lasted for
// [Store.BusyAfter], or when done is closed.
func (s *Store) TryUpdate(slot slots.Slot, done <-chan struct{}, fn func(*Tx) error) error {
	return s.update(slot, untilBusy, done, fn)
}

func (s *Store) update(slot slots.Slot, how waitLimit, done <-chan struct{}, fn func(*Tx) error) error {
	full := false
	if limit := s.limit.Load(); limit > 0 {
		full = !s.makeRoom(evictBefore)
		defer s.shrinkTo(s.memory.Load())
	}
	tx, err := s.begin(slot, true, how, done)
	if err != nil {
		return err
	}
	defer tx.end()
	tx.full = full
	err = fn(tx)
	if tx.hold != nil {
		tx.EndHold()
	}
	if err != nil {
		if len(tx.events) > 0 {
			tx.tellMisses()
		}
		return err
	}
	if len(tx.ops) > 0 {
		tx.commit()
	}
	if len(tx.events) > 0 {
		tx.tell()
	}
	if tx.waiter != nil {
		tx.startWaiting()
	}
	if tx.table.waiters != nil && tx.mode&passiveMode == 0 {
		tx.serve(tx.ops)
	}
	return nil
}

// Writable reports whether the transaction may write, that is, whether it is no View.
func (tx *Tx) Writable() bool { return tx.writable }

// begin takes the slot's lock and returns a transaction; end undoes both.
func (s *Store) begin(slot slots.Slot, writable bool, how waitLimit, done <-chan struct{}) (*Tx, error) {
	tx := s.txs.Get().(*Tx)
	tx.table, tx.lock = s.acquire(slot)
	if tx.lock.size == heldSize {
		if err := s.outlast(slot, tx.lock, how, done); err != nil {
			tx.table = nil
			s.txs.Put(tx)
			return nil, err
		}
	}
	tx.slot, tx.writable, tx.full, tx.exceed = slot, writable, false, false
	tx.mode, tx.now = s.mode.Load(), 0
	return tx, nil
}

func (tx *Tx) end() {
	if tx.hold != nil { // fn has panicked
		tx.EndHold()
	}
	tx.forget()
	if tx.origin != nil {
		tx.origin = nil
	}
	tx.table = nil // a Tx that escaped fails at once
	tx.lock.Unlock()
	served := tx.served
	if served != nil || tx.waiter != nil {
		tx.serving = serving{}
	}
	tx.store.txs.Put(tx)
	wakeAll(served)
}

// forget undoes what has not been committed, and forgets the rest.
func (tx *Tx) forget() {
	if len(tx.undos) > 0 {
		tx.rollBack()
	}
	tx.reset()
	if tx.inParts.key != nil {
		tx.inParts = inParts{}
	}
	if len(tx.opened) > 0 {
		tx.closeOpened()
	}
}

// SetNow makes at, in Unix milliseconds, the time of the transaction, before it has asked
// for it: for commands that are carried out again.
func (tx *Tx) SetNow(at int64) { tx.now = at }
