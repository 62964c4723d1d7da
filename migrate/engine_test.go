package migrate

import (
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// testEngine keeps keys in flight as internal/engine does, which this package may not
// import, but nothing else of it: it does not route.
type testEngine struct {
	store    *keyspace.Store
	last     atomic.Uint64
	inFlight map[slots.Slot]*[]*testInFlight // one for each slot of the test; each guarded by its slot's lock
}

type testInFlight struct {
	id               uint64
	keys             map[string]bool
	whole, rejecting bool
}

// newTestEngine returns an engine for slots 0 to n-1.
func newTestEngine(s *keyspace.Store, n int) *testEngine {
	e := &testEngine{store: s, inFlight: make(map[slots.Slot]*[]*testInFlight)}
	for slot := range slots.Slot(n) {
		e.inFlight[slot] = new([]*testInFlight)
	}
	return e
}

func (e *testEngine) Store() *keyspace.Store { return e.store }

func (e *testEngine) NewInFlight() uint64 { return e.last.Add(1) }

// carryingLocked returns what key is in flight with.
func (e *testEngine) carryingLocked(slot slots.Slot, key []byte) *testInFlight {
	for _, f := range *e.inFlight[slot] {
		if f.whole || f.keys[string(key)] {
			return f
		}
	}
	return nil
}

func (e *testEngine) frozenLocked(slot slots.Slot, id uint64) *testInFlight {
	for _, f := range *e.inFlight[slot] {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (e *testEngine) openLocked(slot slots.Slot, id uint64) *testInFlight {
	f := &testInFlight{id: id, keys: map[string]bool{}}
	*e.inFlight[slot] = append(*e.inFlight[slot], f)
	return f
}

func (e *testEngine) Freeze(slot slots.Slot, id uint64, key []byte) bool {
	if f := e.carryingLocked(slot, key); f != nil && f.id != id {
		return false
	}
	f := e.frozenLocked(slot, id)
	if f == nil {
		f = e.openLocked(slot, id)
	}
	f.keys[string(key)] = true
	return true
}

func (e *testEngine) FreezeAll(slot slots.Slot, id uint64) {
	e.store.View(slot, func(*keyspace.Tx) error {
		f := e.openLocked(slot, id)
		f.whole, f.rejecting = true, true
		return nil
	})
}

func (e *testEngine) Reject(slot slots.Slot, id uint64, rejecting bool) {
	e.store.View(slot, func(*keyspace.Tx) error {
		if f := e.frozenLocked(slot, id); f != nil {
			f.rejecting = rejecting
		}
		return nil
	})
}

func (e *testEngine) Alter(slot slots.Slot, _ <-chan struct{}, fn func(*keyspace.Tx) error) error {
	return e.store.Update(slot, fn)
}

func (e *testEngine) Import(ops []keyspace.Op, onlyNew bool, _ <-chan struct{}) error {
	_, err := e.store.Import(ops, onlyNew, func() bool { return true })
	return err
}

func (e *testEngine) Commit(slot slots.Slot, id uint64, keys [][]byte, _ <-chan struct{}) error {
	return e.store.Update(slot, func(tx *keyspace.Tx) error {
		for _, key := range keys {
			tx.Delete(key)
		}
		list := e.inFlight[slot]
		for i, f := range *list {
			if f.id == id {
				*list = append((*list)[:i:i], (*list)[i+1:]...)
				break
			}
		}
		return nil
	})
}
