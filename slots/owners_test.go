package slots

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestNext makes one Map from another many times, and compares each with what NewMap
// makes of the same view. Nodes come and go, slots change hands, singly and by ranges.
// The earlier Map, whose blocks the later one shares, must stay as it was.
func TestNext(t *testing.T) {
	const nodes = 5
	rng := rand.New(rand.NewPCG(7, 7))
	var sets [nodes]Set
	var m *Map
	for round := range 500 {
		top := Topology{Self: NodeID{1}, Version: uint64(round)}
		for i, n := 0, 1+rng.IntN(4); i < n; i++ {
			first := Slot(rng.IntN(Count))
			change := NewSet(first)
			if rng.IntN(4) == 0 {
				change.AddRange(Range{first, min(first+Slot(rng.IntN(1000)), Count-1)})
			}
			for k := range sets {
				sets[k].Subtract(&change)
			}
			if to := rng.IntN(nodes + 1); to < nodes {
				sets[to].Union(&change)
			}
		}
		for k := range sets {
			if k > 0 && rng.IntN(40) == 0 {
				continue // unknown, in this view
			}
			n := Node{ID: NodeID{byte(k + 1)}}
			if !sets[k].Empty() {
				set := sets[k]
				n.Slots = &set
			}
			top.Nodes = append(top.Nodes, n)
		}
		rng.Shuffle(len(top.Nodes), func(i, j int) { top.Nodes[i], top.Nodes[j] = top.Nodes[j], top.Nodes[i] })
		want, err := NewMap(top)
		if err != nil {
			t.Fatal(err)
		}
		next := want
		if m != nil {
			before := ownersOf(m)
			if next, err = m.Next(top); err != nil {
				t.Fatal(err)
			}
			if before != ownersOf(m) {
				t.Fatalf("round %d: making the next map changed its predecessor", round)
			}
		}
		if ownersOf(want) != ownersOf(next) || want.Assigned() != next.Assigned() || next.Self() == nil ||
			next.Version() != uint64(round) {
			t.Fatalf("round %d: the next map differs from a new one", round)
		}
		m = next
	}
}

func TestNextRefuses(t *testing.T) {
	m, err := NewMap(routeTop())
	if err != nil {
		t.Fatal(err)
	}
	top := routeTop()
	overlap := NewSet(9)
	top.Nodes[2].Slots = &overlap
	if _, err := m.Next(top); err == nil || !strings.Contains(err.Error(), "slot 9 belongs to both") {
		t.Errorf("two owners: %v", err)
	}
	top = routeTop()
	top.Self = NodeID{7}
	if _, err := m.Next(top); err == nil || !strings.Contains(err.Error(), "not among the nodes") {
		t.Errorf("no self: %v", err)
	}
}

func ownersOf(m *Map) (owners [Count]NodeID) {
	for slot := range Slot(Count) {
		if n := m.Owner(slot); n != nil {
			owners[slot] = n.ID
		}
	}
	return owners
}

// BenchmarkNext moves one slot after another.
func BenchmarkNext(b *testing.B) {
	top := Topology{Self: NodeID{1}}
	one, two := Full(), NewSet()
	top.Nodes = []Node{{ID: NodeID{1}, Slots: &one}, {ID: NodeID{2}, Slots: &two}}
	m, err := NewMap(top)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for slot := Slot(0); b.Loop(); slot = (slot + 1) % Count {
		to := 0
		if m.IsMine(slot) {
			to = 1
		}
		less, more := *top.Nodes[1-to].Slots, *top.Nodes[to].Slots
		less.Remove(slot)
		more.Add(slot)
		top.Nodes[1-to].Slots, top.Nodes[to].Slots = &less, &more
		if m, err = m.Next(top); err != nil {
			b.Fatal(err)
		}
	}
}
