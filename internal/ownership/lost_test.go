package ownership

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// taken returns a node that owned slots 1 to 3 with keys, of which other takes 1 and 2.
func taken(t *testing.T, before view) (n *node, s *Slots, old, m *slots.Map) {
	n, s = newNode(t, before)
	old = n.m
	for slot := range slots.Slot(4) {
		n.fill(slot, 3)
	}
	n.m = view{owns: map[slots.NodeID][]slots.Slot{me: {3}, other: {1, 2}}}.build(t)
	return n, s, old, n.m
}

// find looks for the slots that are lost by m.
func find(s *Slots, old, m *slots.Map) {
	s.Prepare(old, m)
	s.FindLost(old, m)
}

var threeSlots = map[slots.NodeID][]slots.Slot{me: {1, 2, 3}}

func counts(n *node) (list [4]int) {
	for slot := range list {
		list[slot] = n.store.Count(slots.Slot(slot))
	}
	return list
}

// Keys of lost slots go 5 s later, those of slots that a migration looks after stay.
func TestLostSlotsAreDroppedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s, old, m := taken(t, view{owns: threeSlots})
		n.claimed = slots.NewSet(2)
		find(s, old, m)
		time.Sleep(lostGrace - 1)
		s.DropLost(time.Now())
		if got := counts(n); got != [4]int{3, 3, 3, 3} {
			t.Errorf("keys before the time: %v", got)
		}
		time.Sleep(1)
		s.DropLost(time.Now())
		if got := counts(n); got != [4]int{3, 0, 3, 3} {
			t.Errorf("keys after it: %v", got)
		}
	})
}

// What has become of a lost slot in the meantime decides.
func TestLostSlotsThatStay(t *testing.T) {
	for name, now := range map[string]view{
		"came back": {owns: threeSlots},
		"no owner":  {owns: map[slots.NodeID][]slots.Slot{me: {3}}},
		"importing": {owns: map[slots.NodeID][]slots.Slot{me: {3}, other: {1, 2}},
			importing: map[slots.Slot]slots.NodeID{1: other, 2: other}},
		"now replica": {owns: map[slots.NodeID][]slots.Slot{other: {1, 2, 3}}, master: other},
	} {
		n, s, old, m := taken(t, view{owns: threeSlots})
		find(s, old, m)
		n.m = now.build(t)
		s.DropLost(time.Now().Add(time.Minute))
		if got := counts(n); got != [4]int{3, 3, 3, 3} {
			t.Errorf("%s: %v keys", name, got)
		}
	}
}

// A slot is emptied in batches, so that nothing waits long for its lock.
func TestLargeLostSlotIsDroppedInBatches(t *testing.T) {
	n, s, old, m := taken(t, view{owns: threeSlots})
	n.fill(1, 2*dropBatch+1)
	find(s, old, m)
	left := []int{dropBatch + 1, 1, 0}
	for i, more := range []bool{true, true, false} {
		if got := s.dropSome(1); got != more || n.store.Count(1) != left[i] {
			t.Errorf("batch %d: %d keys left, more: %v", i, n.store.Count(1), got)
		}
	}
}

// A migration brings the newer keys: what is here goes before it begins.
func TestLostSlotsGoBeforeTheyAreImported(t *testing.T) {
	n, s, old, m := taken(t, view{owns: threeSlots})
	find(s, old, m)
	set := slots.NewSet(0, 2)
	s.DropLostNow(&set)
	if got := counts(n); got != [4]int{3, 3, 0, 3} {
		t.Errorf("%v keys", got)
	}
}

// The map by which a slot is lost can be seen before FindLost has looked through it: a
// migration that begins then waits.
func TestImportWaitsUntilLostSlotsAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, s, old, m := taken(t, view{owns: threeSlots})
		s.Prepare(old, m)
		n.claimed = slots.NewSet(2) // the migration's own job
		dropped := false
		go func() {
			set := slots.NewSet(2)
			s.DropLostNow(&set)
			dropped = true
		}()
		synctest.Wait()
		if dropped {
			t.Error("did not wait")
		}
		s.FindLost(old, m)
		synctest.Wait()
		if got := counts(n); !dropped || got != [4]int{3, 3, 0, 3} {
			t.Errorf("dropped: %v, %v keys", dropped, got)
		}
	})
}

// A slot that was open when it was assigned keeps the rest of its keys, and is opened.
func TestRestOfAMoveIsImported(t *testing.T) {
	n, s, old, m := taken(t, view{owns: threeSlots, migrating: map[slots.Slot]slots.NodeID{1: other}})
	find(s, old, m)
	n.want("do gossip.SetSlot")
	s.DropLost(time.Now().Add(time.Minute))
	if got := counts(n); got != [4]int{3, 3, 0, 3} {
		t.Errorf("%v keys", got)
	}
}
