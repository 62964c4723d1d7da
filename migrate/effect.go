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

// effect is something a core wants done. Effects are carried out in the order in
// which they were put out, each before the next.
type effect interface{ effect() }

type (
	// save makes the job durable; forget removes it from the journal.
	save   struct{ job Job }
	forget struct{}
	// finish ends the job; nothing follows.
	finish struct{ err error }

	// dial opens a connection to the target: answered by linkUp or linkDown.
	dial struct{ target slots.NodeID }
	// hang closes the connection: not answered.
	hang struct{}
	// send sends a message.
	send struct{ m message }

	// setSlots changes the state of slots, durably: answered by changed(n). Meanwhile
	// the other effects go on.
	setSlots struct {
		n      uint64
		set    slots.Set
		action Action
		peer   slots.NodeID
	}

	// collect collects a batch of at most about budget bytes of keys: answered at once
	// by collected.
	collect struct {
		batch  uint64
		slots  []slots.Slot
		from   position
		budget int
	}
	// sendPart sends a piece of a batch.
	sendPart struct{ batch, offset, size uint64 }
	// reject tells that nobody knows when a batch will be decided, or that it is known again.
	reject struct {
		batch     uint64
		rejecting bool
	}
	// commit decides a batch: its keys are the target's and deleted here, or stay.
	commit struct {
		batch uint64
		acked bool
	}

	// hold lets nobody write to the slots until they are released.
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

	// store puts a batch into the store: answered at once by stored(n). kind is the job's,
	// told what writers at the source were told.
	store struct {
		n    uint64
		kind Kind
		blob []byte
		told []promise
	}
	// promised takes over what writers in some slots were told at the source.
	promised struct{ promise }
	// remember keeps in mind which keys of slots are deleted here from now on.
	remember struct{ set *slots.Set }
	// list sends the keys of slots.
	list struct {
		n   uint64
		set slots.Set
	}
)

// position is a place in the keys of a list of slots: the slot's index in the list, and
// where in the slot.
type position struct {
	index  int
	cursor keyspace.Cursor
}

func (save) effect()     {}
func (forget) effect()   {}
func (finish) effect()   {}
func (dial) effect()     {}
func (hang) effect()     {}
func (send) effect()     {}
func (setSlots) effect() {}
func (collect) effect()  {}
func (sendPart) effect() {}
func (reject) effect()   {}
func (commit) effect()   {}
func (hold) effect()     {}
func (release) effect()  {}
func (remove) effect()   {}
func (drop) effect()     {}
func (sweep) effect()    {}
func (store) effect()    {}
func (promised) effect() {}
func (remember) effect() {}
func (list) effect()     {}
