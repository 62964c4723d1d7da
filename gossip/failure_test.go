package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// TestFailureTimes follows a master through death and return with T = 15 s and checks
// the times of docs/spec.md §3.4, §3.5 and §5.1 to the tick.
func TestFailureTimes(t *testing.T) {
	const T, slack = 15 * time.Second, 2*TickEvery + 10*time.Millisecond
	s := newCluster(t, 1, 5, T)
	s.run(time.Minute)
	victim, n := s.nodes[4], s.nodes[0]
	health := func(h slots.Health) func() bool {
		return func() bool { return n.sees(victim).health == h }
	}
	check := func(what string, got, want time.Duration) {
		t.Helper()
		if got < want || got > want+slack {
			t.Errorf("%s after %v, want %v to %v", what, got, want, want+slack)
		}
	}

	// The connection breaks: the peer owes a sign of life from then on.
	died := s.now
	victim.crash(false)
	s.until(2*T, "PFAIL", health(slots.Suspected))
	check("PFAIL", s.now.Sub(died), T)
	s.until(T, "FAIL", health(slots.Failed))
	check("FAIL", s.now.Sub(died), T)
	s.run(TickEvery)
	if n.core.state != slots.Down {
		t.Error("state is ok although a master failed")
	}

	// Back again, and nobody could have taken its slots: well on its first word.
	s.run(time.Second)
	victim.start()
	s.until(100*time.Millisecond, "FAIL cleared", health(slots.Online))
	s.until(time.Second, "state ok", func() bool { return n.core.state == slots.OK })

	// Silence, with the connection open: the heartbeat of T/2 finds it.
	s.run(time.Minute)
	silent := s.now
	victim.crash(true)
	s.until(2*T, "FAIL", health(slots.Failed))
	if got := s.now.Sub(silent); got < T-slack || got > T+T/2+2*slack {
		t.Errorf("silent for %v until FAIL, want T to 1.5 T", got)
	}
}

// docs/spec.md §3.5: a replica, or a master without slots, is back on its first word.
func TestFailClearsAtOnceWithoutSlots(t *testing.T) {
	s := newSim(t, 1, 5, 2*time.Second)
	for i, r := range slots.Even(4) {
		s.own(i, setOf(r.First, r.Last))
	}
	s.join(0, 1, 2, 3, 4)
	victim, n := s.nodes[4], s.nodes[0]
	victim.crash(false)
	s.until(5*time.Second, "FAIL", func() bool { return n.sees(victim).health == slots.Failed })
	if n.core.state != slots.OK {
		t.Fatal("a node without slots brought the cluster down")
	}
	victim.start()
	s.until(500*time.Millisecond, "back", func() bool { return n.sees(victim).health == slots.Online })
}

// docs/spec.md §3.5: a master with slots that returns stays failed for 2T, so that a
// replica can take them, if there is one that may stand for election. A fenced one is
// alive at once.
func TestFailLastsWhileThereIsASuccessor(t *testing.T) {
	const T = 2 * time.Second
	for _, c := range []struct {
		name    string
		prepare func(s *sim, replica *simNode)
		lasts   bool
		fenced  bool
	}{
		{"a replica", func(s *sim, replica *simNode) {}, true, false},
		{"a replica of a fenced one", func(s *sim, replica *simNode) {}, false, true},
		{"a replica of another master", func(s *sim, replica *simNode) { replica.must(Replicate{s.nodes[1].id}) }, false,
			false},
		{"a replica that may not", func(s *sim, replica *simNode) {
			replica.core.self.rec.NoFailover = true
			replica.core.selfChanged()
			replica.carryOut()
		}, false, false},
		{"a replica that failed", func(s *sim, replica *simNode) { replica.crash(false) }, false, false},
		{"a replica that returns", func(s *sim, replica *simNode) {
			replica.crash(false)
			s.run(2 * T)
			replica.start()
			replica.core.SetDataTime(simStart.Add(-time.Hour))
		}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShards(t, 1, 3, 1, T)
			victim, n, replica := s.nodes[0], s.nodes[1], s.nodes[3]
			replica.core.SetDataTime(simStart.Add(-time.Hour)) // known to itself: too old to stand (docs/spec.md §6.2)
			c.prepare(s, replica)
			s.run(time.Second)
			victim.crash(false)
			s.until(2*T, "FAIL", func() bool { return n.sees(victim).health == slots.Failed })
			failed := s.now
			victim.start()
			if !c.fenced {
				victim.core.endFence(Fenced{}) // as one that was cut off, not restarted
			}
			s.until(3*T, "FAIL cleared", func() bool { return n.sees(victim).health == slots.Online })
			took := s.now.Sub(failed)
			if c.lasts && (took < 2*T || took > 2*T+T/2+2*TickEvery) {
				t.Errorf("cleared after %v, want 2T and at most a heartbeat more", took)
			}
			if !c.lasts && took > TickEvery+10*time.Millisecond { // it dials with its first tick
				t.Errorf("cleared after %v, want at once", took)
			}
		})
	}
}

// docs/spec.md §3.4: without a majority nobody is declared failed. §5.1, §5.2: a minority
// stops within about T, and waits min(T, 5 s) once it is back.
func TestMinority(t *testing.T) {
	const T = 4 * time.Second
	s := newCluster(t, 1, 5, T)
	s.group[3], s.group[4] = 1, 1
	cut := s.now
	minority := s.nodes[3]
	s.until(2*T, "the minority stops", func() bool { return minority.core.state == slots.Down })
	if got := s.now.Sub(cut); got > T+T/2+500*time.Millisecond {
		t.Errorf("the minority served for %v", got)
	}
	s.run(5 * T)
	if minority.sees(s.nodes[0]).health != slots.Suspected {
		t.Error("a minority declared a node failed")
	}
	if s.nodes[0].sees(minority).health != slots.Failed {
		t.Error("the majority did not declare the minority failed")
	}
	s.group[3], s.group[4] = 0, 0
	s.until(T+T/2, "a majority in reach", func() bool {
		reached := 0
		for _, o := range minority.core.list {
			if o.health == slots.Online {
				reached++
			}
		}
		return reached >= 3
	})
	back := s.now
	s.until(3*T, "serves again", func() bool { return minority.core.state == slots.OK })
	if got := s.now.Sub(back); got < T-500*time.Millisecond || got > T+500*time.Millisecond {
		t.Errorf("served %v after the partition, want about %v (docs/spec.md §5.2)", got, T)
	}
}

// A wrong slot coverage option is the difference between fail and ok.
func TestPartialCoverage(t *testing.T) {
	for _, partial := range []bool{false, true} {
		s := newSim(t, 1, 1, time.Second)
		n := s.nodes[0]
		n.core.cfg.NoFullCoverage = partial
		s.own(0, setOf(0, 99))
		s.run(time.Second)
		if got := n.core.state == slots.OK; got != partial {
			t.Errorf("NoFullCoverage %v: state %v", partial, n.core.state)
		}
	}
}
