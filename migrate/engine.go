package migrate

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Engine is what a migration needs of the node's data: the store, and the keys of it that
// are in flight (see [keyspace.InFlight]). A node that is nothing but a store uses
// [NewEngine].
//
// Alter, Import and Commit are writes of the node itself. If writes are paused they wait
// for the end of the pause; when done is closed before, the error is slots.ErrTryAgain.
// On a node that is a replica, or became one meanwhile, it is slots.ErrReadOnly.
type Engine interface {
	Store() *keyspace.Store
	NewID() uint64
	// Freeze is called under the slot's lock; the others take it.
	Freeze(slot slots.Slot, id uint64, key []byte) bool
	FreezeAll(slot slots.Slot, id uint64)
	Reject(slot slots.Slot, id uint64, rejecting bool)
	// Commit deletes keys and takes those with that id out of flight, in one step. After an
	// error nothing is deleted, but they are out of flight all the same.
	Commit(slot slots.Slot, id uint64, keys [][]byte, done <-chan struct{}) error
	// Alter is the store's Update.
	Alter(slot slots.Slot, done <-chan struct{}, fn func(*keyspace.Tx) error) error
	// Import is the store's Import. After an error some of the ops may be stored.
	Import(ops []keyspace.Op, onlyNew bool, done <-chan struct{}) error
}

// StoreEngine is the Engine of a node that is nothing but a store: it is always a master,
// and its writes are never paused. All its writers use Update, which waits for keys in
// flight, and check inside that transaction whether this node may serve the slot
// ([slots.Route]).
type StoreEngine struct{ *keyspace.InFlight }

// NewEngine returns an Engine for a store. A store needs one at most.
func NewEngine(s *keyspace.Store) *StoreEngine { return &StoreEngine{keyspace.NewInFlight(s)} }

// Commit deletes keys and takes those with that id out of flight, in one step.
func (e *StoreEngine) Commit(slot slots.Slot, id uint64, keys [][]byte, _ <-chan struct{}) error {
	return e.Store().Update(slot, func(tx *keyspace.Tx) error {
		for _, key := range keys {
			if tx.Delete(key) {
				tx.Notify(keyspace.GenericEvents, "del", key)
			}
		}
		e.Release(slot, id)
		return nil
	})
}

// Alter is the store's Update.
func (e *StoreEngine) Alter(slot slots.Slot, _ <-chan struct{}, fn func(*keyspace.Tx) error) error {
	return e.Store().Update(slot, fn)
}

// Import is the store's Import.
func (e *StoreEngine) Import(ops []keyspace.Op, onlyNew bool, _ <-chan struct{}) error {
	_, err := e.Store().Import(ops, onlyNew, func() bool { return true })
	return err
}
