package balance

import (
	"os"
	"strconv"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// shape is a cluster whose shards have replicas, and what happens to it.
type shape struct {
	masters, replicas int // replicas of each
	join, leave       int
	gap               int // slots that nobody owns
	load              Load
}

var shapes = []shape{
	{masters: 1, replicas: 2, join: 6},
	{masters: 3, replicas: 1, join: 1},
	{masters: 2, replicas: 1, join: 2},
	{masters: 3, replicas: 1, leave: 2}, // all of the first shard
	{masters: 3, replicas: 2, join: 1, leave: 2},
	{masters: 3, replicas: 1, leave: 4},
	{masters: 3, gap: 5000},
	{masters: 2, replicas: 1, join: 2, gap: 100},
	{masters: 3, join: 1, load: ByKeys},
	{masters: 3, leave: 1, load: ByBytes},
}

// newShape makes the cluster: shard after shard, then those that join. The first ones leave.
func newShape(t *testing.T, seed uint64, c shape) *sim {
	s := newSim(t, seed, 0, c.masters*(1+c.replicas)+c.join)
	s.cfg = Config{Replicas: c.replicas, Load: c.load}
	for i, n := range s.nodes {
		n.core = NewCoordinator(s.cfg, Pause{}, s.now)
		shard, of := i/(1+c.replicas), i%(1+c.replicas)
		switch {
		case shard >= c.masters:
		case of > 0:
			n.Master = s.nodes[i-of].ID
		default:
			n.Slots.AddRange(slots.Even(c.masters)[shard])
		}
		n.drains = i < c.leave
	}
	for slot := range slots.Slot(c.gap) {
		s.nodes[0].Slots.Remove(slot)
	}
	s.unowned = c.gap
	if c.load != BySlots {
		s.loads = new([slots.Count]int64)
		for i := range s.loads {
			s.loads[i] = s.rng.Int64N(200)
		}
	}
	return s
}

// follow makes a node a replica.
func (s *sim) follow(step *Step) bool {
	n, master := s.node(step.Node), s.node(step.Peer)
	if !n.isMaster() || !n.Slots.Empty() || len(n.jobs) > 0 || !master.isMaster() || master.gone {
		return false
	}
	for _, o := range s.nodes {
		if o.Master == n.ID && !o.gone {
			return false
		}
	}
	n.Master = master.ID
	s.changes++
	return true
}

// claim gives a node slots that nobody owns.
func (s *sim) claim(step *Step) bool {
	set := step.Slots
	for _, n := range s.nodes {
		set.Subtract(&n.Slots)
	}
	s.node(step.Node).Slots.Union(&set)
	s.unowned -= set.Len()
	s.changes++
	return !set.Empty()
}

// replica returns a replica of n besides one that is up and stays, nil if there is none.
func (s *sim) replica(n, besides *simNode) *simNode {
	for _, o := range s.nodes {
		if o.Master == n.ID && o != besides && o.up && !o.drains && !o.gone {
			return o
		}
	}
	return nil
}

// leaves lets a node that leaves do its next step, as in package leave.
func (s *sim) leaves(n *simNode) {
	switch {
	case n.gone || len(n.jobs) > 0:
	case !n.isMaster():
		master := s.node(n.Master)
		if n.gone = master.Slots.Empty() || s.replica(master, n) != nil; n.gone {
			s.changes++
		}
	case n.Slots.Empty():
	case s.replica(n, nil) != nil:
		successor := s.replica(n, nil)
		successor.Slots, n.Slots = n.Slots, slots.Set{}
		for _, o := range s.nodes {
			if o.Master == n.ID {
				o.Master = successor.ID
			}
		}
		successor.Master, n.Master = slots.NodeID{}, successor.ID
		s.changes++
	default:
		s.drain(n)
	}
}

// truth is the cluster as it is.
func (s *sim) truth() *View {
	v := &View{Replicas: s.cfg.Replicas, Loads: s.loads}
	for _, n := range s.nodes {
		if n.gone {
			continue
		}
		n.Leaving = n.drains
		v.Nodes = append(v.Nodes, n.Node)
		for _, j := range n.jobs {
			v.Jobs = append(v.Jobs, j.Job)
		}
	}
	return v
}

// atRest reports whether nothing is left to do.
func (s *sim) atRest() bool {
	for _, n := range s.nodes {
		if !n.up || len(n.jobs) > 0 || n.drains && !n.gone && (!n.isMaster() || !n.Slots.Empty()) {
			return false
		}
	}
	steps, waiting := Plan(s.truth())
	return len(steps) == 0 && waiting == "" && s.unowned == 0
}

// TestShardsWithCrashes is TestScaleWithCrashes for shards with replicas, for slots without
// an owner, and for shares of load.
func TestShardsWithCrashes(t *testing.T) {
	every := 601
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil && n >= 1000 {
		every = 1
	}
	for i, c := range shapes {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			runs := 0
			run := func(at int) int {
				s := newShape(t, uint64(i+at), c)
				s.crashAt = at
				ops := s.run()
				s.replicated(c)
				return ops
			}
			ops := run(0)
			first := 1 + i%min(every, max(ops, 1)) // another one in each shape
			for at := first; at <= ops; at += every {
				run(at)
				runs++
			}
			t.Logf("crashes in %d of %d operations", runs, ops)
		})
	}
}

// replicated holds that each shard has its replicas, as far as there are nodes.
func (s *sim) replicated(c shape) {
	members, shards := 0, 0
	for _, n := range s.nodes {
		if !n.gone && !n.drains {
			members++
			if !n.Slots.Empty() {
				shards++
			}
		}
	}
	for _, n := range s.nodes {
		if c.replicas > 0 && !n.Slots.Empty() && members >= shards*(1+c.replicas) {
			count := 0
			for _, o := range s.nodes {
				if o.Master == n.ID && !o.gone {
					count++
				}
			}
			if count < c.replicas {
				s.t.Fatalf("seed %d, crash in operation %d: node %v has %d replicas", s.seed, s.crashAt, n.ID, count)
			}
		}
	}
}
