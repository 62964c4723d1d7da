package gossip

import (
	"testing"
	"time"
)

// A failed node without slots is forgotten by all after ForgetAfter, and not before; one
// that is back by then stays, and so does one with slots.
func TestForgetAfter(t *testing.T) {
	const after = time.Minute
	s := newShards(t, 1, 3, 1, 2*time.Second)
	for _, n := range s.nodes {
		n.must(Tune{NodeTimeout: 2 * time.Second, ForgetAfter: after})
	}
	x, back, master := s.nodes[5], s.nodes[4], s.nodes[0]
	x.crash(false)
	back.crash(false)
	var failed time.Time
	s.until(10*time.Second, "failed", func() bool {
		for _, n := range s.nodes[:4] {
			if n.sees(x).failedAt.IsZero() {
				return false
			}
			failed = n.sees(x).failedAt
		}
		return true
	})
	s.run(after / 2)
	back.start()
	s.run(after/2 - 3*time.Second)
	for _, n := range s.nodes[:5] {
		if n.sees(x) == nil {
			t.Fatalf("forgotten %v after it failed, want %v", s.now.Sub(failed), after)
		}
	}
	s.run(4 * time.Second)
	for _, n := range s.nodes[:5] {
		if n.sees(x) != nil || n.sees(back) == nil {
			t.Fatalf("node %d after %v: knows the dead one: %v, the one that is back: %v", n.i, s.now.Sub(failed),
				n.sees(x) != nil, n.sees(back) != nil)
		}
	}
	// A master whose replica takes over has no slots any more; one without keeps them.
	master.crash(false)
	s.nodes[2].crash(false) // its replica has been forgotten
	s.run(2 * after)
	for _, n := range []*simNode{s.nodes[1], s.nodes[3], back} {
		if n.sees(s.nodes[2]) == nil {
			t.Fatal("a master with slots was forgotten")
		}
	}
}

// A master that restarts counts anew; the next one forgets the node in its place.
func TestForgetAfterARestart(t *testing.T) {
	const after, timeout = time.Minute, 2 * time.Second
	s := newShards(t, 1, 3, 1, timeout)
	for _, n := range s.nodes {
		n.must(Tune{NodeTimeout: timeout, ForgetAfter: after})
	}
	x := s.nodes[5]
	x.crash(false)
	s.until(10*time.Second, "failed", func() bool {
		for _, n := range s.nodes[:5] {
			if n.sees(x).failedAt.IsZero() {
				return false
			}
		}
		return true
	})
	s.run(after / 2)
	first := s.nodes[0]
	for _, n := range s.nodes[1:3] {
		if before(n.id, first.id) {
			first = n
		}
	}
	first.crash(true)
	first.start()
	first.must(Tune{NodeTimeout: timeout, ForgetAfter: after})
	s.run(after/2 + 3*timeout)
	for _, n := range s.nodes[:5] {
		if n.sees(x) != nil {
			t.Errorf("node %d knows it still", n.i)
		}
	}
}

// A node that only the one which forgets cannot reach is not forgotten.
func TestForgetAfterAsksTheOthers(t *testing.T) {
	const after = 20 * time.Second
	s := newShards(t, 1, 3, 1, 2*time.Second)
	for _, n := range s.nodes {
		n.must(Tune{NodeTimeout: 2 * time.Second, ForgetAfter: after})
	}
	first := s.nodes[0]
	for _, n := range s.nodes[1:3] {
		if before(n.id, first.id) {
			first = n
		}
	}
	x := s.nodes[5]
	n := first.sees(x)
	first.core.fail(n) // as after a failure of which it has not heard the end
	n.failedAt = s.now.Add(-2 * after)
	first.core.Tick(s.now)
	if first.sees(x) == nil {
		t.Fatal("a node that the others hear was forgotten")
	}
}
