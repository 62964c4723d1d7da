package gossip

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// The id of a cluster is no secret: a node that speaks for the cluster and is no member
// cannot take slots from members by asking to be one, whatever epoch it names. Slots that
// it loses to them, or that have no owner, are no reason to refuse it.
func TestStrangerTakesNoSlots(t *testing.T) {
	for name, c := range map[string]struct {
		epoch   uint64
		first   slots.Slot // of the thousand that it claims; members own those below 3000
		refused bool
	}{
		"a greater epoch":              {1 << 31, 0, true},
		"the owner's epoch":            {3, 2000, true},
		"a smaller epoch":              {2, 2000, false},
		"a greater epoch, other slots": {1 << 31, 5000, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, 5, 4, 2*time.Second)
			for i := range 3 {
				s.own(i, setOf(slots.Slot(i*1000), slots.Slot(i*1000+999)))
				s.nodes[i].core.setConfigEpoch(uint64(i+1), "")
			}
			s.join(0, 1, 2)
			stranger := s.nodes[3]
			stranger.core.adopt(s.nodes[0].core.cluster)
			s.own(3, setOf(c.first, c.first+999))
			stranger.core.setConfigEpoch(c.epoch, "")
			stranger.must(MeetNode{s.nodes[0].addr})
			s.run(5 * time.Second)
			e, failed := find[MeetFailed](stranger)
			if failed != c.refused || failed && !strings.Contains(e.Err.Error(), "slots 0-999 have owners here") &&
				!strings.Contains(e.Err.Error(), "slots 2000-2999 have owners here") {
				t.Errorf("refused: %t, %v", failed, e.Err)
			}
			for i, n := range s.nodes[:3] {
				if owner := s.owner(slots.Slot(i * 1000)); owner != n {
					t.Errorf("slots of node %d have another owner", i)
				}
				if n.core.nodes[stranger.id] != nil == c.refused {
					t.Errorf("node %d knows the stranger: %t", i, c.refused)
				}
			}
		})
	}
}

// docs/spec.md §2.6, two sets of data are never mixed.
func TestClustersMergeOrRefuse(t *testing.T) {
	part := func(i int) slots.Set { return setOf(slots.Slot(i*1000), slots.Slot(i*1000+999)) }
	for name, c := range map[string]struct {
		prepare func(s *sim) // of six nodes; then 0 meets 3
		merged  int          // size of the cluster afterwards, 0: refused
	}{
		"two empty nodes":             {func(s *sim) {}, 2},
		"lone owners, disjoint slots": {func(s *sim) { s.own(0, part(0)); s.own(3, part(3)) }, 2},
		"lone owners, common slots":   {func(s *sim) { s.own(0, part(0)); s.own(3, part(0)) }, 0},
		"empty meets cluster":         {func(s *sim) { s.own(3, part(3)); s.join(3, 4, 5) }, 4},
		"cluster meets empty":         {func(s *sim) { s.own(0, part(0)); s.join(0, 1, 2) }, 4},
		"lone owner meets cluster":    {func(s *sim) { s.own(0, part(0)); s.own(3, part(3)); s.join(3, 4, 5) }, 4},
		"cluster meets lone owner":    {func(s *sim) { s.own(1, part(0)); s.join(0, 1, 2); s.own(3, part(3)) }, 4},
		"cluster meets common slots":  {func(s *sim) { s.own(1, part(0)); s.join(0, 1, 2); s.own(3, part(0)) }, 0},
		"two empty clusters":          {func(s *sim) { s.join(0, 1, 2); s.join(3, 4, 5) }, 6},
		"empty cluster meets cluster": {func(s *sim) { s.join(0, 1, 2); s.own(4, part(4)); s.join(3, 4, 5) }, 6},
		"two clusters that serve": {func(s *sim) {
			s.serveParts()
			s.own(1, part(1))
			s.join(0, 1, 2)
			s.own(4, part(4))
			s.join(3, 4, 5)
		}, 0},
		"cluster in the making meets one that serves": {func(s *sim) {
			s.own(1, part(1))
			s.join(0, 1, 2)
			s.serveParts()
			s.own(4, part(4))
			s.join(3, 4, 5)
			s.nodes[0].core.cfg.NoFullCoverage = false
		}, 0},
		"two clusters in the making": {func(s *sim) {
			s.own(1, part(1))
			s.join(0, 1, 2)
			s.own(4, part(4))
			s.join(3, 4,
				5)
		}, 6},
		"two that both have some slot": {func(s *sim) {
			s.own(1, part(1))
			s.join(0, 1, 2)
			s.own(4, part(1))
			s.join(3, 4,
				5)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, 5, 6, 2*time.Second)
			c.prepare(s)
			a, b := s.nodes[0], s.nodes[3]
			was, wasB := len(a.core.list), len(b.core.list)
			a.must(MeetNode{b.addr})
			s.run(5 * time.Second)
			if c.merged > 0 {
				if len(a.core.list) != c.merged || len(b.core.list) != c.merged || a.core.cluster != b.core.cluster {
					t.Fatalf("%d and %d nodes, want %d; clusters %v, %v", len(a.core.list), len(b.core.list), c.merged,
						a.core.cluster, b.core.cluster)
				}
				return
			}
			e, _ := find[MeetFailed](a)
			w, warned := find[Warning](b)
			if !errors.Is(e.Err, ErrRefused) || !warned || !strings.Contains(w.Text, "refused") {
				t.Fatalf("event here %+v, there %+v", e, w)
			}
			if len(a.core.list) != was || len(b.core.list) != wasB || a.core.cluster == b.core.cluster {
				t.Fatal("a refused meeting left traces")
			}
		})
	}
}

// serveParts lets nodes serve without all slots.
func (s *sim) serveParts() {
	for _, n := range s.nodes {
		n.core.cfg.NoFullCoverage = true
	}
}

func (s *sim) own(i int, set slots.Set) { s.nodes[i].must(AddSlots{set}) }

func (s *sim) join(list ...int) {
	for _, i := range list[1:] {
		s.nodes[i].must(MeetNode{s.nodes[list[0]].addr})
	}
	s.run(time.Second)
	if n := len(s.nodes[list[0]].core.list); n != len(list) {
		s.fatalf("%d nodes joined, want %d", n, len(list))
	}
}

// A node that two clusters meet at once joins one of them, and they stay apart.
func TestMetByTwoClusters(t *testing.T) {
	for seed := range uint64(50) {
		s := newSim(t, seed, 5, 2*time.Second)
		s.maxDelay = 5 * time.Millisecond
		s.serveParts()
		s.own(0, setOf(0, 99))
		s.own(3, setOf(100, 199))
		s.join(0, 1)
		s.join(3, 4)
		if seed%2 == 0 {
			s.own(2, setOf(200, 299))
		}
		x := s.nodes[2]
		if seed%4 < 2 {
			x.must(MeetNode{s.nodes[0].addr})
			x.must(MeetNode{s.nodes[3].addr})
		} else {
			s.nodes[0].must(MeetNode{x.addr})
			s.nodes[3].must(MeetNode{x.addr})
		}
		s.run(10 * time.Second)
		a, b := s.nodes[0].core, s.nodes[3].core
		if a.cluster == b.cluster || len(a.list)+len(b.list) != 5 || a.nodes[s.nodes[3].id] != nil {
			t.Fatalf("seed %d: clusters %v of %d and %v of %d", seed, a.cluster, len(a.list), b.cluster, len(b.list))
		}
	}
}

// Lone owners of slots become one cluster whatever the pattern of meetings, also if parts
// of it form first; and that is remembered.
func TestMeetInAnyPattern(t *testing.T) {
	const n = 12
	for seed := range uint64(60) {
		s := newSim(t, seed, n, 2*time.Second)
		s.maxDelay = 20 * time.Millisecond
		s.double = float64(seed%2) / 20
		for i, r := range slots.Even(n) {
			s.own(i, setOf(r.First, r.Last))
		}
		for _, i := range s.rng.Perm(n)[:n] {
			from, to := i, (i+1)%n // a ring: all at once
			switch seed % 4 {
			case 1: // a tree
				to = i / 2
			case 2: // anything that joins all
				to = s.rng.IntN(max(i, 1))
			case 3: // pairs first, which then are clusters
				if i%2 == 1 {
					s.nodes[i].must(MeetNode{s.nodes[i-1].addr})
				}
				if i%3 == 0 {
					s.run(30 * time.Millisecond)
				}
			}
			if from != to {
				s.nodes[from].must(MeetNode{s.nodes[to].addr})
			}
		}
		s.until(10*time.Second, "one cluster", func() bool { return converged(s.nodes) })
		for _, node := range s.nodes {
			if e, ok := find[MeetFailed](node); ok && errors.Is(e.Err, ErrRefused) {
				t.Fatalf("seed %d: node %d: %v", seed, node.i, e.Err)
			}
			s.until(3*time.Second, "it serves", func() bool { return node.saved.Served })
		}
	}
}
