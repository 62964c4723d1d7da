package gossip

import (
	"testing"
	"time"
)

// SPEC §4.6: a master that loses its last slot becomes a replica of the winner.
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
