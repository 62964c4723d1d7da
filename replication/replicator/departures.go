package replicator

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// Departures remember how many replicas held keys at the node that they moved to when
// they were deleted here. A writer that asks for acknowledgements later, of a write to
// such a key, must not be told what this node's replicas hold, which is no more than the
// deletion.
//
// They and [Promises] meet in the middle: who moves keys calls Leave and then looks at
// the promise, who answers a writer makes the promise and then looks at Left. So one of
// the two sees the other.
type Departures struct {
	count atomic.Uint64

	mu    sync.Mutex // guards slots
	slots map[slots.Slot]departure
}

type departure struct {
	at   uint64 // of the latest, counted as Count does
	held int    // the fewest replicas since Open
}

// Count returns how many there were. Ask for it before a write, and with it for Left
// after it.
func (d *Departures) Count() uint64 { return d.count.Load() }

// Open begins to count anew for slots whose keys are about to leave.
func (d *Departures) Open(set *slots.Set) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for slot := range set.All() {
		delete(d.slots, slot)
	}
}

// Leave notes that keys of some slots are about to be deleted here, which held replicas
// of another node hold.
func (d *Departures) Leave(list []slots.Slot, held int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.slots == nil {
		d.slots = make(map[slots.Slot]departure)
	}
	at := d.count.Add(1)
	for _, slot := range list {
		if was, ok := d.slots[slot]; ok {
			held = min(held, was.held)
		}
		d.slots[slot] = departure{at, held}
	}
}

// Left returns how many replicas hold a write in a slot of set, made after Count returned
// since, if its key has left: math.MaxInt if no key of the slots has.
func (d *Departures) Left(set *slots.Set, since uint64) int {
	if d.count.Load() == since {
		return math.MaxInt
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	held := math.MaxInt
	for slot, last := range d.slots {
		if last.at > since && set.Has(slot) {
			held = min(held, last.held)
		}
	}
	return held
}
