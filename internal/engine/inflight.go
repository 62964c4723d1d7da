package engine

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Commit ends a group of keys in flight. In one step it deletes keys, which the other
// node has acknowledged, and lets all waiting writes go on. Deletions are writes: see
// Alter. After an error nothing has been deleted, but the writes go on all the same.
func (e *Engine) Commit(slot slots.Slot, id uint64, keys [][]byte, done <-chan struct{}) error {
	var err error
	if len(keys) > 0 {
		err = e.Alter(slot, done, func(tx *keyspace.Tx) error {
			for _, key := range keys {
				if tx.Delete(key) {
					tx.Notify(keyspace.GenericEvents, "del", key) // as MIGRATE of Redis tells it
				}
			}
			e.Release(slot, id)
			return nil
		})
	}
	if len(keys) == 0 || err != nil {
		e.store.View(slot, func(*keyspace.Tx) error { e.Release(slot, id); return nil })
	}
	return err
}
