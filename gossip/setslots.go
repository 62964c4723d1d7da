package gossip

import "github.com/slotmesh/slotmesh/slots"

// SetSlots is SetSlot for several slots at once, which share one save and one map. It
// stops at the first slot that is refused; those before it are changed.
type SetSlots struct {
	Slots slots.Set
	State SlotState
	Node  slots.NodeID
}

// OpenSlots are the slots of a shard that are on the move, each with the node at the
// other end.
type OpenSlots struct {
	Migrating map[slots.Slot]slots.NodeID
	Importing map[slots.Slot]slots.NodeID
	Ceded     map[slots.Slot]slots.NodeID // given away, and not yet claimed by their new owner
}

func (cmd SetSlots) do(c *Core) error {
	for slot := range cmd.Slots.All() {
		if err := (SetSlot{slot, cmd.State, cmd.Node}).do(c); err != nil {
			return err
		}
	}
	return nil
}

// inherit opens the slots that were open at the master whose place this node has just
// taken: a failover must not end their moves, nor hide the keys that have left already.
// It leaves out slots that this node does not own, and importing slots that it owns
// already.
func (c *Core) inherit() {
	if c.cfg.Inherit == nil {
		return
	}
	open := c.cfg.Inherit()
	for slot, peer := range open.Migrating {
		if c.nodes[peer] != nil && c.ownsSlot(slot) {
			c.openSlot(c.migrating, slot, peer)
		}
	}
	for slot, peer := range open.Importing {
		if c.nodes[peer] != nil && !c.ownsSlot(slot) {
			c.openSlot(c.importing, slot, peer)
		}
	}
	for slot, peer := range open.Ceded {
		if n := c.nodes[peer]; n != nil && n != c.self && c.ownsSlot(slot) {
			c.cede(slot, n)
		}
	}
}

// ownsSlot reports whether a slot is this node's, and not ceded.
func (c *Core) ownsSlot(slot slots.Slot) bool {
	_, ceded := c.ceded[slot]
	return !ceded && c.self.owned != nil && c.self.owned.Has(slot)
}
