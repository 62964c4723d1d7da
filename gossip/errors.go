package gossip

import (
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// Errors of commands. Their texts are those of the Redis protocol without the leading
// "ERR " (docs/spec.md §11).
var (
	ErrForgetSelf    = errors.New("I tried hard but I can't forget myself...")
	ErrForgetMaster  = errors.New("Can't forget my master!")
	ErrKnowsOthers   = errors.New("The user can assign a config epoch only when the node does not know any other node.")
	ErrHasEpoch      = errors.New("Node config epoch is already non-zero")
	ErrInvalidEpoch  = errors.New("Invalid config epoch specified")
	ErrNotMaster     = errors.New("Please use SETSLOT only with masters.")
	ErrInvalidAddr   = errors.New("Invalid node address specified")
	ErrOwnsSlots     = errors.New("To set a master the node must be empty and without assigned slots.")
	ErrReplicateSelf = errors.New("Can't replicate myself")
	ErrNotAMaster    = errors.New("I can only replicate a master, not a replica.")

	// ErrTooManyNodes refuses a Meet to a node that knows slots.MaxNodes already.
	ErrTooManyNodes = errors.New("the cluster has as many nodes as there may be")
	// ErrTooManyMeets refuses a Meet while too many are under way; each ends within max(T, 1
	// s).
	ErrTooManyMeets = errors.New("too many handshakes are under way, try again in a moment")

	// ErrWitness refuses slots, or a master, on a witness (docs/spec.md §6.10).
	ErrWitness = errors.New("This node is a witness: it votes and holds no data")
	// ErrRefused is matched by a MeetFailed event's error if the other cluster and this one
	// must not merge.
	ErrRefused = errors.New("the two clusters refuse to merge")
	// ErrNoAnswer is matched if no node answered a Meet in time.
	ErrNoAnswer = errors.New("nobody answered")
	// ErrNoBus is matched, besides ErrNoAnswer, if something at that address took the
	// connection, but did not answer as a node does.
	ErrNoBus = errors.New("what listens there did not answer as the bus of a node does, whose port is by default " +
		"the client port + 10,000")
	// ErrMetSelf is matched if the address of a Meet is this node's own.
	ErrMetSelf = errors.New("it is this node itself")
)

// UnknownNodeError names a node that this one does not know.
type UnknownNodeError struct{ Node slots.NodeID }

func (e *UnknownNodeError) Error() string { return "Unknown node " + e.Node.String() }

// SlotError says why a slot cannot be added or removed.
type SlotError struct {
	Slot slots.Slot
	Busy bool // true: it has an owner already; false: it has none
}

func (e *SlotError) Error() string {
	if e.Busy {
		return fmt.Sprintf("Slot %d is already busy", e.Slot)
	}
	return fmt.Sprintf("Slot %d is already unassigned", e.Slot)
}
