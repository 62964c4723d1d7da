package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// docs/spec.md §4.4: of two masters with one config epoch, the one with the smaller id
// takes the next, at once. But after it was cut off a majority may hold it for failed
// until 2T after it was heard of again (docs/spec.md §3.5), and be giving that very epoch
// to its successor: then it waits.
func TestCollisionWaitsForWhoMayHaveASuccessor(t *testing.T) {
	const T = time.Second
	s := newShards(t, 1, 3, 0, T)
	low, high := s.nodes[0], s.nodes[1]
	if before(high.id, low.id) {
		low, high = high, low
	}
	collide := func() {
		epoch := max(low.core.currentEpoch, high.core.currentEpoch) + 1
		for _, n := range []*simNode{low, high} {
			n.core.now = s.now
			n.core.setConfigEpoch(epoch, "test")
			n.carryOut()
		}
	}
	resolved := func() bool { return low.core.self.rec.ConfigEpoch != high.core.self.rec.ConfigEpoch }

	collide()
	s.until(500*time.Millisecond, "distinct epochs of masters that were never apart", resolved)

	s.group[low.i] = 1
	s.run(3 * T)
	s.group[low.i] = 0
	reunited := s.until(5*T, "contact", func() bool { return low.sees(high).health == slots.Online })
	collide()
	if took := s.until(3*T, "distinct epochs", resolved); took < 2*T-reunited {
		t.Errorf("the epoch was taken %v after the reunion", took)
	}
}

// A master that was cut off took the next epoch because of a collision while the voters
// elected its successor in it.
func TestElectionChaosSeeds(t *testing.T) {
	for _, seed := range []uint64{3293} {
		electionChaos(t, seed)
	}
}
