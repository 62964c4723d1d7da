package gossip

import (
	"errors"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// A node says that it leaves, takes no slots any more, and all forget it by its own word.
func TestLeave(t *testing.T) {
	s := newShards(t, 1, 3, 1, 2*time.Second)
	x, rest := s.nodes[5], s.nodes[:5]
	if err := x.do(Depart{}); !errors.Is(err, ErrNotLeaving) {
		t.Fatalf("departing without a word before: %v", err)
	}
	if err := s.nodes[0].do(Leave{}); err != nil {
		t.Fatal(err)
	}
	if err := s.nodes[0].do(Depart{}); !errors.Is(err, ErrHoldsSlots) {
		t.Fatalf("departing with slots: %v", err)
	}
	slot := slots.Slot(16383)
	if err := s.nodes[0].do(SetSlot{slot, SlotImporting, s.nodes[2].id}); !errors.Is(err, ErrLeaving) {
		t.Fatalf("a leaving node imports: %v", err)
	}
	s.run(time.Second)
	if !rest[4].sees(s.nodes[0]).rec.Leaving {
		t.Fatal("the others do not know that it leaves")
	}
	s.nodes[0].must(Leave{Stay: true})
	s.run(time.Second)
	if rest[4].sees(s.nodes[0]).rec.Leaving {
		t.Fatal("the others do not know that it stays")
	}
	x.must(Leave{})
	x.must(Depart{})
	if err := x.do(Leave{Stay: true}); !errors.Is(err, ErrLeaving) {
		t.Fatalf("staying after the departure: %v", err)
	}
	if err := x.do(Failover{Mode: FailoverTakeover}); !errors.Is(err, ErrLeaving) {
		t.Fatalf("a departing node succeeds its master: %v", err)
	}
	s.until(200*time.Millisecond, "forgotten by all", func() bool {
		for _, n := range rest {
			if n.sees(x) != nil {
				return false
			}
		}
		return len(x.core.list) == 1
	})
	if x.core.self.rec.Leaving {
		t.Error("alone, it still says that it leaves")
	}
	s.run(90 * time.Second) // no ban ends what has ended
	if !converged(rest) {
		t.Fatalf("after the departure: %s", difference(rest))
	}
	x.must(Reset{})
	x.must(MeetNode{rest[0].addr})
	s.until(3*time.Second, "met again", func() bool { return converged(s.nodes) })
}

// Peers that do not answer are not waited for longer than a second, once another has; they
// hear of it when they are back.
func TestLeaveWhileSomeAreCutOff(t *testing.T) {
	s := newShards(t, 1, 3, 1, 20*time.Second)
	x, rest := s.nodes[5], s.nodes[:5]
	s.group[1] = 1
	x.must(Leave{})
	x.must(Depart{})
	s.run(departLimit / 2)
	if len(x.core.list) == 1 {
		t.Fatal("it did not wait for the node that is cut off")
	}
	s.run(departLimit)
	if len(x.core.list) != 1 {
		t.Fatal("it waits for ever")
	}
	s.group[1] = 0
	s.until(30*time.Second, "all have heard", func() bool { return converged(rest) })
}

// A crash after the first word: the node is told, or is a member like any.
func TestLeaveAndCrash(t *testing.T) {
	eachSeed(t, 40, func(t *testing.T, seed uint64) {
		s := newShards(t, seed, 3, 1, 2*time.Second)
		x, rest := s.nodes[5], s.nodes[:5]
		x.must(Leave{})
		if seed%2 == 0 {
			x.must(Depart{})
		}
		s.run(time.Duration(seed%7) * 10 * time.Millisecond)
		x.crash(false)
		x.start()
		s.run(5 * time.Second)
		if x.core.self.rec.Leaving {
			t.Errorf("seed %d: it still leaves", seed)
		}
		if alone := len(x.core.list) == 1; !alone && !converged(s.nodes) || alone && !converged(rest) {
			t.Errorf("seed %d, alone %v: %s", seed, alone, difference(s.nodes))
		}
	})
}
