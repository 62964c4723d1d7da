package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestMeetUnderLoss lets lone owners of slots meet while messages get lost. Whoever
// counts another one among its members must be one of that one's in the end: half a
// membership would last for ever.
func TestMeetUnderLoss(t *testing.T) { eachSeed(t, 60, meetUnderLoss) }

func meetUnderLoss(t *testing.T, seed uint64) {
	const n = 8
	s := newSim(t, seed, n, 2*time.Second)
	s.maxDelay = time.Duration(1+seed%3*100) * time.Millisecond
	s.loss, s.double = []float64{0.05, 0.3, 0.6}[seed/3%3], 0.05
	for i, r := range slots.Even(n) {
		if seed%2 == 0 || i%2 == 0 {
			s.own(i, setOf(r.First, r.Last))
		}
	}
	for i := range n {
		if to := s.rng.IntN(n); to != i {
			s.nodes[i].must(MeetNode{s.nodes[to].addr})
		}
		s.run(time.Duration(s.rng.Int64N(int64(300 * time.Millisecond))))
	}
	s.run(5 * time.Second)
	s.loss = 0
	s.run(20 * time.Second)
	for _, a := range s.nodes {
		for _, b := range s.nodes {
			if a.core.nodes[b.id] != nil && b.core.nodes[a.id] == nil {
				s.fatalf("node %d knows %d, which does not know it", a.i, b.i)
			}
		}
	}
}

// What each of these seeds once showed: a lost welcome; a member whose address nobody
// knew, since its first answer was lost; slots taken for owned twice, because the other
// side counted them as its own already.
func TestMeetUnderLossSeeds(t *testing.T) {
	for _, seed := range []uint64{8, 17, 26, 42, 501, 10047, 16358} {
		meetUnderLoss(t, seed)
	}
}
