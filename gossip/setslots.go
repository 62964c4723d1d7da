package gossip

import "github.com/slotmesh/slotmesh/slots"

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

// inherit opens the slots that were open at the master whose place this node has just taken: a
// failover must not end their moves, nor hide the keys that have left already. Slots that do not
// belong to this node (or do already, for those that were coming) are left alone.
func (c *Core) inherit() {
	if c.cfg.Inherit == nil {
		return
	}
	migrating, importing := c.cfg.Inherit()
	for slot, peer := range migrating {
		if c.nodes[peer] != nil && c.ownsSlot(slot) {
			c.openSlot(c.migrating, slot, peer)
		}
	}
	for slot, peer := range importing {
		if c.nodes[peer] != nil && !c.ownsSlot(slot) {
			c.openSlot(c.importing, slot, peer)
		}
	}
}

func (c *Core) ownsSlot(slot slots.Slot) bool { return c.self.owned != nil && c.self.owned.Has(slot) }
