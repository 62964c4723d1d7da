package gossip

import (
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// newFenced returns a cluster whose replicas, nodes masters to 2*masters-1, hold 1000
// bytes, and whose node 0 is to start anew with 500.
func newFenced(t *testing.T, seed uint64, masters int, timeout time.Duration) *sim {
	s := newShards(t, seed, masters, 1, timeout)
	for _, n := range s.nodes {
		n.core.SetData(Data{Term: 1, Offset: 1000})
	}
	s.run(timeout)
	s.configure = func(n *simNode, cfg *Config) { cfg.Data = Data{Term: 1, Offset: 500} }
	s.nodes[0].crash(false)
	return s
}

// A master that starts with less than its replica has lets that take over, as one that
// lives: with its own vote, and without being declared failed. It says so once.
func TestFencedMasterYields(t *testing.T) {
	const T = 2 * time.Second
	for _, masters := range []int{1, 2, 3, 5} {
		t.Run(fmt.Sprintf("%d masters", masters), func(t *testing.T) {
			for seed := range uint64(20) {
				s := newFenced(t, seed, masters, T)
				master, replica := s.nodes[0], s.nodes[masters]
				if seed%2 == 0 {
					replica.core.SetDataTime(simStart.Add(-time.Hour)) // there is none that is newer (docs/spec.md §6.2)
				}
				for _, n := range s.nodes {
					n.events = nil
				}
				master.start()
				took := s.until(time.Second, "the replica takes over", func() bool { return s.owner(0) == replica })
				if seed == 0 {
					t.Logf("took over after %v", took)
				}
				s.until(T, "the master follows it", func() bool {
					return master.core.self.rec.Master == replica.id &&
						!master.core.self.rec.Fenced
				})
				s.run(3 * T)
				warnings := 0
				for _, n := range s.nodes {
					for _, e := range n.events {
						switch e := e.(type) {
						case Warning:
							warnings++
						case HealthChanged:
							if e.Now != slots.Online {
								t.Errorf("seed %d: node %d thinks that %s is %v", seed, n.i, e.Node.Short(), e.Now)
							}
						}
					}
				}
				if warnings > 1 {
					t.Errorf("seed %d: warned %d times", seed, warnings)
				}
			}
		})
	}
}

// A fenced master counts for the majority: with it, and not without it, the other master
// of two serves.
func TestFencedMasterCounts(t *testing.T) {
	const T = 2 * time.Second
	s := newFenced(t, 1, 2, T)
	s.nodes[2].crash(false) // its replica: it stays fenced until that has failed
	other := s.nodes[1].core
	other.cfg.NoFullCoverage = true
	s.until(3*T, "a minority stops", func() bool { return other.state == slots.Down })
	s.nodes[0].start()
	s.until(T, "the other one serves", func() bool { return other.state == slots.OK })
	if !s.nodes[0].core.self.rec.Fenced || !other.nodes[s.nodes[0].id].rec.Fenced {
		t.Error("not fenced any more, or not known to be")
	}
}

// The replica that holds more dies before it has taken over, or never answers: the fenced
// master serves again when a majority holds it for failed, and says what it may lack. Its
// new epoch ranks it above what the replica has.
func TestFencedMasterServesAgain(t *testing.T) {
	const T = 4 * time.Second
	for _, masters := range []int{1, 2, 3} {
		for _, told := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d masters, told %v", masters, told), func(t *testing.T) {
				for seed := range uint64(10) {
					s := newFenced(t, seed, masters, T)
					master, replica := s.nodes[0], s.nodes[masters]
					epoch := master.saved.Nodes[0].ConfigEpoch
					if told {
						replica.core.self.rec.NoFailover = true // as only itself knows: it tells, and does not stand
						master.start()
						s.until(T/4, "the replica has told", func() bool { return !master.sees(replica).dataAt.IsZero() })
						replica.crash(seed%2 == 0)
					} else {
						replica.crash(false)
						master.start()
					}
					died := s.now
					s.until(2*T, "the master serves", func() bool { return master.core.state == slots.OK })
					if seed == 0 {
						t.Logf("serves again after %v, T is %v", s.now.Sub(died), T)
					}
					e, ok := find[Fenced](master)
					if !ok || e.On || len(e.Lacks) != 1 || e.Lacks[0].Replica != replica.id || e.Lacks[0].Told != told {
						t.Fatalf("seed %d: it said %+v", seed, e)
					}
					if now := master.core.self.rec.ConfigEpoch; now <= epoch || now != e.Epoch {
						t.Errorf("seed %d: it serves in epoch %d, served in %d, and said %d", seed, now, epoch, e.Epoch)
					}
					replica.start() // with as much as ever: it has lost its claim
					replica.core.SetData(Data{Term: 1, Offset: 1000})
					s.run(3 * T)
					if s.owner(0) != master || !converged(s.nodes) {
						t.Errorf("seed %d: the replica that came back: %s", seed, difference(s.nodes))
					}
				}
			})
		}
	}
}

// A replica that others hear, but its fenced master does not: it takes over if it holds
// more, and keeps nobody from serving if not.
func TestFencedMasterWithoutLink(t *testing.T) {
	const T = 4 * time.Second
	for _, more := range []bool{false, true} {
		s := newFenced(t, 1, 3, T)
		master, replica := s.nodes[0], s.nodes[3]
		s.apart = map[*simNode]bool{master: true, replica: true}
		if !more {
			replica.core.SetData(Data{Term: 1, Offset: 500})
		}
		master.start()
		want := master
		if more {
			want = replica
		}
		took := s.until(3*T, "the shard is served", func() bool { return s.owner(0) == want && want.core.state == slots.OK })
		t.Logf("served after %v, T is %v", took, T)
		s.run(2 * T)
		if s.owner(0) != want {
			t.Error("and then by another node")
		}
	}
}
