package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestChaos lets 50 nodes live through loss, doubling, delay, partitions and crashes,
// with slots changing hands and nodes being forgotten. Epochs must never fall and
// queues stay bounded at every step; after healing, all views must be equal.
func TestChaos(t *testing.T) {
	eachSeed(t, 4, chaos)
}

func chaos(t *testing.T, seed uint64) {
	const n = 50
	s := newSim(t, seed, n, 3*time.Second)
	s.verify = 64
	s.maxDelay = 20 * time.Millisecond
	for i, r := range slots.Even(n / 2) { // half of them own slots
		var set slots.Set
		set.AddRange(r)
		s.nodes[i].must(AddSlots{set})
	}
	for i := 1; i < n; i++ {
		s.nodes[i].must(MeetNode{s.nodes[0].addr})
	}
	s.run(time.Second)
	s.until(4*time.Second, "a cluster", func() bool { return converged(s.nodes) })
	s.loss, s.double, s.maxDelay = 0.1, 0.05, 200*time.Millisecond
	for range 10 {
		s.misfortune()
		s.run(time.Duration(s.rng.Int64N(int64(1200 * time.Millisecond))))
		s.checkClaims()
	}
	s.heal()
	s.run(2 * time.Second)
	left := s.members()
	for tries := 0; !converged(left); tries++ {
		if tries > 40 {
			s.fatalf("no equal views after healing: %s", difference(left))
		}
		s.run(time.Second)
	}
	s.run(2 * time.Second) // and it stays so
	if why := difference(left); why != "" {
		s.fatalf("the views differed again: %s", why)
	}
}

// misfortune does one thing that may happen to a cluster.
func (s *sim) misfortune() {
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	switch s.rng.IntN(8) {
	case 0, 1: // a partition, or its end
		groups := 1 + s.rng.IntN(3)
		for i := range s.group {
			s.group[i] = s.rng.IntN(groups)
		}
	case 2, 3:
		if n.core != nil {
			n.crash(s.rng.IntN(2) == 0)
		}
	case 4:
		if n.core != nil { // between saving and sending, or before either
			n.stopBeforeSave = s.rng.IntN(2) == 0
			n.stopAfterSave = true
			n.bump()
		}
	case 5: // some slots change hands
		if n.core != nil && !s.forgotten[n.id] && len(n.core.list) > 1 {
			n.seize(s.rng.IntN(slots.Count-100), 1+s.rng.IntN(100))
		}
	case 6:
		victim := s.nodes[25+s.rng.IntN(len(s.nodes)-25)]
		if n.core != nil && n != victim && n.core.nodes[victim.id] != nil && !s.forgotten[n.id] && len(s.forgotten) < 5 {
			unsaved := n.stopBeforeSave
			n.must(ForgetNode{victim.id})
			if n.core != nil || !unsaved { // else it crashed before it could forget
				s.forgotten[victim.id] = true
			}
		}
	default:
		for _, n := range s.nodes {
			if n.core == nil {
				n.start()
			}
		}
	}
}

// bump takes a new config epoch without asking.
func (n *simNode) bump() {
	n.core.now = n.sim.now
	n.core.bumpEpoch("test")
	n.carryOut()
}

// seize claims slots as the end of an import does.
func (n *simNode) seize(first, count int) {
	var set slots.Set
	set.AddRange(slots.Range{First: slots.Slot(first), Last: slots.Slot(first + count - 1)})
	n.core.now = n.sim.now
	n.core.bumpEpoch("test")
	n.core.claim(&set, nil)
	n.carryOut()
}

// heal ends all faults and starts what crashed.
func (s *sim) heal() {
	s.loss, s.double, s.maxDelay = 0, 0, 20*time.Millisecond
	for i := range s.group {
		s.group[i] = 0
	}
	for _, n := range s.nodes {
		if n.core == nil {
			n.start()
		}
		n.stopBeforeSave, n.stopAfterSave = false, false
	}
}

// members returns the nodes that were not forgotten.
func (s *sim) members() []*simNode {
	var list []*simNode
	for _, n := range s.nodes {
		if !s.forgotten[n.id] {
			list = append(list, n)
		}
	}
	return list
}

// checkClaims holds that no node's view has two owners for a slot. (Which node that is
// may differ between views until they converge.)
func (s *sim) checkClaims() {
	for _, n := range s.up() {
		n.core.resolveClaims()
		n.checkOwners()
		var all slots.Set
		for _, o := range n.core.list {
			if o.owned == nil {
				continue
			}
			both := *o.owned
			both.Intersect(&all)
			if !both.Empty() {
				s.fatalf("node %d sees two owners of %v", n.i, both)
			}
			all.Union(o.owned)
		}
	}
}

// checkOwners holds that the owners kept up to date change by change are those that
// all records together give.
func (n *simNode) checkOwners() {
	c := n.core
	owned := make([]*slots.Set, len(c.list))
	for i, o := range c.list {
		owned[i] = o.owned
	}
	c.recomputeOwners()
	for i, o := range c.list {
		if !sameSet(owned[i], o.owned) {
			n.sim.fatalf("node %d thought %s to own %v instead of %v", n.i, o.rec.ID.Short(), owned[i], o.owned)
		}
	}
}
