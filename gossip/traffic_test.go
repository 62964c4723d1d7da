package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestIdleTraffic measures what an idle node sends, frame headers included, with T = 2 s.
func TestIdleTraffic(t *testing.T) {
	for _, c := range []struct{ nodes, limit int }{{6, 2000}, {30, 4000}, {100, 12_000}} {
		s := newCluster(t, 1, c.nodes, 2*time.Second)
		s.run(6 * time.Second)
		for _, n := range s.nodes {
			n.bytesSent, n.messages = 0, 0
		}
		s.bytes = true
		const seconds = 4
		s.run(seconds * time.Second)
		worst, messages := 0, 0
		for _, n := range s.nodes {
			worst = max(worst, n.bytesSent/seconds)
			messages += n.messages
		}
		t.Logf("%d nodes: at most %d bytes/s and on average %.1f messages/s a node", c.nodes, worst,
			float64(messages)/seconds/float64(c.nodes))
		if worst > c.limit {
			t.Errorf("%d idle nodes: %d bytes/s, more than %d", c.nodes, worst, c.limit)
		}
	}
}

// TestJoining measures how fast nodes find each other, in messages and time.
func TestJoining(t *testing.T) {
	for _, c := range []struct {
		name  string
		nodes int
		meet  func(s *sim, i int) (from, to *simNode)
	}{
		{"star inwards", 100, func(s *sim, i int) (_, _ *simNode) { return s.nodes[i], s.nodes[0] }},
		{"star outwards", 100, func(s *sim, i int) (_, _ *simNode) { return s.nodes[0], s.nodes[i] }},
		{"chain", 100, func(s *sim, i int) (_, _ *simNode) { return s.nodes[i-1], s.nodes[i] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSim(t, 7, c.nodes, DefaultNodeTimeout)
			for i := range s.nodes[1:] {
				from, to := c.meet(s, i+1)
				from.must(MeetNode{to.addr})
			}
			took := s.until(2*time.Second, "all know all", func() bool { return converged(s.nodes) })
			messages := 0
			for _, n := range s.nodes {
				messages += n.messages
			}
			t.Logf("%d nodes know each other after %v and %.1f messages for each pair", c.nodes, took,
				float64(2*messages)/float64(c.nodes*(c.nodes-1)))
			for i, r := range slots.Even(c.nodes) {
				var set slots.Set
				set.AddRange(r)
				s.nodes[i].must(AddSlots{set})
			}
			took = s.until(time.Second, "equal views of the slots", func() bool { return converged(s.nodes) })
			t.Log("and agree on the slots after", took)
		})
	}
}

// TestWalkTraffic counts what a stock tool's walk costs: slots move one after another, a
// millisecond apart. Each claim goes from the target to all nodes. What these make of it
// (they pass it on, and the source withdraws its own claim) must not cost messages for
// each slot, and only what a node does for a command goes to its disk for each slot. The
// host of the source hears at once of each slot that it is gone by plan.
func TestWalkTraffic(t *testing.T) {
	for name, order := range map[string][]int{"redis-trib": {0, 1, 2, 3}, "redis-cli": {1, 0, 2, 3}} {
		t.Run(name, func(t *testing.T) { walkTraffic(t, order) })
	}
}

func walkTraffic(t *testing.T, order []int) {
	s := newShards(t, 1, 4, 1, 15*time.Second)
	s.maxDelay = 500 * time.Microsecond
	s.run(time.Second)
	const moves = 1000
	source, target := s.nodes[0], s.nodes[1]
	for _, n := range s.nodes {
		n.messages, n.saves, n.events = 0, 0, nil
	}
	var gone slots.Set
	for slot := range slots.Slot(moves) {
		target.must(SetSlot{slot, SlotImporting, source.id})
		source.must(SetSlot{slot, SlotMigrating, target.id})
		for _, i := range order {
			s.nodes[i].must(SetSlot{slot, SlotNode, target.id})
		}
		s.run(time.Millisecond)
		for _, e := range source.events {
			if e, ok := e.(SlotsChanged); ok && e.Planned && e.Acquired == nil {
				gone.Union(e.Lost)
			} else if ok {
				t.Fatalf("moving slot %d: %+v", slot, e)
			}
		}
		if source.events = nil; !gone.Has(slot) {
			t.Fatalf("the host of the source has not heard that slot %d is gone", slot)
		}
	}
	messages := 0
	for i, n := range s.nodes {
		messages += n.messages
		limit := moves / 10
		if n == source || n == target {
			limit += 2 * moves // to open the slot, and to end its move
		}
		if n.saves > limit {
			t.Errorf("node %d saved its state %d times", i, n.saves)
		}
	}
	each := float64(messages) / moves
	t.Logf("%.1f messages for each slot, of which %d are the target's claim", each, len(s.nodes)-1)
	if each > float64(len(s.nodes))+2 {
		t.Errorf("%.1f messages for each slot", each)
	}
	s.until(time.Second, "equal views", func() bool { return converged(s.nodes) })
}
