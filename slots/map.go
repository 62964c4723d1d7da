package slots

import (
	"bytes"
	"fmt"
	"slices"
)

// State tells whether the cluster, as one node sees it, may serve (docs/spec.md §5.1).
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
	CurrentEpoch uint64          // the cluster-wide epoch (docs/spec.md §4.1)
	Migrating    map[Slot]NodeID // open slots that leave this node, and to whom
	Importing    map[Slot]NodeID // open slots that come to this node, and from whom
	// Ceded are slots that this node gave to others which have not claimed them yet. Nodes
	// names the new owners. Clients are sent to these by an AskError, which they follow in
	// either state.
	Ceded *Set
}

// Map is one node's view of the cluster at one moment: a value, safe for
// concurrent use, never changed once made. Slices and pointers it hands out must
// not be written through.
type Map struct {
	top   Topology
	index map[NodeID]int
	self  int
	owner owners
	open  Set // slots in top.Migrating or top.Importing
}

// MaxNodes is the greatest number of nodes in a Map, and so of members of a cluster. Every
// node talks to every other, so the cost of a cluster grows with the square of its size:
// the field's rule is to stay below 1,000. The bound is four times that. It keeps a peer
// that makes up members from filling memory, and the indexes of a Map within 16 bits.
const MaxNodes = 4096

var noSlots Set // stands for a set that is nil; never changed

// NewMap builds a Map; t and what it points to must not be changed afterwards.
// It returns an error if Self is not among the nodes, a node is listed twice, a slot
// has two owners, an open slot is none, or there are more than MaxNodes nodes.
func NewMap(t Topology) (*Map, error) { return newMap(t, nil) }

// Next is NewMap for the view that follows m. It costs as much as what has changed: the
// rest is shared, if the nodes are the same ones.
func (m *Map) Next(t Topology) (*Map, error) { return newMap(t, m) }

func newMap(t Topology, prev *Map) (*Map, error) {
	if len(t.Nodes) > MaxNodes {
		return nil, fmt.Errorf("slots: %d nodes, a map holds at most %d", len(t.Nodes), MaxNodes)
	}
	m := &Map{top: t}
	if m.top.Ceded == nil {
		m.top.Ceded = &noSlots
	}
	m.top.Nodes = slices.Clone(t.Nodes)
	slices.SortFunc(m.top.Nodes, func(a, b Node) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	if prev != nil && !slices.EqualFunc(m.top.Nodes, prev.top.Nodes, func(a, b Node) bool { return a.ID == b.ID }) {
		prev = nil
	}
	if prev != nil {
		m.index = prev.index
	} else if err := m.indexNodes(); err != nil {
		return nil, err
	}
	if err := m.indexOwners(prev); err != nil {
		return nil, err
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

func (m *Map) indexNodes() error {
	m.index = make(map[NodeID]int, len(m.top.Nodes))
	for i := range m.top.Nodes {
		id := m.top.Nodes[i].ID
		if _, twice := m.index[id]; twice {
			return fmt.Errorf("slots: node %s is listed twice", id)
		}
		m.index[id] = i
	}
	return nil
}

// indexOwners notes who owns each slot. prev has the same nodes, or is nil.
func (m *Map) indexOwners(prev *Map) error {
	var b ownersBuilder
	if prev != nil {
		b.owners = prev.owner
	} else {
		for i := range b.owners {
			b.owners[i] = unowned
		}
	}
	was := func(i int) *Set {
		if prev == nil {
			return &noSlots
		}
		return prev.top.Nodes[i].slots()
	}
	for i := range m.top.Nodes {
		if is, was := m.top.Nodes[i].slots(), was(i); is != was {
			b.release(was, is)
		}
	}
	for i := range m.top.Nodes {
		n := &m.top.Nodes[i]
		is, was := n.slots(), was(i)
		if is == was {
			continue
		}
		if taken, ok := b.assign(i, was, is); !ok {
			return fmt.Errorf("slots: slot %d belongs to both %s and %s", taken, m.top.Nodes[b.of(taken)].ID, n.ID)
		}
	}
	m.owner = b.owners
	return nil
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
	if i := m.owner.of(slot); i != noOwner {
		return &m.top.Nodes[i]
	}
	return nil
}

// IsMine reports whether the node whose view this is owns slot.
func (m *Map) IsMine(slot Slot) bool { return int(m.owner.of(slot)) == m.self }

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

// Ceded returns the slots that this node gave to their owners, and which these have not
// claimed yet.
func (m *Map) Ceded() *Set { return m.top.Ceded }

// ShardSlots returns the slots of this node's shard, which are its master's if it is a
// replica.
func (m *Map) ShardSlots() Set {
	set := *m.Self().slots()
	if !m.Self().IsMaster() {
		if master := m.Node(m.Self().Master); master != nil {
			set.Union(master.slots())
		}
	}
	return set
}

// ChannelSlots returns the slots whose channels may have subscribers at this node: those of
// its shard, those that it has given away until their new owners claim them, and those that
// it imports.
func (m *Map) ChannelSlots() Set {
	set := m.ShardSlots()
	set.Union(m.top.Ceded)
	for slot := range m.top.Importing {
		set.Add(slot)
	}
	return set
}

// Open returns the slots that are migrating from or importing to this node.
func (m *Map) Open() *Set { return &m.open }

// Assigned returns the number of slots that have an owner.
func (m *Map) Assigned() int {
	n := 0
	for i := range m.top.Nodes {
		n += m.top.Nodes[i].slots().Len()
	}
	return n
}

// Size returns the number of masters with at least one slot (docs/spec.md §3.4).
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

// addDifference adds the slots that one of two nodes owns and the other does not; b may
// be nil.
func (s *Set) addDifference(a, b *Node) {
	x, y := a.slots(), &noSlots
	if b != nil {
		y = b.slots()
	}
	if x == y {
		return
	}
	for i := range s.words {
		s.words[i] |= x.words[i] ^ y.words[i]
	}
}

// OpenSlots returns the open slots with the other end of each; the maps must not be
// written.
func (m *Map) OpenSlots() (migrating, importing map[Slot]NodeID) {
	return m.top.Migrating, m.top.Importing
}
