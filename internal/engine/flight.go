package engine

import (
	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// flight is a number of keys of one slot on their way to another node: sent, or
// about to be, and not yet acknowledged. They are still here and can be read. A
// write to one of them waits until the flight ends, because what was sent must be what
// the other node ends up with.
//
// All fields are guarded by the slot's lock.
type flight struct {
	id    uint64
	next  *flight
	keys  map[uint64]struct{} // xxhash64 of the keys: a collision makes a write wait in vain, no more
	whole bool                // every key of the slot counts as in flight
	// ended is closed when the flight ends or stalls. Made by the first who waits.
	ended chan struct{}
	// stalled: nobody knows when the flight will end, so writes are refused instead.
	stalled bool
}

func (f *flight) carries(key []byte) bool {
	if f.whole {
		return true
	}
	_, ok := f.keys[xxhash.Sum64(key)]
	return ok
}

// wait returns what is closed when the flight ends, or ErrTryAgain if nobody knows when.
func (f *flight) wait() (ended <-chan struct{}, err error) {
	if f.stalled {
		return nil, slots.ErrTryAgain
	}
	if f.ended == nil {
		f.ended = make(chan struct{})
	}
	return f.ended, nil
}

func (f *flight) wake() {
	if f.ended != nil {
		close(f.ended)
		f.ended = nil
	}
}

// NewFlight returns an id that no other flight has. The flight exists per slot, from the
// first key that boards there.
func (e *Engine) NewFlight() uint64 { return e.lastFlight.Add(1) }

// Board puts key on the flight with that id, which it opens if need be. It reports false if key is on another flight. The caller holds
// the slot's lock: it is inside a transaction or a dump of that slot.
func (e *Engine) Board(slot slots.Slot, id uint64, key []byte) bool {
	own := e.flightLocked(slot, id)
	for f := e.flights[slot]; f != nil; f = f.next {
		if f != own && f.carries(key) {
			return false
		}
	}
	if own == nil {
		own = e.openFlightLocked(slot, id)
	}
	own.keys[xxhash.Sum64(key)] = struct{}{}
	return true
}

// BoardAll opens a flight that carries every key of the slot, also those to come,
// and is stalled: after a restart, until it is known which keys have left already.
func (e *Engine) BoardAll(slot slots.Slot, id uint64) {
	e.locked(slot, func() {
		f := e.openFlightLocked(slot, id)
		f.whole, f.stalled = true, true
	})
}

// Stall makes writes to the keys of a flight fail with slots.ErrTryAgain instead of
// waiting, because the connection that would acknowledge them is lost; stalled false
// undoes that.
func (e *Engine) Stall(slot slots.Slot, id uint64, stalled bool) {
	e.locked(slot, func() {
		if f := e.flightLocked(slot, id); f != nil {
			f.stalled = stalled
			f.wake()
		}
	})
}

// Land ends a flight. In one step it deletes keys, which the other node has acknowledged, and lets
// all writes go on that waited for the flight. Deletions are writes, see Alter; after an error
// nothing has been deleted, but the flight has ended all the same.
func (e *Engine) Land(slot slots.Slot, id uint64, keys [][]byte, done <-chan struct{}) error {
	var err error
	if len(keys) > 0 {
		err = e.Alter(slot, done, func(tx *keyspace.Tx) error {
			for _, key := range keys {
				tx.Delete(key)
			}
			e.endFlightLocked(slot, id)
			return nil
		})
	}
	if len(keys) == 0 || err != nil {
		e.locked(slot, func() { e.endFlightLocked(slot, id) })
	}
	return err
}

func (e *Engine) endFlightLocked(slot slots.Slot, id uint64) {
	for at := &e.flights[slot]; *at != nil; at = &(*at).next {
		if f := *at; f.id == id {
			*at = f.next
			f.wake()
			return
		}
	}
}

func (e *Engine) openFlightLocked(slot slots.Slot, id uint64) *flight {
	f := &flight{id: id, next: e.flights[slot], keys: make(map[uint64]struct{})}
	e.flights[slot] = f
	return f
}

func (e *Engine) flightLocked(slot slots.Slot, id uint64) *flight {
	for f := e.flights[slot]; f != nil; f = f.next {
		if f.id == id {
			return f
		}
	}
	return nil
}

// inFlightLocked returns what a write has to wait for: nil if it need not, ErrTryAgain
// if waiting is no use.
func (e *Engine) inFlightLocked(a *Access) (ended <-chan struct{}, err error) {
	for f := e.flights[a.Slot]; f != nil; f = f.next {
		for _, key := range a.Keys {
			if f.carries(key) {
				return f.wait()
			}
		}
	}
	return nil, nil
}

func (e *Engine) locked(slot slots.Slot, fn func()) {
	e.store.View(slot, func(*keyspace.Tx) error { fn(); return nil })
}
