package balance

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func id(n int) slots.NodeID { return slots.NodeID{byte(n >> 8), byte(n)} }

// even makes a view of n masters with equal shares, in domains of their own.
func even(n int) *View {
	v := &View{}
	for i, r := range slots.Even(n) {
		node := Node{ID: id(i + 1), Domain: string(rune('a' + i)), Online: true}
		node.Slots.AddRange(r)
		v.Nodes = append(v.Nodes, node)
	}
	return v
}

func (v *View) add(n Node) *View {
	v.Nodes = append(v.Nodes, n)
	v.Sort()
	return v
}

func (v *View) node(id slots.NodeID) *Node {
	for i := range v.Nodes {
		if v.Nodes[i].ID == id {
			return &v.Nodes[i]
		}
	}
	return nil
}

// carryOut does a step.
func (v *View) carryOut(t *testing.T, s *Step) {
	t.Helper()
	n := v.node(s.Node)
	switch s.Kind {
	case Move:
		left := s.Slots
		if left.Subtract(&n.Slots); !left.Empty() || s.Slots.Empty() {
			t.Fatalf("%v: the source does not own %v of them", s, left)
		}
		n.Slots.Subtract(&s.Slots)
		v.node(s.Peer).Slots.Union(&s.Slots)
	case Follow:
		if !n.Slots.Empty() || !n.isMaster() || !v.node(s.Peer).isMaster() {
			t.Fatalf("%v: one of them cannot", s)
		}
		n.Master = s.Peer
	case Claim:
		for i := range v.Nodes {
			both := v.Nodes[i].Slots
			if both.Intersect(&s.Slots); !both.Empty() {
				t.Fatalf("%v: %v of them have an owner", s, both)
			}
		}
		n.Slots.Union(&s.Slots)
	}
}

func text(steps []Step) string {
	lines := make([]string, len(steps))
	for i, s := range steps {
		lines[i] = s.String()
	}
	return strings.Join(lines, "\n")
}

func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name string
		view *View
		want []string // how the steps begin
		wait string
	}{
		{"in balance", even(3), nil, ""},
		{"one node", even(1), nil, ""},
		{"no slots yet", (&View{}).add(Node{ID: id(1), Online: true}), nil, "no slot has an owner yet"},
		{"a newcomer", even(3).add(Node{ID: id(9), Online: true}), []string{
			"move 1366 slots from 00020000 to 00090000", "move 1365 slots from 00010000 to 00090000",
			"move 1365 slots from 00030000 to 00090000"}, ""},
		{"a newcomer that leaves again", even(3).add(Node{ID: id(9), Online: true, Leaving: true}), nil, ""},
		{"a newcomer that does not answer", even(3).add(Node{ID: id(9)}), nil, ""},
		{"a master that does not answer", func() *View {
			v := even(3).add(Node{ID: id(9), Online: true})
			v.Nodes[1].Online = false
			return v
		}(), nil, "node 00020000, which owns 5462 slots, does not answer"},
		{"slots without an owner", func() *View {
			v := even(3)
			v.Nodes[1].Slots = slots.Set{}
			return v
		}(), []string{"00010000 gets 1 slot that nobody owns: 5461",
			"00020000 gets 5461 slots that nobody owns: 5462-10922"}, ""},
		{"the last replica of a shard leaves", func() *View {
			v := even(2).add(Node{ID: id(3), Master: id(1), Online: true, Leaving: true})
			v.add(Node{ID: id(4), Master: id(2), Online: true})
			v.Replicas = 1
			return v
		}(), []string{"move 8192 slots from 00010000 to 00020000"}, ""},
		{"the last replica leaves, but no shard has more", func() *View {
			v := even(2).add(Node{ID: id(3), Master: id(1), Online: true, Leaving: true})
			v.Replicas = 1
			return v
		}(), nil, ""},
		{"the last replica leaves, and a spare is there", func() *View {
			v := even(2).add(Node{ID: id(3), Master: id(1), Online: true, Leaving: true})
			v.add(Node{ID: id(4), Master: id(2), Online: true}).add(Node{ID: id(5), Domain: "x", Online: true})
			v.Replicas = 1
			return v
		}(), []string{"00050000 becomes a replica of 00010000"}, ""},
		{"a spare", func() *View {
			v := even(2).add(Node{ID: id(3), Domain: "a", Online: true})
			v.Replicas = 1
			return v
		}(), []string{"00030000 becomes a replica of 00020000"}, ""}, // the other domain
		{"spares in several domains", func() *View {
			v := even(1).add(Node{ID: id(3), Domain: "a", Online: true}).add(Node{ID: id(4), Domain: "x", Online: true})
			v.Replicas = 1
			return v
		}(), []string{"00040000 becomes a replica of 00010000"}, ""}, // and the other stays a spare
	} {
		steps, wait := Plan(c.view)
		if wait != c.wait || len(steps) != len(c.want) {
			t.Errorf("%s: waits for %q, plans\n%s", c.name, wait, text(steps))
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(steps[i].String(), want) {
				t.Errorf("%s: step %d is %q, want %q", c.name, i, steps[i], want)
			}
		}
	}
}

// A shard that lacks its replica comes before a new shard; a new shard has all its nodes
// before it gets slots.
func TestSparesBecomeShards(t *testing.T) {
	v := even(2)
	v.Replicas = 2
	for i := range 8 {
		v.add(Node{ID: id(10 + i), Domain: string(rune('k' + i%3)), Online: true})
	}
	follows := 0
	for range 20 {
		steps, _ := Plan(v)
		if len(steps) == 0 {
			break
		}
		for i := range steps {
			if steps[i].Kind == Follow {
				follows++
			} else if n := v.node(steps[i].Peer); n.Slots.Empty() {
				if replicas, _ := (&planner{nodes: v.Nodes}).replicasOf(n.ID); len(replicas) != 2 {
					t.Errorf("%v: it has %d replicas", steps[i], len(replicas))
				}
			}
			if steps[i].Kind == Follow || follows == 6 {
				v.carryOut(t, &steps[i])
			}
		}
	}
	spares, shards := 0, 0
	for i := range v.Nodes {
		n := &v.Nodes[i]
		replicas, any := (&planner{nodes: v.Nodes}).replicasOf(n.ID)
		switch {
		case n.isMaster() && !n.Slots.Empty():
			shards++
			domains := []string{n.Domain, replicas[0].Domain, replicas[1].Domain}
			slices.Sort(domains)
			if len(replicas) != 2 || len(slices.Compact(domains)) != 3 {
				t.Errorf("shard %s has replicas at domains %q", n.ID.Short(), domains)
			}
		case n.isMaster() && !any:
			spares++
		}
	}
	if shards != 3 || spares != 1 {
		t.Errorf("10 nodes with 2 replicas each became %d shards and %d spares", shards, spares)
	}
}

// TestPlansConverge carries out plans of random clusters in parts and in any order. They
// end, with all masters within the threshold, and move no slot twice.
func TestPlansConverge(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		v := &View{}
		for i := range 1 + rng.IntN(12) {
			v.add(Node{ID: id(i + 1), Online: true})
		}
		if seed%40 == 0 { // shares of a few slots
			for i := range 380 {
				v.add(Node{ID: id(i + 100), Online: true})
			}
		}
		for slot := range slots.Slot(slots.Count) {
			if n := rng.IntN(len(v.Nodes) + 1); n < len(v.Nodes) && rng.IntN(3) > 0 {
				v.Nodes[n].Slots.Add(slot)
			} else if rng.IntN(2) == 0 {
				v.Nodes[0].Slots.Add(slot)
			}
		}
		if seed%3 == 0 {
			v.Loads = new([slots.Count]int64)
			for i := range v.Loads {
				v.Loads[i] = int64(rng.ExpFloat64() * rng.ExpFloat64() * 100)
			}
		}
		converge(t, seed, rng, v)
	}
}

func converge(t *testing.T, seed uint64, rng *rand.Rand, v *View) {
	t.Helper()
	var moved slots.Set
	for round := 0; ; round++ {
		steps, _ := Plan(v)
		if again, _ := Plan(v); !reflect.DeepEqual(again, steps) {
			t.Fatalf("seed %d: the same view gives two plans", seed)
		}
		if len(steps) == 0 {
			break
		}
		if round == 2000 {
			t.Fatalf("seed %d: it does not end: %s", seed, text(steps))
		}
		for _, i := range rng.Perm(len(steps))[:(len(steps)+1)/2] {
			s := steps[i]
			if s.Kind == Move {
				s.Slots = first(&s.Slots, 1+rng.IntN(600))
				twice := moved
				if twice.Intersect(&s.Slots); !twice.Empty() && v.Loads == nil {
					t.Fatalf("seed %d: %v were moved before", seed, twice)
				}
				moved.Union(&s.Slots)
			}
			v.carryOut(t, &s)
		}
	}
	total, heaviest, load := int64(0), int64(1), make([]int64, len(v.Nodes))
	owned := 0
	for i := range v.Nodes {
		owned += v.Nodes[i].Slots.Len()
		for slot := range v.Nodes[i].Slots.All() {
			w := int64(1)
			if v.Loads != nil {
				w = weight(v.Loads, slot)
			}
			load[i] += w
			total += w
			heaviest = max(heaviest, w)
		}
	}
	if owned != slots.Count {
		t.Errorf("seed %d: %d slots have an owner", seed, owned)
	}
	share := total / int64(len(v.Nodes))
	for i, l := range load {
		if off := max(l-share, share-l); off > max(share*21/1000, heaviest)+1 {
			t.Errorf("seed %d: master %d of %d has %d of a share of %d", seed, i, len(load), l, share)
		}
	}
}

func TestNext(t *testing.T) {
	v := even(4).add(Node{ID: id(9), Online: true}).add(Node{ID: id(10), Online: true})
	steps, _ := Plan(v)
	free := func(slots.NodeID) bool { return false }
	now := Next(steps, nil, Pace{Jobs: 2, Slots: 100}, free)
	if len(now) != 2 || now[0].Node == now[1].Node || now[0].Peer == now[1].Peer || now[0].Slots.Len() != 100 {
		t.Errorf("at first: %s", text(now))
	}
	jobs := []Job{{From: now[0].Node, To: now[0].Peer, Slots: now[0].Slots}}
	next := Next(steps, jobs, Pace{Jobs: 2, Slots: 100}, free)
	if len(next) != 1 || next[0].Node == now[0].Node || next[0].Peer == now[0].Peer {
		t.Errorf("beside a job: %s", text(next))
	}
	if next := Next(steps, jobs, Pace{Jobs: 1, Slots: 100}, free); len(next) != 0 {
		t.Errorf("one more than are allowed: %s", text(next))
	}
	if next := Next(steps, nil, Pace{Jobs: 2, Slots: 100}, func(slots.NodeID) bool { return true }); len(next) != 0 {
		t.Errorf("while all rest: %s", text(next))
	}
}
