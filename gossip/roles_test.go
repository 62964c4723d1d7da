package gossip

import (
	"testing"
	"time"
)

// docs/spec.md §4.6: a master that loses its last slot becomes a replica of the winner.
func TestLoserOfLastSlotFollows(t *testing.T) {
	s := newShards(t, 1, 3, 1, time.Second)
	a, b := s.nodes[0], s.nodes[1]
	mine := *a.core.self.owned
	b.core.now = s.now
	b.core.bumpEpoch("test")
	b.core.claim(&mine, nil)
	b.carryOut()
	s.until(time.Second, "loser and its replica follow", func() bool {
		return a.core.self.rec.Master == b.id && s.nodes[3].core.self.rec.Master == b.id
	})
	s.until(time.Second, "equal views", func() bool { return converged(s.nodes) })
}

// A master that comes back after its replica took its place stays with its shard, also if
// another master has taken slots of it since, with a newer claim, by a move that the
// replica has brought to its end.
func TestAFormerMasterFollowsItsSuccessor(t *testing.T) {
	for seed := range uint64(20) {
		const T = 2 * time.Second
		s := newShards(t, seed, 3, 2, T)
		s.nodes[0].crash(false)
		s.until(2*T, "a new master", func() bool { return s.owner(0) != nil })
		successor := s.owner(0)
		s.run(T)
		s.nodes[1].must(SetSlots{setOf(0, 99), SlotNode, s.nodes[1].id})
		s.until(T, "the end of the move", func() bool { return !successor.core.self.owned.Has(0) })
		s.nodes[0].start()
		s.until(T, "the old master is a replica", func() bool { return s.nodes[0].core.isReplica() })
		s.run(T)
		for _, n := range s.up() {
			if m := n.core.self.rec.Master; n.i%3 == 0 && n != successor && m != successor.id {
				t.Errorf("seed %d: node %d of the shard replicates %s, not the successor", seed, n.i, m.Short())
			}
		}
	}
}
