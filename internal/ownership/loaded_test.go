package ownership

import (
	"errors"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// A snapshot's keys of others' slots are dropped, those of nobody's make it this node's.
func TestClaimLoaded(t *testing.T) {
	n, s := newNode(t, view{
		owns:      map[slots.NodeID][]slots.Slot{me: {0}, other: {1, 2, 4}},
		importing: map[slots.Slot]slots.NodeID{2: other},
	})
	for slot := range slots.Slot(4) {
		n.fill(slot, 1)
	}
	n.fill(4, 1)
	n.claimed = slots.NewSet(4)
	if err := s.ClaimLoaded(); err != nil {
		t.Error(err)
	}
	n.want("do gossip.AddSlots")
	if got := counts(n); got != [4]int{1, 0, 1, 1} || n.store.Count(4) != 1 {
		t.Errorf("%v and %d keys", got, n.store.Count(4))
	}
	n.refuse = errors.New("taken")
	if err := s.ClaimLoaded(); !errors.Is(err, n.refuse) {
		t.Error(err)
	}
}

// A replica's slots are its master's business.
func TestReplicaClaimsNothing(t *testing.T) {
	n, s := newNode(t, view{owns: map[slots.NodeID][]slots.Slot{other: {1}}, master: other})
	n.fill(1, 1)
	n.fill(2, 1)
	if err := s.ClaimLoaded(); err != nil || n.store.Len() != 2 {
		t.Errorf("%v, %d keys", err, n.store.Len())
	}
	n.want()
}

// Keys of a slot that is coming are kept if the snapshot had it open.
func TestDropStaleImports(t *testing.T) {
	n, s := newNode(t, view{owns: map[slots.NodeID][]slots.Slot{other: {0, 1, 2, 3}}})
	for slot := range slots.Slot(4) {
		n.fill(slot, 1)
	}
	s.DropStaleImports(OpenSlots{Importing: slotsAt(1, 2), Migrating: slotsAt(2, 2)}, slots.NewSet(0, 1, 2))
	if got := counts(n); got != [4]int{0, 1, 1, 1} {
		t.Errorf("%v keys", got)
	}
}
