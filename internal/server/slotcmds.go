package server

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// SlotMoves opens and closes slots by hand (docs/spec.md §8.1).
type SlotMoves interface {
	// SetSlot changes the state of a slot; peer is the other end, or for SlotNode the
	// new owner. The server has checked that this is allowed, by the map in force.
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

var setSlotCommand = command{name: "setslot", arity: -4, flags: flagsClusterAdmin, since: "3.0.0",
	summary: "Opens a slot for a move, closes it, or gives it to a node.", run: inCluster(cmdSetSlot)}

const (
	errSetSlot      = replyError("ERR Invalid CLUSTER SETSLOT action or number of arguments. Try CLUSTER HELP")
	errSlotMasters  = replyError("ERR Please use SETSLOT only with masters.")
	errTargetMaster = replyError("ERR Target node is not a master")
)

func cmdSetSlot(s *session) error {
	m := s.srv.engine.Map()
	if !m.Self().IsMaster() && !s.knownOwner(m) {
		return errSlotMasters
	}
	slot, err := s.slotArg(2)
	if err != nil {
		return err
	}
	if !m.Self().IsMaster() {
		s.out.OK()
		return nil
	}
	switch {
	case len(s.args) == 4 && s.word(3, "STABLE"):
		return s.setSlot(slot, SlotStable, slots.NodeID{})
	case len(s.args) != 5:
		return errSetSlot
	case s.word(3, "MIGRATING"):
		if !m.IsMine(slot) {
			return replyError("ERR I'm not the owner of hash slot " + itoa(int(slot)))
		}
		return s.openSlot(m, slot, SlotMigrating)
	case s.word(3, "IMPORTING"):
		if m.IsMine(slot) {
			return replyError("ERR I'm already the owner of hash slot " + itoa(int(slot)))
		}
		return s.openSlot(m, slot, SlotImporting)
	case s.word(3, "NODE"):
		return s.assignSlot(m, slot)
	}
	return errSetSlot
}

// knownOwner reports whether the command is SETSLOT n NODE id for an owner that m shows.
// A replica that knows so agrees: it was a master when the tool looked, and its last slot
// went to that node before the tool came to tell it (docs/spec.md §4.6, §13.10).
func (s *session) knownOwner(m *slots.Map) bool {
	if len(s.args) != 5 || !s.word(3, "NODE") {
		return false
	}
	slot, err := s.slotArg(2)
	id, bad := slots.ParseNodeID(string(s.args[4]))
	return err == nil && bad == nil && m.Owner(slot) != nil && m.Owner(slot).ID == id
}

func (s *session) setSlot(slot slots.Slot, state SlotState, peer slots.NodeID) error {
	return s.change(func(ctx context.Context) error { return s.srv.cfg.Cluster.SetSlot(ctx, slot, state, peer) })
}

func (s *session) openSlot(m *slots.Map, slot slots.Slot, state SlotState) error {
	peer, err := s.masterArg(m, 4, "ERR I don't know about node ")
	if err != nil {
		return err
	}
	return s.setSlot(slot, state, peer)
}

// masterArg reads the id of a master that m knows.
func (s *session) masterArg(m *slots.Map, i int, ifUnknown string) (slots.NodeID, error) {
	id, err := slots.ParseNodeID(string(s.args[i]))
	switch {
	case err != nil || m.Node(id) == nil:
		return id, replyError(ifUnknown + string(clip(s.args[i], 128)))
	case !m.Node(id).IsMaster():
		return id, errTargetMaster
	}
	return id, nil
}

// assignSlot is SETSLOT n NODE id. A slot of which this node holds keys is not given away
// (docs/spec.md §8.2).
func (s *session) assignSlot(m *slots.Map, slot slots.Slot) error {
	id, err := s.masterArg(m, 4, "ERR Unknown node ")
	if err != nil {
		return err
	}
	if m.IsMine(slot) && id != m.Self().ID {
		if err := s.emptyForGood(m, slot, id); err != nil {
			return err
		}
	}
	return s.setSlot(slot, SlotNode, id)
}

// emptyForGood makes sure that a slot of this node holds no key, and that no client
// creates one before its new owner has it: while the slot is migrating, new keys are
// created there.
func (s *session) emptyForGood(m *slots.Map, slot slots.Slot, to slots.NodeID) error {
	holdsKeys := replyError("ERR Can't assign hashslot " + itoa(int(slot)) +
		" to a different node while I still hold keys for this hash slot.")
	if s.holdsKeys(slot) {
		return holdsKeys
	}
	if _, open := m.Migrating(slot); open {
		return nil
	}
	cluster := s.srv.cfg.Cluster
	if err := cluster.SetSlot(s.srv.life, slot, SlotMigrating, to); err != nil {
		return err
	}
	if !s.holdsKeys(slot) {
		return nil
	}
	if err := cluster.SetSlot(s.srv.life, slot, SlotStable, slots.NodeID{}); err != nil {
		return err
	}
	return holdsKeys
}

// holdsKeys reports whether a slot holds a key whose time is not over.
func (s *session) holdsKeys(slot slots.Slot) bool { return len(s.srv.store.Keys(slot, 1)) > 0 }
