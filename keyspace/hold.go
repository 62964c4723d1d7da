package keyspace

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Hold is what others know of a transaction that lasts: a script's. See [Tx.Hold].
type Hold struct {
	Began time.Time // of the transaction
	// Busy is the error that [Store.TryUpdate] and the like return once the transaction has
	// lasted too long.
	Busy error
	// End asks the transaction to end soon, with ErrInterrupted or ErrOverwritten as the
	// reason. It is called on other goroutines, perhaps repeatedly, and must not wait.
	End func(reason error)

	released chan struct{}  // closed when the slot is free
	enders   sync.WaitGroup // those that have asked for the end, and have not had the slot

	// What Stats needs of the slot; its mutex guards them.
	uses      uses // at the beginning of the hold
	resetUses bool // ResetStats came since
}

// Reasons for the End of a Hold. The transaction's function must return an error then.
var (
	// ErrInterrupted: somebody needs the slot at once, because the topology changes for
	// instance. The transaction may run again as soon as it has ended.
	ErrInterrupted = errors.New("keyspace: the transaction was interrupted, because its slot is needed: run it again")
	// ErrOverwritten: this is a replica, and its master has written to the slot.
	ErrOverwritten = errors.New("keyspace: the transaction has lasted too long: the master has written to its slot")
)

// heldSize in a lock line says that a Hold has the slot, in whose mutex nobody is for long.
// It is no size: that of an index is far less.
const heldSize = 1<<32 - 1

// holds is what a Store knows of its transactions that last.
type holds struct {
	busyAfter atomic.Int64 // ns; 0 = never
	n         atomic.Int64

	mu   sync.Mutex
	list map[slots.Slot]*Hold
}

// Hold tells that the transaction lasts. From then on it does not keep the slot's mutex,
// behind which others would wait blindly, but the slot all the same: they know of h and
// decide how long they wait, see [Store.TryUpdate]. The transaction goes on as before.
// The end of the transaction, or EndHold, ends the hold. A transaction shorter than a
// millisecond or so need not tell.
func (tx *Tx) Hold(h *Hold) {
	if tx.hold != nil {
		panic("keyspace: a second Hold of a transaction")
	}
	h.released, h.uses = make(chan struct{}), tx.table.uses(tx.lock)
	tx.store.holds.add(tx.slot, h)
	tx.hold = h
	tx.lock.cells, tx.lock.first, tx.lock.size = nil, nil, heldSize
	tx.lock.Unlock()
}

// EndHold makes of the Hold a transaction as any other.
func (tx *Tx) EndHold() {
	if tx.hold == nil {
		return
	}
	tx.lock.Lock()
	tx.lock.follow(tx.table)
	if tx.hold.resetUses {
		tx.table.resetUses(tx.lock)
	}
	tx.store.holds.remove(tx.slot)
	close(tx.hold.released)
	tx.hold = nil
}

func (hs *holds) add(slot slots.Slot, h *Hold) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.list == nil {
		hs.list = make(map[slots.Slot]*Hold)
	}
	hs.list[slot] = h
	hs.n.Add(1)
}

func (hs *holds) remove(slot slots.Slot) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	delete(hs.list, slot)
	hs.n.Add(-1)
}

func (hs *holds) of(slot slots.Slot) *Hold {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.list[slot]
}

// interrupt asks all transactions on some slots to end, and returns them.
func (hs *holds) interrupt(set *slots.Set) (list []*Hold) {
	if hs.n.Load() == 0 {
		return nil
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for slot, h := range hs.list {
		if set.Has(slot) {
			h.enders.Add(1)
			h.End(ErrInterrupted)
			list = append(list, h)
		}
	}
	return list
}

// Yield returns when those that have asked for the end of h have had the slot. After
// ErrInterrupted the transaction calls it before it runs again: otherwise it could be there
// first, time and again. The slot is not to be locked.
func (h *Hold) Yield() { h.enders.Wait() }

// pass takes and leaves the lock of a slot. A transaction that holds it is interrupted.
func (s *Store) pass(slot slots.Slot) {
	lock := &s.groups[slot/groupSize].Load().locks[slot%groupSize]
	lock.Lock()
	if lock.size == heldSize {
		h := s.holds.of(slot)
		lock.Unlock()
		h.End(ErrInterrupted)
		<-h.released
		lock.Lock() // until it has ended
	}
	lock.Unlock()
}

// waitLimit is what a goroutine does that finds a slot held.
type waitLimit uint8

const (
	untilFree waitLimit = iota // waits until the transaction ends
	untilBusy                  // gives up when it has lasted too long
	noWait                     // gives up at once
	endLate                    // ends it when it has lasted too long
	endNow                     // ends it at once
)

// errHeld is what noWait gets.
var errHeld = errors.New("keyspace: the slot is held")

// outlast is called with the mutex of a slot that is held. It returns with the mutex of a
// slot that is not, or with an error and without.
func (s *Store) outlast(slot slots.Slot, lock *slotLock, how waitLimit, done <-chan struct{}) error {
	for lock.size == heldSize {
		h := s.holds.of(slot)
		h.enders.Add(1)
		lock.Unlock()
		err := h.await(how, s.BusyAfter(), done)
		if err == nil {
			lock.Lock()
		}
		h.enders.Done()
		if err != nil {
			return err
		}
	}
	return nil
}

// await waits for the end of h; busyAfter is how long it may last.
func (h *Hold) await(how waitLimit, busyAfter time.Duration, done <-chan struct{}) error {
	var late <-chan time.Time
	switch {
	case how == noWait:
		return errHeld
	case how == endNow:
		h.End(ErrInterrupted)
	case how != untilFree && busyAfter > 0:
		timer := time.NewTimer(time.Until(h.Began.Add(busyAfter)))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-h.released:
		return nil
	case <-done:
		return h.Busy
	case <-late:
	}
	if how == untilBusy {
		return h.Busy
	}
	h.End(ErrOverwritten)
	<-h.released
	return nil
}

// Busy returns the error with which TryUpdate would fail for a slot at once, nil if it
// would not.
func (s *Store) Busy(slot slots.Slot) error {
	if s.holds.n.Load() == 0 {
		return nil
	}
	return s.holds.of(slot).lateBy(s.BusyAfter())
}

// AnyBusy is Busy for all slots.
func (s *Store) AnyBusy() error {
	if s.holds.n.Load() == 0 {
		return nil
	}
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	for _, h := range s.holds.list {
		if err := h.lateBy(s.BusyAfter()); err != nil {
			return err
		}
	}
	return nil
}

// lateBy returns Busy if h has lasted for limit.
func (h *Hold) lateBy(limit time.Duration) error {
	if h == nil || limit <= 0 || time.Since(h.Began) < limit {
		return nil
	}
	return h.Busy
}
