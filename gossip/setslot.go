package gossip

import (
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// SlotState is what SetSlot makes of a slot (docs/spec.md §8.1).
type SlotState uint8

const (
	SlotStable    SlotState = iota // neither importing nor migrating
	SlotImporting                  // comes from Node to this node
	SlotMigrating                  // leaves this node for Node
	SlotNode                       // belongs to Node from now on: ends a move
)

// SetSlot opens a slot for a move, or ends the move. With SlotNode and this node as Node,
// the slot becomes its own under a new config epoch, which all others learn at once; with
// another, this node cedes the slot: the Map names that node as the owner at once, and
// this node's record claims the slot until that node's does. The caller refuses that
// while it holds keys of the slot (docs/spec.md §8.2).
type SetSlot struct {
	Slot  slots.Slot
	State SlotState
	Node  slots.NodeID
}

// SlotOwnerError refuses to open a slot in the wrong direction (docs/spec.md §11).
type SlotOwnerError struct {
	Slot slots.Slot
	Mine bool
}

func (e *SlotOwnerError) Error() string {
	if e.Mine {
		return fmt.Sprintf("I'm already the owner of hash slot %d", e.Slot)
	}
	return fmt.Sprintf("I'm not the owner of hash slot %d", e.Slot)
}

// UnknownPeerError names the other end of a move, which this node does not know.
type UnknownPeerError struct{ Node slots.NodeID }

func (e *UnknownPeerError) Error() string { return "I don't know about node " + e.Node.String() }

func (cmd SetSlot) do(c *Core) error {
	if c.isReplica() {
		return ErrNotMaster
	}
	mine := c.ownsSlot(cmd.Slot)
	n := c.nodes[cmd.Node]
	if c.self.rec.Witness && (cmd.State == SlotImporting || cmd.State == SlotNode && n == c.self) {
		return ErrWitness
	}
	switch cmd.State {
	case SlotStable:
		c.closeSlot(cmd.Slot)
		return nil
	case SlotMigrating:
		if !mine {
			return &SlotOwnerError{Slot: cmd.Slot}
		}
	case SlotImporting:
		if mine {
			return &SlotOwnerError{Slot: cmd.Slot, Mine: true}
		}
		if _, open := c.importing[cmd.Slot]; c.self.rec.Leaving && !open {
			return ErrLeaving
		}
	case SlotNode:
		if n == nil {
			return &UnknownNodeError{cmd.Node}
		}
	}
	switch {
	case n == nil:
		return &UnknownPeerError{cmd.Node}
	case !n.rec.Master.IsZero():
		return ErrNotMaster
	}
	switch cmd.State {
	case SlotMigrating:
		c.openSlot(c.migrating, cmd.Slot, cmd.Node)
	case SlotImporting:
		c.openSlot(c.importing, cmd.Slot, cmd.Node)
	case SlotNode:
		c.assign(cmd.Slot, n, mine)
	}
	return nil
}

// assign ends a move.
func (c *Core) assign(slot slots.Slot, to *node, mine bool) {
	switch _, ceded := c.ceded[slot]; {
	case to == c.self && !mine:
		// Without agreement, so with an epoch greater than the present owner's (docs/spec.md
		// §4.5, §8.2).
		c.bumpEpoch("took a slot at the end of a move")
		one := slots.NewSet(slot)
		c.claim(&one, nil)
		c.reclaim(slot)
	case to != c.self && (mine || ceded):
		c.cede(slot, to)
	}
	c.closeSlot(slot)
}

func (c *Core) openSlot(open map[slots.Slot]slots.NodeID, slot slots.Slot, peer slots.NodeID) {
	if open[slot] != peer {
		open[slot] = peer
		c.dirty, c.mapDirty = true, true
	}
}

func (c *Core) closeSlot(slot slots.Slot) {
	_, migrating := c.migrating[slot]
	_, importing := c.importing[slot]
	if migrating || importing {
		delete(c.migrating, slot)
		delete(c.importing, slot)
		c.dirty, c.mapDirty = true, true
	}
}

// closeMoved closes the slots whose move has ended by a change of owner. If a crash
// undoes it, it will be done again: so it need not be saved at once.
func (c *Core) closeMoved() {
	for slot := range c.migrating {
		if !c.ownsSlot(slot) {
			delete(c.migrating, slot)
			c.mapDirty = true
			c.saveSoon()
		}
	}
	for slot := range c.importing {
		if c.ownsSlot(slot) {
			delete(c.importing, slot)
			c.mapDirty = true
			c.saveSoon()
		}
	}
}
