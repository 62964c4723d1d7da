package commands

import (
	"cmp"
	"context"
	"strconv"

	"github.com/slotmesh/slotmesh/slots"
)

// SlotMoves opens and closes slots by hand (docs/spec.md §8.1).
type SlotMoves interface {
	// SetSlot changes the state of a slot; peer is the other end, or for SlotNode the new
	// owner. The server has checked that this is allowed, by the map in force.
	SetSlot(ctx context.Context, slot slots.Slot, state SlotState, peer slots.NodeID) error
}

// SlotState is what CLUSTER SETSLOT makes of a slot.
type SlotState uint8

const (
	SlotStable    SlotState = iota // neither importing nor migrating
	SlotImporting                  // comes to this node
	SlotMigrating                  // leaves this node
	SlotNode                       // belongs to a node from now on
)

var setSlotCommand = Command{Name: "setslot", Arity: -4,
	Args: "<slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)", Flags: flagsClusterAdmin,
	Since: "3.0.0", Summary: "Opens a slot for a move, closes it, or gives it to a node.",
	Run: inCluster(cmdSetSlot)}

const (
	errSetSlot      = ReplyError("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP")
	errSlotMasters  = ReplyError("ERR Please use SETSLOT only with masters.")
	errTargetMaster = ReplyError("ERR Target node is not a master")
)

func cmdSetSlot(c *Call) error {
	m := c.Node.Engine.Map()
	if !m.Self().IsMaster() && !c.knownOwner(m) {
		return errSlotMasters
	}
	slot, err := c.slotArg(2)
	if err != nil {
		return err
	}
	if !m.Self().IsMaster() {
		c.Out.OK()
		return nil
	}
	switch {
	case len(c.Args) == 4 && c.Word(3, "STABLE"):
		return c.setSlot(slot, SlotStable, slots.NodeID{})
	case len(c.Args) != 5:
		return errSetSlot
	case c.Word(3, "MIGRATING"):
		if !m.IsMine(slot) {
			return ReplyError("ERR I'm not the owner of hash slot " + strconv.Itoa(int(slot)))
		}
		return c.openSlot(m, slot, SlotMigrating)
	case c.Word(3, "IMPORTING"):
		if m.IsMine(slot) {
			return ReplyError("ERR I'm already the owner of hash slot " + strconv.Itoa(int(slot)))
		}
		return c.openSlot(m, slot, SlotImporting)
	case c.Word(3, "NODE"):
		return c.assignSlot(m, slot)
	}
	return errSetSlot
}

// knownOwner reports whether the command is SETSLOT n NODE id and m already shows that
// owner. Then a replica answers OK: it was a master when the tool looked, and its last
// slot went to that node before the tool told it so (docs/spec.md §4.6, §13.10).
func (c *Call) knownOwner(m *slots.Map) bool {
	if len(c.Args) != 5 || !c.Word(3, "NODE") {
		return false
	}
	slot, err := c.slotArg(2)
	id, bad := slots.ParseNodeID(string(c.Args[4]))
	return err == nil && bad == nil && m.Owner(slot) != nil && m.Owner(slot).ID == id
}

func (c *Call) setSlot(slot slots.Slot, state SlotState, peer slots.NodeID) error {
	return c.change(func(ctx context.Context) error { return c.Node.Cluster.SetSlot(ctx, slot, state, peer) })
}

func (c *Call) openSlot(m *slots.Map, slot slots.Slot, state SlotState) error {
	peer, err := c.masterArg(m, 4, "ERR I don't know about node ")
	if err != nil {
		return err
	}
	return c.setSlot(slot, state, peer)
}

// masterArg reads the id of a master that m knows.
func (c *Call) masterArg(m *slots.Map, i int, ifUnknown string) (slots.NodeID, error) {
	id, err := slots.ParseNodeID(string(c.Args[i]))
	switch {
	case err != nil || m.Node(id) == nil:
		return id, ReplyError(ifUnknown + string(Clip(c.Args[i], 128)))
	case !m.Node(id).IsMaster():
		return id, errTargetMaster
	}
	return id, nil
}

// assignSlot is SETSLOT n NODE id. A slot of which this node holds keys is not given away
// (docs/spec.md §8.2).
func (c *Call) assignSlot(m *slots.Map, slot slots.Slot) error {
	id, err := c.masterArg(m, 4, "ERR Unknown node ")
	if err != nil {
		return err
	}
	if m.IsMine(slot) && id != m.Self().ID {
		if err := c.emptyForGood(m, slot, id); err != nil {
			return err
		}
	}
	return c.setSlot(slot, SlotNode, id)
}

// emptyForGood makes sure that a slot of this node holds no key, and that no client
// creates one before its new owner has it: while the slot is migrating, new keys are
// created there.
func (c *Call) emptyForGood(m *slots.Map, slot slots.Slot, to slots.NodeID) error {
	holdsKeys := ReplyError("ERR Can't assign hashslot " + strconv.Itoa(int(slot)) +
		" to a different node while I still hold keys for this hash slot.")
	if held, err := c.holdsKeys(slot); held || err != nil {
		return cmp.Or(err, error(holdsKeys))
	}
	if _, open := m.Migrating(slot); open {
		return nil
	}
	cluster := c.Node.Cluster
	if err := cluster.SetSlot(c.Node.Life, slot, SlotMigrating, to); err != nil {
		return err
	}
	held, err := c.holdsKeys(slot)
	if !held && err == nil {
		return nil
	}
	if err := cluster.SetSlot(c.Node.Life, slot, SlotStable, slots.NodeID{}); err != nil {
		return err
	}
	return cmp.Or(err, error(holdsKeys))
}

// holdsKeys reports whether a slot holds a key whose time is not over.
func (c *Call) holdsKeys(slot slots.Slot) (bool, error) {
	keys, err := c.Node.Store.TryKeys(slot, 1, c.Access.Done)
	return len(keys) > 0, err
}
