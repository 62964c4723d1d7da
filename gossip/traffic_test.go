package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// newCluster returns n nodes, each a master with its share of the slots, that agree.
func newCluster(t testing.TB, seed uint64, n int, timeout time.Duration) *sim {
	s := newSim(t, seed, n, timeout)
	for i, r := range slots.Even(n) {
		var set slots.Set
		set.AddRange(r)
		s.nodes[i].must(AddSlots{set})
	}
	for _, node := range s.nodes[1:] {
		node.must(MeetNode{s.nodes[0].addr})
	}
	s.until(5*time.Second, "a cluster", func() bool { return converged(s.nodes) })
	s.until(5*time.Second, "state ok", func() bool {
		for _, node := range s.nodes {
			if node.core.updateState(); node.core.state != slots.OK {
				return false
			}
		}
		return true
	})
	return s
}

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
		t.Logf("%d nodes: at most %d bytes/s and on average %.1f messages/s a node", c.nodes, worst, float64(messages)/seconds/float64(c.nodes))
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
			t.Logf("%d nodes know each other after %v and %.1f messages for each pair", c.nodes, took, float64(2*messages)/float64(c.nodes*(c.nodes-1)))
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

// TestWalkTraffic counts the messages of a stock tool's walk: slots move one after another, a
// millisecond apart. Each claim goes from the target to all nodes. What these make of it (they
// pass it on, and the source withdraws its own claim) must not cost messages for each slot.
func TestWalkTraffic(t *testing.T) {
	s := newShards(t, 1, 4, 1, 15*time.Second)
	s.maxDelay = 500 * time.Microsecond
	s.run(time.Second)
	const moves = 1000
	source, target := s.nodes[0], s.nodes[1]
	sent := func() (sum int) {
		for _, n := range s.nodes {
			sum += n.messages
		}
		return sum
	}
	before := sent()
	for slot := range slots.Slot(moves) {
		target.must(SetSlot{slot, SlotImporting, source.id})
		source.must(SetSlot{slot, SlotMigrating, target.id})
		for _, n := range s.nodes[:4] {
			n.must(SetSlot{slot, SlotNode, target.id})
		}
		s.run(time.Millisecond)
	}
	each := float64(sent()-before) / moves
	t.Logf("%.1f messages for each slot, of which %d are the target's claim", each, len(s.nodes)-1)
	if each > float64(len(s.nodes))+2 {
		t.Errorf("%.1f messages for each slot", each)
	}
	s.until(time.Second, "equal views", func() bool { return converged(s.nodes) })
}
