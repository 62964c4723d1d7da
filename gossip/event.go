package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Event is something that happened, for logs, progress displays and the host program. The
// set is closed: the types of this file.
type Event interface {
	// EventName returns the name of the type for logs and metrics, such as
	// "failover-aborted". It stays the same from release to release.
	EventName() string
}

// NodeAdded says that a node became known as a member.
type NodeAdded struct{ Node slots.NodeID }

// NodeRemoved says that a node was forgotten, here or elsewhere.
type NodeRemoved struct{ Node slots.NodeID }

// HealthChanged says what this node believes about another from now on.
type HealthChanged struct {
	Node     slots.NodeID
	Was, Now slots.Health
}

// AddrChanged says that a node has another address.
type AddrChanged struct {
	Node     slots.NodeID
	Was, Now slots.Addr
}

// StateChanged says that the cluster, as this node sees it, began or ceased to serve;
// Reason is plain English.
type StateChanged struct {
	Now    slots.State
	Reason string
}

// SlotsChanged says that this node acquired or lost slots; nil for none.
type SlotsChanged struct {
	Acquired, Lost *slots.Set
	// Planned says that all of Lost were moving to another node or were given up by a
	// command: none was taken in any other way.
	Planned bool
}

// RoleChanged says that a node replicates Master from now on, or is a master if Master is
// zero.
type RoleChanged struct{ Node, Master slots.NodeID }

// ElectorateChanged says who votes from now on, where fewer than three masters have slots.
type ElectorateChanged struct{ Electorate Electorate }

// ElectionStarted says that this replica asks for votes to succeed its master.
// RoleChanged tells if it won.
type ElectionStarted struct {
	Master slots.NodeID
	Epoch  uint64
	Manual bool
}

// ElectionLost says that this replica did not win in this epoch; it may try again.
type ElectionLost struct {
	Epoch  uint64
	Reason string
}

// WritesPaused asks this master to stop writes for a manual failover to the replica For,
// and to answer with the ConfirmPause command. It is over with WritesResumed, which comes
// at Until at the latest.
type WritesPaused struct {
	Until time.Time
	For   slots.NodeID
}

// Fenced, with On, says that this restarted master serves nothing until it knows that no
// replica has more data than it brought along (Config.Data). Until the event comes again
// without On, no replica may be brought up to date: it would throw away what it has.
//
// Without On it says that the fence has ended: a replica has taken over (RoleChanged
// tells), none holds more, or all that may hold more have failed. In the last case the
// master goes on with what it has, under a config epoch that the others have agreed to:
// Epoch is not zero, and Lacks names the replicas. The host then begins a new term,
// before it accepts writes.
type Fenced struct {
	On    bool
	Epoch uint64
	Lacks []Shortfall
}

// HandOverAsked says that this replica's master is about to end, and that this node has
// begun a manual failover for that reason: tell SetData of every step from now on.
type HandOverAsked struct{ By slots.NodeID }

// WritesResumed ends a pause.
type WritesResumed struct{}

// FailoverAborted says that a manual failover of this replica was called off.
type FailoverAborted struct{ Reason string }

// EpochChanged says that this node orders its claims by another config epoch.
type EpochChanged struct {
	ConfigEpoch uint64
	Reason      string
}

// Met says that a Meet succeeded: the node at Addr is a member of the same cluster now.
type Met struct {
	Addr slots.Addr
	Node slots.NodeID
}

// MeetFailed says that a Meet failed. Err matches ErrRefused if the two clusters must not
// merge.
type MeetFailed struct {
	Addr slots.Addr
	Err  error
}

// Expelled says that the cluster forgot this node, which therefore forgot its peers.
type Expelled struct{ By slots.NodeID }

// Warning is something an operator should look into.
type Warning struct {
	At   time.Time
	Node slots.NodeID // the node that it concerns, may be zero
	Text string
}

func (ElectorateChanged) EventName() string { return "electorate-changed" }
func (ElectionStarted) EventName() string   { return "election-started" }
func (ElectionLost) EventName() string      { return "election-lost" }
func (WritesPaused) EventName() string      { return "writes-paused" }
func (HandOverAsked) EventName() string     { return "hand-over-asked" }
func (WritesResumed) EventName() string     { return "writes-resumed" }
func (Fenced) EventName() string            { return "fenced" }
func (FailoverAborted) EventName() string   { return "failover-aborted" }
func (NodeAdded) EventName() string         { return "node-added" }
func (NodeRemoved) EventName() string       { return "node-removed" }
func (HealthChanged) EventName() string     { return "health-changed" }
func (AddrChanged) EventName() string       { return "addr-changed" }
func (StateChanged) EventName() string      { return "state-changed" }
func (SlotsChanged) EventName() string      { return "slots-changed" }
func (RoleChanged) EventName() string       { return "role-changed" }
func (EpochChanged) EventName() string      { return "epoch-changed" }
func (Met) EventName() string               { return "met" }
func (MeetFailed) EventName() string        { return "meet-failed" }
func (Expelled) EventName() string          { return "expelled" }
func (Warning) EventName() string           { return "warning" }
