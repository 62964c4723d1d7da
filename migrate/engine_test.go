package migrate

import (
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// testEngine keeps flights as internal/engine does, which this package may not import, but
// nothing else of it: it does not route.
type testEngine struct {
	store   *keyspace.Store
	last    atomic.Uint64
	flights map[slots.Slot]*[]*testFlight // one for each slot of the test; each guarded by its slot's lock
}

type testFlight struct {
	id             uint64
	keys           map[string]bool
	whole, stalled bool
}

// newTestEngine returns an engine for slots 0 to n-1.
func newTestEngine(s *keyspace.Store, n int) *testEngine {
	e := &testEngine{store: s, flights: make(map[slots.Slot]*[]*testFlight)}
	for slot := range slots.Slot(n) {
		e.flights[slot] = new([]*testFlight)
	}
	return e
}

func (e *testEngine) Store() *keyspace.Store { return e.store }

func (e *testEngine) NewFlight() uint64 { return e.last.Add(1) }

// carryingLocked returns the flight that key is on.
func (e *testEngine) carryingLocked(slot slots.Slot, key []byte) *testFlight {
	for _, f := range *e.flights[slot] {
		if f.whole || f.keys[string(key)] {
			return f
		}
	}
	return nil
}

func (e *testEngine) flightLocked(slot slots.Slot, id uint64) *testFlight {
	for _, f := range *e.flights[slot] {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (e *testEngine) openLocked(slot slots.Slot, id uint64) *testFlight {
	f := &testFlight{id: id, keys: map[string]bool{}}
	*e.flights[slot] = append(*e.flights[slot], f)
	return f
}

func (e *testEngine) Board(slot slots.Slot, id uint64, key []byte) bool {
	if f := e.carryingLocked(slot, key); f != nil && f.id != id {
		return false
	}
	f := e.flightLocked(slot, id)
	if f == nil {
		f = e.openLocked(slot, id)
	}
	f.keys[string(key)] = true
	return true
}

func (e *testEngine) BoardAll(slot slots.Slot, id uint64) {
	e.store.View(slot, func(*keyspace.Tx) error {
		f := e.openLocked(slot, id)
		f.whole, f.stalled = true, true
		return nil
	})
}

func (e *testEngine) Stall(slot slots.Slot, id uint64, stalled bool) {
	e.store.View(slot, func(*keyspace.Tx) error {
		if f := e.flightLocked(slot, id); f != nil {
			f.stalled = stalled
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

func (e *testEngine) Land(slot slots.Slot, id uint64, keys [][]byte, _ <-chan struct{}) error {
	return e.store.Update(slot, func(tx *keyspace.Tx) error {
		for _, key := range keys {
			tx.Delete(key)
		}
		list := e.flights[slot]
		for i, f := range *list {
			if f.id == id {
				*list = append((*list)[:i:i], (*list)[i+1:]...)
				break
			}
		}
		return nil
	})
}
