package gossip

import (
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// SetSlots is SetSlot for several slots at once, which share one save and one map. It stops at
// the first slot that is refused; those before it are changed.
type SetSlots struct {
	Slots slots.Set
	State SlotState
	Node  slots.NodeID
}

func (cmd SetSlots) do(c *Core) error {
	for slot := range cmd.Slots.All() {
		if err := (SetSlot{slot, cmd.State, cmd.Node}).do(c); err != nil {
			return err
		}
	}
	return nil
}

// Inherit opens the slots that were open at the master whose place this node took: a
// failover must not end their moves. Slots that do not belong to this node any more (or do
// already, for those that were coming) are left alone.
type Inherit struct{ Migrating, Importing map[slots.Slot]slots.NodeID }

func (cmd Inherit) do(c *Core) error {
	if c.isReplica() {
		return ErrNotMaster
	}
	open := func(m map[slots.Slot]slots.NodeID, state SlotState) {
		keys := make([]slots.Slot, 0, len(m))
		for slot := range m {
			keys = append(keys, slot)
		}
		slices.Sort(keys) // the order of a map must not matter
		for _, slot := range keys {
			_ = SetSlot{slot, state, m[slot]}.do(c) // refused: the slot has moved on
		}
	}
	open(cmd.Migrating, SlotMigrating)
	open(cmd.Importing, SlotImporting)
	return nil
}
