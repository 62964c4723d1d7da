package gossip

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// docs/spec.md §6.7. The host program's part (stop writes, ship what is left) is played
// here.
func TestManualFailover(t *testing.T) {
	s := newShards(t, 1, 3, 1, 15*time.Second)
	master, replica := s.nodes[0], s.nodes[3]
	if err := master.do(Failover{}); !errors.Is(err, ErrNotReplica) {
		t.Fatalf("failover of a master: %v", err)
	}
	master.core.SetData(Data{Offset: 1000})
	replica.core.SetData(Data{Offset: 900})
	replica.must(Failover{})
	s.run(50 * time.Millisecond)
	p, ok := find[WritesPaused](master)
	if !ok || p.For != replica.id {
		t.Fatal("the master was not asked to pause")
	}
	master.must(ConfirmPause{Offset: 1000})
	s.run(500 * time.Millisecond)
	if s.owner(0) != master {
		t.Fatal("the replica took over before it had all data")
	}
	replica.core.SetData(Data{Offset: 1000})
	replica.carryOut()
	took := s.until(100*time.Millisecond, "the replica took over", func() bool { return s.owner(0) == replica })
	t.Logf("took over %v after it caught up", took)
	s.run(100 * time.Millisecond)
	if _, resumed := find[WritesResumed](master); !resumed || master.core.self.rec.Master != replica.id {
		t.Fatal("the old master did not become a replica")
	}

	// Called off: the master never confirms. It goes on as soon as it is told.
	master.must(Failover{})
	s.run(manualTimeout + 300*time.Millisecond)
	if _, off := find[FailoverAborted](master); !off {
		t.Fatal("not called off")
	}
	if _, resumed := find[WritesResumed](replica); !resumed || s.owner(0) != replica {
		t.Fatal("the master stayed paused")
	}

	master.must(Failover{FailoverForce})
	s.until(100*time.Millisecond, "forced", func() bool { return s.owner(0) == master })
	s.until(time.Second, "equal views", func() bool { return converged(s.nodes) })
	for _, n := range []int{1, 2} { // no majority left
		s.nodes[n].crash(false)
	}
	s.run(time.Second)
	replica.must(Failover{FailoverTakeover})
	s.until(100*time.Millisecond, "taken over", func() bool { return s.owner(0) == replica })
	s.nodes[0].crash(false)
	s.run(time.Second)
	s.nodes[0].core = nil
	if err := s.nodes[4].do(Failover{}); !errors.Is(err, ErrMasterDown) {
		t.Fatalf("failover without the master: %v", err)
	}
}

// Two replicas of one master are told to take over: the one that asked first does, and
// the pause of writes for it does not end before.
func TestManualFailoversOfOneShard(t *testing.T) {
	s := newShards(t, 1, 3, 2, 15*time.Second)
	master, first, second := s.nodes[0], s.nodes[3], s.nodes[6]
	first.must(Failover{})
	s.run(50 * time.Millisecond)
	master.must(ConfirmPause{})
	second.must(Failover{})
	s.until(200*time.Millisecond, "the first is the master", func() bool { return s.owner(0) == first })
	paused := 0
	for _, e := range master.events {
		if _, is := e.(WritesPaused); is {
			paused++
		}
	}
	if paused != 1 {
		t.Errorf("writes were paused %d times", paused)
	}
	s.until(time.Second, "the second follows", func() bool {
		return second.core.self.rec.Master == first.id &&
			second.core.manual == nil
	})
}

// Manual failovers of several shards at the same moment ask for the votes of one epoch.
// All must succeed nevertheless, and soon: writes are held back.
func TestManualFailoversAtOnce(t *testing.T) {
	for seed := range uint64(50) {
		s := newShards(t, seed, 3, 1, 2*time.Second)
		for _, n := range s.nodes[3:] {
			n.must(Failover{})
		}
		pausing := s.now
		done := func() bool {
			for i, n := range s.nodes[:3] {
				if n.core.pause != nil && !n.core.pause.confirmed {
					n.must(ConfirmPause{})
				}
				if n.core.self.rec.Master != s.nodes[3+i].id {
					return false
				}
			}
			return true
		}
		s.until(2*time.Second, fmt.Sprintf("seed %d: three new masters", seed), done)
		if took := s.now.Sub(pausing); took > 500*time.Millisecond {
			t.Errorf("seed %d: took %v", seed, took)
		}
	}
}
