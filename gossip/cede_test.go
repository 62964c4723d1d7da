package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// openMove opens slot 5 for a move from node 0 to node 1 of a new cluster.
func openMove(t testing.TB, seed uint64) (s *sim, source, target *simNode) {
	s = newShards(t, seed, 3, 1, time.Second)
	source, target = s.nodes[0], s.nodes[1]
	target.must(SetSlot{5, SlotImporting, source.id})
	source.must(SetSlot{5, SlotMigrating, target.id})
	return s, source, target
}

// assignedTo reports whether slot 5 is a node's in all views and closed at all nodes that
// run.
func (s *sim) assignedTo(id slots.NodeID) bool {
	for _, n := range s.up() {
		c := n.core
		if len(c.migrating)+len(c.importing)+len(c.ceded) > 0 || c.owner(5) == nil || c.owner(5).rec.ID != id {
			return false
		}
	}
	return true
}

// reaches follows redirects for slot 5 as a client does, and returns after how many of
// them it is served, or -1.
func (s *sim) reaches(at *simNode) int {
	asking := false
	for hops := range 6 {
		err := slots.Route(at.core.buildMap(), slots.Request{Slot: 5, Keys: 1, Missing: 1, Write: true, Asking: asking})
		var to slots.NodeID
		switch err := err.(type) {
		case nil:
			return hops
		case *slots.MovedError:
			to, asking = err.Node, false
		case *slots.AskError:
			to, asking = err.Node, true
		default:
			return -1
		}
		for _, n := range s.nodes {
			if n.id == to {
				at = n
			}
		}
	}
	return -1
}

// The stock tools tell all masters in some order. In each of them clients find who serves
// the slot at any moment, no node takes it for unowned, and in the end it is the
// target's.
func TestSetSlotNodeInAnyOrder(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {0}, {1}} {
		for seed := range uint64(5) {
			s, _, target := openMove(t, seed)
			s.maxDelay = 20 * time.Millisecond
			check := func(when string) {
				for range 10 {
					for _, n := range s.nodes {
						if hops := s.reaches(n); hops < 0 || hops > 3 {
							s.fatalf("order %v, %s: a client of node %d is not served: %d hops", order, when, n.i, hops)
						}
						if !n.core.assigned.Has(5) {
							s.fatalf("order %v, %s: node %d takes the slot for unowned", order, when, n.i)
						}
					}
					s.run(time.Millisecond)
				}
			}
			for _, i := range order {
				s.nodes[i].must(SetSlot{5, SlotNode, target.id})
				check("node " + string(rune('0'+i)) + " was told")
			}
			s.until(time.Second, "the slot is the target's", func() bool { return s.assignedTo(target.id) })
		}
	}
}

// A move whose source was told ends whatever is lost afterwards: messages, the source,
// the target, the tool that would have told the target.
func TestCededSlotIsClaimed(t *testing.T) {
	eachSeed(t, 50, func(t *testing.T, seed uint64) {
		s, source, target := openMove(t, seed)
		s.loss, s.maxDelay = 0.3, 50*time.Millisecond
		source.stopAfterSave = s.rng.IntN(3) == 0
		source.do(SetSlot{5, SlotNode, target.id})
		s.run(s.delay())
		switch s.rng.IntN(4) {
		case 0:
			target.stopBeforeSave = true
		case 1:
			target.stopAfterSave = true
		case 2:
			if source.core != nil {
				source.crash(s.rng.IntN(2) == 0)
			}
		}
		s.run(2 * s.delay())
		for _, n := range []*simNode{source, target} {
			n.stopBeforeSave, n.stopAfterSave = false, false
			if n.core == nil {
				n.start()
			}
		}
		s.loss = 0
		s.until(10*time.Second, "the slot is the target's", func() bool { return s.assignedTo(target.id) })
	})
}

// What a node gave away is not its own for commands either (docs/spec.md §8.1).
func TestCommandsOnACededSlot(t *testing.T) {
	s, source, target := openMove(t, 1)
	s.group[target.i] = 1 // so that it cannot claim the slot
	source.must(SetSlot{5, SlotNode, target.id})
	if m := source.core.buildMap(); m.IsMine(5) || m.Owner(5).ID != target.id || !m.Ceded().Has(5) || m.Open().Has(5) {
		t.Errorf("mine %v, owner %s, ceded %s, open %s", m.IsMine(5), m.Owner(5).ID.Short(), m.Ceded(), m.Open())
	}
	if got := errorText(source.do(SetSlot{5, SlotMigrating, target.id})); got != "I'm not the owner of hash slot 5" {
		t.Errorf("migrating: %q", got)
	}
	for _, cmd := range []Command{SetSlot{5, SlotStable, slots.NodeID{}}, DelSlots{slots.NewSet(5)},
		SetSlot{5, SlotNode, target.id}} {
		source.must(cmd)
		if source.core.ceded[5] != target.id || !source.core.self.rec.Slots.Has(5) {
			t.Errorf("after %T the slot is ceded to %s, claimed: %v", cmd, source.core.ceded[5].Short(),
				source.core.self.rec.Slots.Has(5))
		}
	}
	source.must(SetSlot{5, SlotImporting, target.id}) // back again, at once
	s.group[target.i] = 0
	s.until(10*time.Second, "the target claims the slot",
		func() bool { return source.core.owner(5).rec.ID == target.id && len(source.core.ceded) == 0 })
	if source.core.importing[5] != target.id {
		t.Error("the slot does not come back")
	}
}

// Who changes its mind before the target has claimed the slot keeps it.
func TestCededSlotIsTakenBack(t *testing.T) {
	s, source, target := openMove(t, 1)
	s.group[target.i] = 1
	source.must(SetSlot{5, SlotNode, target.id})
	source.must(SetSlot{5, SlotNode, source.id})
	target.must(SetSlot{5, SlotStable, slots.NodeID{}})
	s.group[target.i] = 0
	s.until(10*time.Second, "the slot is the source's", func() bool { return s.assignedTo(source.id) })
	if m := source.core.buildMap(); !m.IsMine(5) {
		t.Error("the source does not serve it")
	}
}

// A slot follows the shard that it was given to.
func TestCededSlotFollowsAFailover(t *testing.T) {
	s, source, target := openMove(t, 1)
	s.group[target.i] = 1
	source.must(SetSlot{5, SlotNode, target.id})
	target.crash(true)
	successor := s.nodes[4]
	s.until(10*time.Second, "the slot is the successor's", func() bool { return s.assignedTo(successor.id) })
}

// A slot whose new owner is forgotten would have no owner for ever.
func TestCededSlotOfAForgottenNode(t *testing.T) {
	s, source, target := openMove(t, 1)
	s.group[target.i] = 1
	source.must(SetSlot{5, SlotNode, target.id})
	source.must(ForgetNode{target.id})
	if m := source.core.buildMap(); !m.IsMine(5) || !m.Ceded().Empty() {
		t.Errorf("mine %v, ceded %s", m.IsMine(5), m.Ceded())
	}
}

// A claim that has lost, and is still in its node's record, must not win again because
// the node takes a greater config epoch for another reason.
func TestNewEpochDoesNotReclaimWhatIsLost(t *testing.T) {
	for name, command := range map[string]func(source slots.NodeID) Command{
		"a bump":       func(slots.NodeID) Command { return BumpEpoch{} },
		"another slot": func(source slots.NodeID) Command { return SetSlot{6, SlotNode, source} },
	} {
		s, source, target := openMove(t, 1)
		s.maxDelay = time.Millisecond
		target.must(SetSlot{6, SlotNode, target.id})
		s.run(time.Second)
		target.must(SetSlot{5, SlotNode, target.id})
		for source.core.owner(5).rec.ID != target.id {
			s.run(100 * time.Microsecond)
		}
		if rec := source.core.self.rec; !rec.Slots.Has(5) {
			t.Fatalf("%s: the claim was withdrawn too early for this test", name)
		}
		source.must(command(source.id))
		s.run(time.Second)
		for _, n := range s.nodes {
			if owner := n.core.owner(5); owner == nil || owner.rec.ID != target.id {
				t.Errorf("%s: node %d does not hold the target for the owner of the slot that moved", name, n.i)
			}
		}
	}
}
