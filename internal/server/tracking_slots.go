package server

import "github.com/slotmesh/slotmesh/slots"

// mapChanged tells clients that track keys what the change of the map means for them. The map
// after it must be in force already: no command registers keys by the one before.
//
// A node hears of no change of keys that it does not serve any more, so the clients that
// have read some of them are told that these may have changed. One that becomes a replica
// tells all clients that all keys may have.
func (t *tracker) mapChanged(before, after *slots.Map) {
	switch {
	case before.Self().IsMaster() && before.Self().HasSlots() && !after.Self().IsMaster():
		t.forgetAll(nil)
	default:
		lost, kept := readable(before), readable(after)
		lost.Subtract(&kept)
		t.lost(&lost)
	}
}

// readable returns the slots whose keys clients can read at this node.
func readable(m *slots.Map) slots.Set {
	owner := m.Self()
	if !owner.IsMaster() {
		owner = m.Node(owner.Master)
	}
	var set slots.Set
	if owner != nil && owner.HasSlots() {
		set = *owner.Slots
	}
	for slot := range m.Open().All() {
		if _, importing := m.Importing(slot); importing {
			set.Add(slot)
		}
	}
	return set
}
