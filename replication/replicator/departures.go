package replicator

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// Departures remember, for keys that have moved to another node, how many replicas of
// that node held them when they were deleted here. A writer that asks later for the
// acknowledgements of a write to such a key must not be told what this node's replicas
// hold, which is the deletion only.
//
// Departures and [Promises] close a race. The goroutine that moves keys calls Leave, then
// reads the promise. The goroutine that answers a writer makes the promise, then calls
// Left. So at least one of the two sees what the other did.
type Departures struct {
	count atomic.Uint64

	mu    sync.Mutex // guards slots
	slots map[slots.Slot]departure
}

type departure struct {
	at   uint64 // of the latest, counted as Count does
	held int    // the fewest replicas since Open
}

// Count returns how many departures there were. Call it before a write, and pass the
// result to Left after the write.
func (d *Departures) Count() uint64 { return d.count.Load() }

// Open forgets earlier departures of slots whose keys are about to leave.
func (d *Departures) Open(set *slots.Set) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for slot := range set.All() {
		delete(d.slots, slot)
	}
}

// Leave notes that keys of some slots are about to be deleted here, and that so many
// replicas of the node that they moved to hold them.
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

// Left returns how many replicas hold a write in a slot of set that was made after Count
// returned since, if the key has left. It returns math.MaxInt if no key of the slots has.
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
