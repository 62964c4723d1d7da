package engine

import (
	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// inFlight is a number of keys of one slot on their way to another node: sent, or
// about to be, and not yet acknowledged. They are still here and can be read. A
// write to one of them waits until that ends, because what was sent must be what
// the other node ends up with.
//
// All fields are guarded by the slot's lock.
type inFlight struct {
	id    uint64
	next  *inFlight
	keys  map[uint64]struct{} // xxhash64 of the keys: a collision makes a write wait in vain, no more
	whole bool                // every key of the slot counts as in flight
	// ended is closed when that ends, or writes are rejected. Made by the first who waits.
	ended chan struct{}
	// rejecting: nobody knows when it will end, so writes are refused instead.
	rejecting bool
}

func (f *inFlight) carries(key []byte) bool {
	if f.whole {
		return true
	}
	_, ok := f.keys[xxhash.Sum64(key)]
	return ok
}

// wait returns what is closed when it ends, or ErrTryAgain if nobody knows when.
func (f *inFlight) wait() (ended <-chan struct{}, err error) {
	if f.rejecting {
		return nil, slots.ErrTryAgain
	}
	if f.ended == nil {
		f.ended = make(chan struct{})
	}
	return f.ended, nil
}

func (f *inFlight) wake() {
	if f.ended != nil {
		close(f.ended)
		f.ended = nil
	}
}

// NewInFlight returns an id for keys in flight that no others have. It exists per slot,
// from the first key that is frozen there.
func (e *Engine) NewInFlight() uint64 { return e.lastInFlight.Add(1) }

// Freeze puts key in flight with that id, which it opens if need be. It reports false if
// key is in flight already with another. The caller holds the slot's lock: it is inside a
// transaction or a dump of that slot.
func (e *Engine) Freeze(slot slots.Slot, id uint64, key []byte) bool {
	own := e.byIDLocked(slot, id)
	for f := e.inFlight[slot]; f != nil; f = f.next {
		if f != own && f.carries(key) {
			return false
		}
	}
	if own == nil {
		own = e.openLocked(slot, id)
	}
	own.keys[xxhash.Sum64(key)] = struct{}{}
	return true
}

// FreezeAll puts in flight every key of the slot, also those to come,
// and is stalled: after a restart, until it is known which keys have left already.
func (e *Engine) FreezeAll(slot slots.Slot, id uint64) {
	e.locked(slot, func() {
		f := e.openLocked(slot, id)
		f.whole, f.rejecting = true, true
	})
}

// Reject makes writes to keys in flight fail with slots.ErrTryAgain instead of
// waiting, because the connection that would acknowledge them is lost; stalled false
// undoes that.
func (e *Engine) Reject(slot slots.Slot, id uint64, reject bool) {
	e.locked(slot, func() {
		if f := e.byIDLocked(slot, id); f != nil {
			f.rejecting = reject
			f.wake()
		}
	})
}

// Commit ends what is in flight. In one step it deletes keys, which the other node has
// acknowledged, and lets all writes go on that waited for it. Deletions are writes, see
// Alter; after an error nothing has been deleted, but it has ended all the same.
func (e *Engine) Commit(slot slots.Slot, id uint64, keys [][]byte, done <-chan struct{}) error {
	var err error
	if len(keys) > 0 {
		err = e.Alter(slot, done, func(tx *keyspace.Tx) error {
			for _, key := range keys {
				tx.Delete(key)
			}
			e.releaseLocked(slot, id)
			return nil
		})
	}
	if len(keys) == 0 || err != nil {
		e.locked(slot, func() { e.releaseLocked(slot, id) })
	}
	return err
}

func (e *Engine) releaseLocked(slot slots.Slot, id uint64) {
	for at := &e.inFlight[slot]; *at != nil; at = &(*at).next {
		if f := *at; f.id == id {
			*at = f.next
			f.wake()
			return
		}
	}
}

func (e *Engine) openLocked(slot slots.Slot, id uint64) *inFlight {
	f := &inFlight{id: id, next: e.inFlight[slot], keys: make(map[uint64]struct{})}
	e.inFlight[slot] = f
	return f
}

func (e *Engine) byIDLocked(slot slots.Slot, id uint64) *inFlight {
	for f := e.inFlight[slot]; f != nil; f = f.next {
		if f.id == id {
			return f
		}
	}
	return nil
}

// frozenLocked returns what a write has to wait for: nil if it need not, ErrTryAgain
// if waiting is no use.
func (e *Engine) frozenLocked(a *Access) (ended <-chan struct{}, err error) {
	for f := e.inFlight[a.Slot]; f != nil; f = f.next {
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
