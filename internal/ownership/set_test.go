package ownership

import (
	"errors"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// The replicas know of an open slot before it is open, and of one that is closed after.
func TestReplicasKnowBeforeASlotOpens(t *testing.T) {
	n, s := newNode(t, view{owns: map[slots.NodeID][]slots.Slot{me: {1, 2}, other: {3}}})
	n.promised = 2
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	must(s.Set(t.Context(), slots.NewSet(1, 2), gossip.SlotMigrating, other))
	n.want("open departures of 1-2", "2 replicas know of [1 2] []", "do gossip.SetSlots")
	must(s.Set(t.Context(), slots.NewSet(3), gossip.SlotImporting, other))
	n.want("0 replicas know of [] [3]", "do gossip.SetSlots")
	must(s.Set(t.Context(), slots.NewSet(3), gossip.SlotNode, me))
	n.want("do gossip.SetSlots", "0 replicas know of [] []")
}

// Of slots that are open already, departures are counted on.
func TestOpenSlotsKeepTheirDepartures(t *testing.T) {
	n, s := newNode(t, view{owns: map[slots.NodeID][]slots.Slot{me: {1, 2}},
		migrating: map[slots.Slot]slots.NodeID{1: other}})
	if err := s.Set(t.Context(), slots.NewSet(1, 2), gossip.SlotMigrating, other); err != nil {
		t.Error(err)
	}
	n.want("open departures of 2", "0 replicas know of [1 2] []", "do gossip.SetSlots")
}

// A change that is refused, or that the replicas do not learn of, leaves nothing open at
// them, and the error says what is in force.
func TestFailedChangeOfSlots(t *testing.T) {
	late := errors.New("too late")
	for _, c := range []struct {
		name         string
		state        gossip.SlotState
		deaf, refuse error
		want         string // the error
		done         bool   // gossip was asked
	}{
		{"open, deaf", gossip.SlotMigrating, late, nil, "slots 1 have not been opened: too late", false},
		{"open, refused", gossip.SlotMigrating, nil, late, "too late", true},
		{"close, deaf", gossip.SlotStable, late, nil, "the change of slots 1 is in force, but: too late", true},
		{"close, refused", gossip.SlotStable, nil, late, "too late", true},
	} {
		n, s := newNode(t, view{owns: map[slots.NodeID][]slots.Slot{me: {1}}})
		n.deaf, n.refuse = c.deaf, c.refuse
		err := s.Set(t.Context(), slots.NewSet(1), c.state, other)
		asked := strings.Contains(strings.Join(n.story, " "), "do ")
		if !errors.Is(err, late) || err.Error() != c.want || asked != c.done || len(n.metadata[MetadataOpen]) > 0 {
			t.Errorf("%s: %v, %q, metadata %x", c.name, err, n.story, n.metadata[MetadataOpen])
		}
	}
}

// A node that gave its last slot away is a replica, whose replicas follow another node.
func TestLastSlotGivenAway(t *testing.T) {
	n, s := newNode(t, view{owns: map[slots.NodeID][]slots.Slot{me: {1}}})
	n.deaf = errors.New("demoted")
	n.onDo = func() { n.m = view{owns: map[slots.NodeID][]slots.Slot{other: {1}}, master: other}.build(t) }
	if err := s.Set(t.Context(), slots.NewSet(1), gossip.SlotNode, other); err != nil {
		t.Error(err)
	}
}

// Two changes at the same time do not hide each other's slots, and one that ends leaves
// the other's.
func TestChangesOfSlotsAtTheSameTime(t *testing.T) {
	n, s := newNode(t, view{owns: map[slots.NodeID][]slots.Slot{me: {1, 2}, other: {3}}})
	one, two := slots.NewSet(1), slots.NewSet(3)
	endOne := s.publishOpen(&one, gossip.SlotMigrating, other)
	endTwo := s.publishOpen(&two, gossip.SlotImporting, other)
	open := func() (migrating, importing int) {
		o := s.OpenAtMaster()
		return len(o.Migrating), len(o.Importing)
	}
	if m, i := open(); m != 1 || i != 1 {
		t.Errorf("%d and %d slots are open", m, i)
	}
	endOne()
	if m, i := open(); m != 0 || i != 1 {
		t.Errorf("%d and %d slots are open after the first", m, i)
	}
	endTwo()
	if len(n.metadata[MetadataOpen]) != 0 {
		t.Errorf("metadata %x is left", n.metadata[MetadataOpen])
	}
}

// ReplicateOpen writes when the open slots have changed, or the node has become a master.
func TestReplicateOpen(t *testing.T) {
	owns := map[slots.NodeID][]slots.Slot{me: {1, 2}, other: {3}, third: {4}}
	plain := view{owns: owns}
	open := view{owns: owns, migrating: map[slots.Slot]slots.NodeID{1: other}}
	elsewhere := view{owns: owns, migrating: map[slots.Slot]slots.NodeID{1: third}}
	ceded := view{owns: owns, ceded: []slots.Slot{4}}
	replica := view{owns: map[slots.NodeID][]slots.Slot{other: {3}}, master: other}
	for _, c := range []struct {
		name string
		old  *view
		now  view
		want int
	}{
		{"at the start", nil, plain, 1},
		{"nothing open", &plain, plain, 0},
		{"opened", &plain, open, 1},
		{"the same", &open, open, 0},
		{"to another node", &open, elsewhere, 1},
		{"ceded", &plain, ceded, 1},
		{"promoted", &replica, plain, 1},
		{"replica", &plain, replica, 0},
	} {
		n, s := newNode(t, c.now)
		var old *slots.Map
		if c.old != nil {
			old = c.old.build(t)
		}
		if s.ReplicateOpen(old, n.m); n.noted != c.want {
			t.Errorf("%s: metadata was put %d times, want %d", c.name, n.noted, c.want)
		}
	}
}
