package keyspace

import (
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// InFlight keeps which keys of a store are in flight: on their way to another node, sent
// or about to be, and not yet acknowledged. Such keys are still here and can be read. A
// write to one of them has to wait until it is decided where the key is, because the other
// node must end up with what was sent. Update waits for that; a program that writes
// through the Store itself calls Wait first.
//
// Keys are put in flight in groups, each with an id of its own. All state of a slot's
// keys is guarded by the slot's lock.
type InFlight struct {
	store  *Store
	lastID atomic.Uint64
	slots  [slots.Count]*frozenKeys // lists
}

// frozenKeys are those keys of one slot that are in flight with one id.
type frozenKeys struct {
	id    uint64
	next  *frozenKeys
	keys  map[uint64]struct{} // xxhash64 of the keys: a collision makes a write wait in vain, no more
	whole bool                // every key of the slot counts as in flight
	// ended is closed when the keys are decided, or writes are rejected. Made by the first
	// write that waits.
	ended chan struct{}
	// rejecting: it is unknown when the keys will be decided, so writes are refused.
	rejecting bool
}

// NewInFlight returns an InFlight for a store, without keys. A store needs one at most.
func NewInFlight(s *Store) *InFlight { return &InFlight{store: s} }

// Store returns the store; a write through it does not wait for keys in flight.
func (f *InFlight) Store() *Store { return f.store }

// NewID returns an id that no other keys in flight have.
func (f *InFlight) NewID() uint64 { return f.lastID.Add(1) }

// Freeze puts key in flight with that id. It reports false if key is in flight already
// with another. The caller holds the slot's lock: it is inside a transaction or a Dump of
// that slot.
func (f *InFlight) Freeze(slot slots.Slot, id uint64, key []byte) bool {
	own := f.byIDLocked(slot, id)
	for k := f.slots[slot]; k != nil; k = k.next {
		if k != own && k.has(key) {
			return false
		}
	}
	if own == nil {
		own = f.addLocked(slot, id)
	}
	own.keys[xxhash.Sum64(key)] = struct{}{}
	return true
}

// FreezeAll puts in flight every key of the slot, also those to come, and rejects writes
// to them: after a restart, until it is known which keys have left already.
func (f *InFlight) FreezeAll(slot slots.Slot, id uint64) {
	f.locked(slot, func() {
		k := f.addLocked(slot, id)
		k.whole, k.rejecting = true, true
	})
}

// Reject makes writes to keys in flight fail with slots.ErrTryAgain instead of waiting,
// because it is unknown when they will be decided; rejecting false undoes that.
func (f *InFlight) Reject(slot slots.Slot, id uint64, rejecting bool) {
	f.locked(slot, func() {
		if k := f.byIDLocked(slot, id); k != nil {
			k.rejecting = rejecting
			k.wake()
		}
	})
}

// Release takes the keys with that id out of flight, and lets the writes go on that waited
// for them. The caller holds the slot's lock, so that it can delete the keys that have
// left in the same step.
func (f *InFlight) Release(slot slots.Slot, id uint64) {
	for at := &f.slots[slot]; *at != nil; at = &(*at).next {
		if k := *at; k.id == id {
			*at = k.next
			k.wake()
			return
		}
	}
}

// Any reports whether keys of the slot are in flight. The caller holds the slot's lock.
func (f *InFlight) Any(slot slots.Slot) bool { return f.slots[slot] != nil }

// Wait returns what a write to some keys has to wait for: when ended is closed, the write
// calls Wait again; if ended is nil, it need not wait. The error is slots.ErrTryAgain if
// waiting is no use. The caller holds the slot's lock, and releases it before it waits.
func (f *InFlight) Wait(slot slots.Slot, keys [][]byte) (ended <-chan struct{}, err error) {
	for k := f.slots[slot]; k != nil; k = k.next {
		for _, key := range keys {
			if k.has(key) {
				return k.wait()
			}
		}
	}
	return nil, nil
}

// WaitAny is Wait for a write to all keys of a slot.
func (f *InFlight) WaitAny(slot slots.Slot) (ended <-chan struct{}, err error) {
	if k := f.slots[slot]; k != nil {
		return k.wait()
	}
	return nil, nil
}

// Update is Store.Update for a transaction that writes to some keys of a slot. While one
// of them is in flight it waits, without the lock, until done is closed at most. Then, or
// if waiting is no use, the error is slots.ErrTryAgain.
func (f *InFlight) Update(slot slots.Slot, keys [][]byte, done <-chan struct{}, fn func(*Tx) error) error {
	for {
		var ended <-chan struct{}
		err := f.store.Update(slot, func(tx *Tx) (err error) {
			if ended, err = f.Wait(slot, keys); ended != nil || err != nil {
				return err
			}
			return fn(tx)
		})
		if ended == nil {
			return err
		}
		select {
		case <-ended:
		case <-done:
			return slots.ErrTryAgain
		}
	}
}

func (f *InFlight) addLocked(slot slots.Slot, id uint64) *frozenKeys {
	k := &frozenKeys{id: id, next: f.slots[slot], keys: make(map[uint64]struct{})}
	f.slots[slot] = k
	return k
}

func (f *InFlight) byIDLocked(slot slots.Slot, id uint64) *frozenKeys {
	for k := f.slots[slot]; k != nil; k = k.next {
		if k.id == id {
			return k
		}
	}
	return nil
}

func (f *InFlight) locked(slot slots.Slot, fn func()) {
	f.store.View(slot, func(*Tx) error { fn(); return nil })
}

func (k *frozenKeys) has(key []byte) bool {
	if k.whole {
		return true
	}
	_, ok := k.keys[xxhash.Sum64(key)]
	return ok
}

// wait returns what is closed when the keys are decided, or ErrTryAgain if it is unknown
// when that will be.
func (k *frozenKeys) wait() (ended <-chan struct{}, err error) {
	if k.rejecting {
		return nil, slots.ErrTryAgain
	}
	if k.ended == nil {
		k.ended = make(chan struct{})
	}
	return k.ended, nil
}

func (k *frozenKeys) wake() {
	if k.ended != nil {
		close(k.ended)
		k.ended = nil
	}
}
