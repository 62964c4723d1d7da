package slots

import (
	"bytes"
	"fmt"
	"slices"
)

// State tells whether the cluster, as one node sees it, may serve (SPEC §5.1).
type State uint8

const (
	Down State = iota // uncovered slots, or no majority of masters in reach
	OK
)

// String returns "ok" or "fail", as CLUSTER INFO shows it.
func (s State) String() string {
	if s == OK {
		return "ok"
	}
	return "fail"
}

// Topology is what a Map is made from.
type Topology struct {
	Version      uint64 // grows with each Map that a node publishes
	Self         NodeID // must be among Nodes
	Nodes        []Node
	State        State
	ReadsIfDown  bool            // serve reads while State is Down (cluster-allow-reads-when-down)
	CurrentEpoch uint64          // the cluster-wide epoch (SPEC §4.1)
	Migrating    map[Slot]NodeID // open slots that leave this node, and to whom
	Importing    map[Slot]NodeID // open slots that come to this node, and from whom
	// Ceded are slots that this node gave to others which have not claimed them yet. Nodes names
	// the new owners. Clients are sent to these by an AskError, which they follow in either state.
	Ceded *Set
}

// Map is one node's view of the cluster at one moment: a value, safe for
// concurrent use, never changed once made. Slices and pointers it hands out must
// not be written through.
type Map struct {
	top   Topology
	index map[NodeID]int
	self  int
	owner [Count]int16 // index into top.Nodes, noOwner if none: MaxNodes fits
	open  Set          // slots in top.Migrating or top.Importing
}

const noOwner = -1

// MaxNodes is the greatest number of nodes in a Map, and so of members of a cluster. Every
// node talks to every other, so the cost of a cluster grows with the square of its size:
// the field's rule is to stay below 1,000. The bound is four times that. It keeps a peer
// that makes up members from filling memory, and the indexes of a Map within 16 bits.
const MaxNodes = 4096

const _ = int16(MaxNodes) // does not compile if the index of a node does not fit Map.owner

var noSlots Set // stands for a set that is nil; never changed

// NewMap builds a Map; t and what it points to must not be changed afterwards.
// It returns an error if Self is not among the nodes, a node is listed twice, a slot
// has two owners, an open slot is none, or there are more than MaxNodes nodes.
func NewMap(t Topology) (*Map, error) {
	if len(t.Nodes) > MaxNodes {
		return nil, fmt.Errorf("slots: %d nodes, a map holds at most %d", len(t.Nodes), MaxNodes)
	}
	m := &Map{top: t, index: make(map[NodeID]int, len(t.Nodes))}
	if m.top.Ceded == nil {
		m.top.Ceded = &noSlots
	}
	m.top.Nodes = slices.Clone(t.Nodes)
	slices.SortFunc(m.top.Nodes, func(a, b Node) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for i := range m.owner {
		m.owner[i] = noOwner
	}
	for i := range m.top.Nodes {
		n := &m.top.Nodes[i]
		if _, twice := m.index[n.ID]; twice {
			return nil, fmt.Errorf("slots: node %s is listed twice", n.ID)
		}
		m.index[n.ID] = i
		if n.Slots == nil {
			continue
		}
		for r := range n.Slots.Ranges() {
			owners := m.owner[r.First : r.Last+1]
			for k, o := range owners {
				if o != noOwner {
					return nil, fmt.Errorf("slots: slot %d belongs to both %s and %s", int(r.First)+k, m.top.Nodes[o].ID, n.ID)
				}
				owners[k] = int16(i)
			}
		}
	}
	self, ok := m.index[t.Self]
	if !ok {
		return nil, fmt.Errorf("slots: this node (%s) is not among the nodes of the map", t.Self)
	}
	m.self = self
	if err := m.addOpen(t.Migrating); err != nil {
		return nil, err
	}
	if err := m.addOpen(t.Importing); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Map) addOpen(open map[Slot]NodeID) error {
	for slot := range open {
		if slot >= Count {
			return fmt.Errorf("slots: %d is open, and no slot", slot)
		}
		m.open.Add(slot)
	}
	return nil
}

// Version grows with each Map that a node publishes.
func (m *Map) Version() uint64 { return m.top.Version }

// State tells whether the cluster may serve.
func (m *Map) State() State { return m.top.State }

// CurrentEpoch returns the greatest epoch the node knows of.
func (m *Map) CurrentEpoch() uint64 { return m.top.CurrentEpoch }

// Self returns the node whose view this is.
func (m *Map) Self() *Node { return &m.top.Nodes[m.self] }

// Nodes returns all nodes in ascending order of their ids.
func (m *Map) Nodes() []Node { return m.top.Nodes }

// Node returns the node with that id, nil if unknown.
func (m *Map) Node(id NodeID) *Node {
	if i, ok := m.index[id]; ok {
		return &m.top.Nodes[i]
	}
	return nil
}

// Owner returns the master that owns slot, nil if nobody does.
func (m *Map) Owner(slot Slot) *Node {
	if i := m.owner[slot]; i != noOwner {
		return &m.top.Nodes[i]
	}
	return nil
}

// IsMine reports whether the node whose view this is owns slot.
func (m *Map) IsMine(slot Slot) bool { return int(m.owner[slot]) == m.self }

// Replicas returns the nodes that replicate master, in ascending order of id.
func (m *Map) Replicas(master NodeID) []*Node {
	var list []*Node
	for i := range m.top.Nodes {
		if n := &m.top.Nodes[i]; n.Master == master && !n.IsMaster() {
			list = append(list, n)
		}
	}
	return list
}

// Migrating returns to whom slot is leaving this node.
func (m *Map) Migrating(slot Slot) (NodeID, bool) {
	if !m.open.Has(slot) {
		return NodeID{}, false
	}
	id, ok := m.top.Migrating[slot]
	return id, ok
}

// Importing returns from whom slot is coming to this node.
func (m *Map) Importing(slot Slot) (NodeID, bool) {
	if !m.open.Has(slot) {
		return NodeID{}, false
	}
	id, ok := m.top.Importing[slot]
	return id, ok
}

// Ceded returns the slots that this node gave to their owners, and which these have not claimed yet.
func (m *Map) Ceded() *Set { return m.top.Ceded }

// Open returns the slots that are migrating from or importing to this node.
func (m *Map) Open() *Set { return &m.open }

// Assigned returns the number of slots that have an owner.
func (m *Map) Assigned() int {
	n := 0
	for _, o := range m.owner {
		if o != noOwner {
			n++
		}
	}
	return n
}

// Size returns the number of masters with at least one slot (SPEC §3.4).
func (m *Map) Size() int {
	n := 0
	for i := range m.top.Nodes {
		if m.top.Nodes[i].IsMaster() && m.top.Nodes[i].HasSlots() {
			n++
		}
	}
	return n
}

// Moved returns the slots whose owner differs between the two maps. With a nil
// old map these are all slots that have an owner.
func (m *Map) Moved(old *Map) Set {
	var moved Set
	for i := range m.top.Nodes {
		n := &m.top.Nodes[i]
		var was *Node
		if old != nil {
			was = old.Node(n.ID)
		}
		moved.addDifference(n, was)
	}
	if old == nil {
		return moved
	}
	for i := range old.top.Nodes {
		if n := &old.top.Nodes[i]; m.Node(n.ID) == nil {
			moved.addDifference(n, nil)
		}
	}
	return moved
}

// addDifference adds the slots that one of two nodes owns and the other does not; b may be nil.
func (s *Set) addDifference(a, b *Node) {
	x, y := &noSlots, &noSlots
	if a.Slots != nil {
		x = a.Slots
	}
	if b != nil && b.Slots != nil {
		y = b.Slots
	}
	if x == y {
		return
	}
	for i := range s.words {
		s.words[i] |= x.words[i] ^ y.words[i]
	}
}

// OpenSlots returns the open slots with the other end of each; the maps must not be written.
func (m *Map) OpenSlots() (migrating, importing map[Slot]NodeID) {
	return m.top.Migrating, m.top.Importing
}
