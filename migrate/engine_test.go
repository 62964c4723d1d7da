package migrate

import (
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestCommitIsOneStep: a write that waited for keys in flight never sees them deleted and
// itself let go in the wrong order: it finds what the commit has left.
func TestCommitIsOneStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slot slots.Slot = 7
		e := NewEngine(keyspace.New(keyspace.Config{}))
		moved, stays := []byte("moved"), []byte("stays")
		id := e.NewID()
		e.Store().Update(slot, func(tx *keyspace.Tx) error {
			for _, key := range [][]byte{moved, stays} {
				if err := tx.Put(key, keyspace.String, []byte("v"), 0); err != nil {
					return err
				}
				e.Freeze(slot, id, key)
			}
			return nil
		})
		found := make(chan [2]bool)
		go e.Update(slot, [][]byte{moved}, nil, func(tx *keyspace.Tx) error {
			_, m := tx.Get(moved)
			_, s := tx.Get(stays)
			found <- [2]bool{m, s}
			return nil
		})
		synctest.Wait()
		if err := e.Commit(slot, id, [][]byte{moved}, nil); err != nil {
			t.Fatal(err)
		}
		if got := <-found; got != [2]bool{false, true} {
			t.Errorf("the write finds the moved key %v, the other %v", got[0], got[1])
		}
	})
}
