package migrate

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Action is a change of a slot's state, as CLUSTER SETSLOT names them.
type Action uint8

const (
	Importing Action = 1 // the slot comes to this node, from the peer
	Migrating Action = 2 // the slot leaves this node, to the peer
	Stable    Action = 3 // the slot is open no more; no peer
	Assign    Action = 4 // the slot is the peer's, and open no more
)

// String returns the word that CLUSTER SETSLOT uses.
func (a Action) String() string {
	switch a {
	case Importing:
		return "importing"
	case Migrating:
		return "migrating"
	case Stable:
		return "stable"
	case Assign:
		return "node"
	}
	return "unknown"
}

// Effect is something that a [Sender] or a [Receiver] wants done. Effects are carried out
// in the order in which they come, each before the next.
type Effect interface{ effect() }

// Effects of both cores.
type (
	// SaveJob makes a job durable; ForgetJob tells that the job is over: see
	// [Registry.Over].
	SaveJob   struct{ Job Job }
	ForgetJob struct{}
	// Send sends a message to the other end. What the message points to is valid until the
	// next call of the core.
	Send struct{ Message Message }
	// SetSlots changes the state of all slots in Set, durably: answered by Changed with N.
	// Meanwhile the effects behind it are carried out. Peer is zero for Stable.
	SetSlots struct {
		N      uint64
		Set    slots.Set
		Action Action
		Peer   slots.NodeID
	}
)

// Effects of a Sender.
type (
	// Dial opens a connection to the node Target: answered by Connected or Disconnected.
	Dial struct{ Target slots.NodeID }
	// HangUp closes the connection: not answered.
	HangUp struct{}
	// ForgetDeletions forgets which keys of the slots were deleted here: a Return takes
	// their keys to the owner, which is going to write them.
	ForgetDeletions struct{ Slots []slots.Slot }
	// KeysFailed tells that the job could not do something with keys of this node, for the
	// log.
	KeysFailed struct{ Err error }
	// Finish ends the job; nothing follows. Its Status tells how it ended.
	Finish struct{}
)

// Effects of a Receiver.
type (
	// StoreBatch stores a batch of keys (see [StoreBatch.Import]): answered by Stored with
	// N, before anything else is received. Batch are the keys in wire form.
	StoreBatch struct {
		N     uint64
		Batch []byte

		told []promise // what writers at the source were told
		from *bringer
	}
	// RefuseSource tells that a node was refused because the slots are not its to move, for
	// the log. The source has been answered.
	RefuseSource struct {
		Source slots.NodeID
		Err    error
	}
	// RaisePromise takes over what writers in the slots were told at the source: see
	// [Promises].
	RaisePromise struct {
		Set      slots.Set
		Replicas int
	}
	// RememberDeletions keeps in mind which keys of the slots are deleted here from now on:
	// see [Deletions].
	RememberDeletions struct{ Set *slots.Set }
	// ListKeys sends which keys of the slots are here: see [ListKeys.Each].
	ListKeys struct {
		N   uint64
		Set slots.Set
	}
)

// What a Sender wants done with the keys of its node: the executor does it.
type (
	// collect collects a batch of at most about budget bytes of keys: answered at once
	// by collected.
	collect struct {
		batch  uint64
		slots  []slots.Slot
		from   position
		budget int
	}
	// beginCopy begins to copy a large key: see copying.
	beginCopy struct {
		copy uint64
		key  *largeKey
	}
	// stepCopy makes a batch of the next parts of a copy: answered at once by stepped. freeze
	// puts the key in flight: from then on it does not change.
	stepCopy struct {
		copy, batch uint64
		budget      int
		freeze      bool
	}
	// endCopy ends a copy that has not come to its end.
	endCopy struct{ copy uint64 }
	// sendPart sends a piece of a batch.
	sendPart struct{ batch, offset, size uint64 }
	// reject tells that it is unknown when a batch will be decided, or that it is known again.
	reject struct {
		batch     uint64
		rejecting bool
	}
	// commit decides a batch: its keys are the target's and deleted here, or stay.
	commit struct {
		batch uint64
		acked bool
	}
	// hold rejects all writes to the slots until they are released.
	hold    struct{ set slots.Set }
	release struct{ set slots.Set }
	// remove deletes keys that the target has.
	remove struct {
		slot slots.Slot
		keys [][]byte
	}
	// drop removes all keys of slots that are the target's by now: old copies.
	drop struct{ set slots.Set }
	// sweep removes keys whose time is over, which is all that is left of the slots.
	sweep struct{ set slots.Set }
)

// position is a place in the keys of a list of slots: the slot's index in the list, and
// where in the slot. Some large keys before it are still to be taken.
type position struct {
	index  int
	cursor keyspace.DumpCursor
	large  *largeKey
}

// atEnd reports whether no keys follow in a list of so many slots.
func (p position) atEnd(n int) bool { return p.index >= n && p.large == nil }

// largeKey is a key that takes a batch of its own, or several. next is the one behind it.
type largeKey struct {
	slot slots.Slot
	key  []byte
	next *largeKey
}

func (SaveJob) effect()           {}
func (ForgetJob) effect()         {}
func (Send) effect()              {}
func (SetSlots) effect()          {}
func (Dial) effect()              {}
func (HangUp) effect()            {}
func (ForgetDeletions) effect()   {}
func (KeysFailed) effect()        {}
func (Finish) effect()            {}
func (StoreBatch) effect()        {}
func (RefuseSource) effect()      {}
func (RaisePromise) effect()      {}
func (RememberDeletions) effect() {}
func (ListKeys) effect()          {}
func (collect) effect()           {}
func (beginCopy) effect()         {}
func (stepCopy) effect()          {}
func (endCopy) effect()           {}
func (sendPart) effect()          {}
func (reject) effect()            {}
func (commit) effect()            {}
func (hold) effect()              {}
func (release) effect()           {}
func (remove) effect()            {}
func (drop) effect()              {}
func (sweep) effect()             {}
