package replication

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// The simulation runs the cores of one shard without goroutines: a master and replicas, a
// seeded choice of what happens next. Every state that a master commits is noted under its
// place in history; whenever a replica follows a stream, its data must be the state noted
// under each name of its place.
type sim struct {
	t                                    *testing.T
	seed                                 uint64
	rand                                 *rand.Rand
	nodes                                []*simNode
	truth                                map[Position]uint64 // digest of the data at a place
	from                                 map[ID]Position     // where each line of history branched off
	trace                                []string
	full, partial, promotions, snapshots int
}

// simSlots are the only slots with keys, so that looking at all data is cheap.
var simSlots = []slots.Slot{0, 1, 7, 8191, 16382, 16383}

func newSim(t *testing.T, seed uint64, n int) *sim {
	s := &sim{t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)), truth: make(map[Position]uint64),
		from: make(map[ID]Position)}
	for i := range n {
		x := &simNode{s: s, n: i}
		x.boot(nil)
		if i > 0 {
			x.master = s.nodes[0]
			x.log.Follow()
		}
		s.nodes = append(s.nodes, x)
	}
	return s
}

func (s *sim) failf(format string, args ...any) {
	s.t.Helper()
	for _, line := range s.trace[max(0, len(s.trace)-60):] {
		s.t.Log(line)
	}
	s.t.Fatalf("seed %d: %s", s.seed, fmt.Sprintf(format, args...))
}

// newID returns a name that no history has.
func (s *sim) newID() (id ID) {
	for i := range id {
		id[i] = byte(s.rand.Uint32())
	}
	return id
}

// limits returns small ones, so that what fits one call otherwise takes many.
func (s *sim) limits() senderLimits {
	return senderLimits{stream: 1 + s.rand.IntN(300), dump: 1 + s.rand.IntN(400), piece: 1 + s.rand.IntN(2000)}
}

func (s *sim) note(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf(format, args...))
}

// descends reports whether h contains the state at p, by all that ever happened.
func (s *sim) descends(h History, p Position) bool {
	for at := s.from[p.ID]; !at.ID.IsZero() && p.Offset <= at.Offset; at = s.from[p.ID] {
		p.ID = at.ID // before its line branched off it was the older one
	}
	for id, limit := h.ID, h.Offset; !id.IsZero(); {
		if id == p.ID {
			return p.Offset <= limit
		}
		parent := s.from[id]
		id, limit = parent.ID, min(limit, parent.Offset)
	}
	return p.ID.IsZero()
}

// failover makes the most advanced replica a master. The old one either lives on
// cut off, writing for a while, or restarts from its snapshot.
func (s *sim) failover() {
	var old, best *simNode
	for _, x := range s.nodes {
		switch {
		case x.master == nil:
			old = x
		case !x.stale && (best == nil || x.log.Offset() > best.log.Offset()):
			best = x
		}
	}
	if best == nil {
		return
	}
	for _, x := range s.nodes {
		if !x.stale && x.master != nil && !s.descends(best.log.History(), x.acked) {
			s.failf("node %d vouched for %v, elected node %d has only %+v", x.n, x.acked, best.n, best.log.History())
		}
	}
	best.disconnect()
	best.log.Promote(0)
	best.branched()
	best.master = nil
	best.mark()
	s.promotions++
	s.note("node %d takes over from %d at %d", best.n, old.n, best.log.Offset())
	if s.rand.IntN(2) == 0 {
		for range s.rand.IntN(4) {
			old.write() // nobody will know
		}
	} else {
		for _, x := range s.nodes {
			if x.master == old {
				x.disconnect()
			}
		}
		old.boot(old.file)
		for range s.rand.IntN(3) {
			old.write() // restarted, it still believes to be the master
		}
		s.note("node %d restarted, stands at %v", old.n, old.log.Positions())
	}
	for _, x := range s.nodes {
		if x != best {
			x.disconnect()
			if x.master == nil {
				x.stale = true
			}
			x.master = best
			x.log.Follow()
		}
	}
}

func (s *sim) step() {
	x := s.nodes[s.rand.IntN(len(s.nodes))]
	switch n := s.rand.IntN(100); {
	case n < 3 && s.rand.IntN(12) == 0:
		s.failover()
	case n < 6 && x.master != nil && s.rand.IntN(8) == 0:
		s.note("node %d loses its link", x.n)
		x.disconnect()
	case n < 7 && x.master != nil && s.rand.IntN(20) == 0:
		x.disconnect()
		x.boot(x.file)
		x.log.Follow()
		s.note("replica %d restarted, stands at %v", x.n, x.log.Positions())
	case n < 30:
		if x.master == nil {
			x.write()
		}
	case n < 60:
		x.snapshot()
	case x.master == nil:
	case x.sender == nil:
		x.connect()
	case n < 80:
		x.pump()
	case len(x.wire) > 0:
		x.deliver()
	}
}

// quiesce ends all disturbance and lets everybody catch up.
func (s *sim) quiesce() {
	for range 3 {
		for _, x := range s.nodes {
			for round := 0; x.master != nil; round++ {
				if round > 1e6 {
					s.failf("node %d does not catch up: offset %d of %d", x.n, x.log.Offset(), x.master.log.Offset())
				}
				if x.sender == nil {
					x.connect()
				}
				if x.pump(); x.sender != nil && len(x.wire) == 0 {
					break
				}
				for x.sender != nil && len(x.wire) > 0 {
					x.deliver()
				}
			}
		}
	}
	for _, x := range s.nodes {
		if m := x.master; m != nil && (x.digest() != m.digest() || x.log.Offset() != m.log.Offset()) {
			s.failf("in the end node %d is at %d, its master %d at %d, equal: %v", x.n, x.log.Offset(), m.n, m.log.Offset(),
				x.digest() == m.digest())
		}
	}
}

func TestSimulation(t *testing.T) {
	seeds := 12
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		seeds = n
	}
	var full, partial, promotions, snapshots int
	for seed := range seeds {
		s := newSim(t, uint64(seed), 2+seed%3)
		s.nodes[0].mark()
		for range 20 + s.rand.IntN(4000) {
			s.step()
		}
		s.quiesce()
		full, partial, promotions, snapshots = full+s.full, partial+s.partial, promotions+s.promotions, snapshots+s.snapshots
	}
	t.Logf("%d seeds: %d full and %d partial syncs, %d promotions, %d snapshots", seeds, full, partial, promotions,
		snapshots)
	if seeds >= 12 && (full == 0 || partial == 0 || promotions == 0 || snapshots == 0) {
		t.Error("the simulation does not reach what it is for")
	}
}
