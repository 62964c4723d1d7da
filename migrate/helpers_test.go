package migrate

import (
	"errors"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// errFault is what a disk says that fails.
var errFault = errors.New("no space left on device")

// output returns the effects that have not been carried out, those for the executor
// included.
func (s *Sender) output() []Effect {
	out := s.out[s.head:]
	s.out, s.head = nil, 0
	return out
}

func (r *Receiver) output() []Effect {
	out := r.out
	r.out = nil
	return out
}

// inFlight reports whether a write to key would have to wait.
func inFlight(e *StoreEngine, slot slots.Slot, key string) bool {
	ended, err := e.Wait(slot, [][]byte{[]byte(key)})
	return ended != nil || err != nil
}

func slotsUpTo(last slots.Slot) (set slots.Set) {
	set.AddRange(slots.Range{First: 0, Last: last})
	return set
}

// importBatch stores a batch that comes on a connection of its own.
func importBatch(e Engine, blob []byte, onlyNew bool, accepts func(slots.Slot) bool) (keys int, err error) {
	cfg := &ReceiverConfig{Staging: new(Staging)}
	in := importing{e, nil, &bringer{node: cfg}, onlyNew, accepts, func([]keyspace.Op) error { return nil }}
	return in.batch(blob)
}
