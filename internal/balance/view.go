package balance

import (
	"bytes"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// Node is a member of the cluster, as much of it as a plan needs.
type Node struct {
	ID      slots.NodeID
	Domain  string       // what fails as one, a zone or a host: a shard should be in several
	Master  slots.NodeID // zero for a master
	Slots   slots.Set
	Online  bool
	Leaving bool // it hands over its slots by itself, and gets none
	// Excluded says that it keeps the slots and the role that it has, and gets no others.
	Excluded bool
}

func (n *Node) isMaster() bool { return n.Master.IsZero() }

// Job is a move of slots that is on its way.
type Job struct {
	From, To slots.NodeID
	Slots    slots.Set
}

// View is what a plan is made from.
type View struct {
	Nodes []Node // in ascending order of id: Sort
	// Replicas is how many replicas each shard wants.
	Replicas int
	// Threshold is by how many percent a master may be off its share; 0 means 2.
	Threshold float64
	// Jobs are on their way. Their slots count as those of the target.
	Jobs []Job
	// Loads is what each slot weighs, for shares by keys or bytes; nil: all the same.
	Loads *[slots.Count]int64
	// Unweighed says that shares go by loads that are not known: no slot is moved.
	Unweighed bool
}

// newcomer reports whether a master that should have slots has none.
func (v *View) newcomer() bool {
	for _, t := range newPlanner(v).targets() {
		if t.Slots.Empty() {
			return true
		}
	}
	return false
}

// Sort puts the nodes in the order that plans go by.
func (v *View) Sort() {
	slices.SortFunc(v.Nodes, func(a, b Node) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

// ViewOf makes a view of a map.
func ViewOf(m *slots.Map) *View {
	v := &View{Nodes: make([]Node, 0, len(m.Nodes()))}
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if n.Witness { // it holds no data
			continue
		}
		node := Node{ID: n.ID, Domain: n.Addr.Host, Master: n.Master, Online: n.Health == slots.Online,
			Leaving: n.Leaving}
		if n.Zone != "" {
			node.Domain = n.Zone
		}
		if n.Slots != nil {
			node.Slots = *n.Slots
		}
		v.Nodes = append(v.Nodes, node)
	}
	return v
}

// Kind says what a step does.
type Kind uint8

const (
	// Move hands slots of the node to the peer, by a migration job.
	Move Kind = 1
	// Follow makes the node, a master without slots, a replica of the peer.
	Follow Kind = 2
	// Claim gives the node slots that nobody owns.
	Claim Kind = 3
)

// String returns "move", "follow" or "claim".
func (k Kind) String() string {
	switch k {
	case Move:
		return "move"
	case Follow:
		return "follow"
	case Claim:
		return "claim"
	}
	return "unknown"
}

// Step is one thing that one node does.
type Step struct {
	Kind  Kind
	Node  slots.NodeID // which does it: the source of a move, the new replica, the claimer
	Peer  slots.NodeID // the target of a move, the master to follow
	Slots slots.Set    // of Move and Claim
}

// String says it in a few words, such as "move 1365 slots from 07c37dfe to 67ed2db8".
func (s Step) String() string {
	switch s.Kind {
	case Move:
		return "move " + count(&s.Slots) + " from " + s.Node.Short() + " to " + s.Peer.Short() + ": " + s.Slots.Short()
	case Follow:
		return s.Node.Short() + " becomes a replica of " + s.Peer.Short()
	case Claim:
		return s.Node.Short() + " gets " + count(&s.Slots) + " that nobody owns: " + s.Slots.Short()
	}
	return "unknown"
}
