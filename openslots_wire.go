package slotmesh

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/slotmesh/slotmesh/slots"
)

// openSlotsWire is openSlots as the note holds it. Ids are 20 bytes: of a NodeID msgpack
// would take the text.
type openSlotsWire struct {
	Migrating, Importing, Ceded wireIDs
}

type wireIDs map[slots.Slot][len(slots.NodeID{})]byte

// encode returns nil for no open slots, which removes the note.
func (o *openSlots) encode() ([]byte, error) {
	if o.empty() {
		return nil, nil
	}
	return msgpack.Marshal(openSlotsWire{wireOf(o.Migrating), wireOf(o.Importing), wireOf(o.Ceded)})
}

func decodeOpenSlots(b []byte) (openSlots, error) {
	if len(b) == 0 {
		return openSlots{}, nil
	}
	var w openSlotsWire
	if err := msgpack.Unmarshal(b, &w); err != nil {
		return openSlots{}, fmt.Errorf("slotmesh: the note of open slots: %w", err)
	}
	for _, ids := range []wireIDs{w.Migrating, w.Importing, w.Ceded} {
		for slot := range ids {
			if slot >= slots.Count {
				return openSlots{}, fmt.Errorf("slotmesh: the note of open slots: %d is not a slot (0 to %d)", slot, slots.Count-1)
			}
		}
	}
	return openSlots{Migrating: w.Migrating.ids(), Importing: w.Importing.ids(), Ceded: w.Ceded.ids()}, nil
}

func wireOf(ids map[slots.Slot]slots.NodeID) wireIDs {
	w := make(wireIDs, len(ids))
	for slot, id := range ids {
		w[slot] = id
	}
	return w
}

func (w wireIDs) ids() map[slots.Slot]slots.NodeID {
	ids := make(map[slots.Slot]slots.NodeID, len(w))
	for slot, id := range w {
		ids[slot] = id
	}
	return ids
}
