package gossip

import (
	"errors"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// What a founder is becomes durable in one step, and the same command again does nothing.
func TestFoundCluster(t *testing.T) {
	s := newSim(t, 1, 1, 2*time.Second)
	n := s.nodes[0]
	found := FoundCluster{ClusterID{7}, 3, setOf(100, 199)}
	if err := n.core.Do(s.now, found); err != nil {
		t.Fatal(err)
	}
	st := n.core.Output().Save
	if st == nil || st.Cluster != found.Cluster || st.CurrentEpoch != 3 || st.Nodes[0].ConfigEpoch != 3 ||
		*st.Nodes[0].Slots != found.Slots {
		t.Fatalf("saved: %+v", st)
	}
	if err := n.core.Do(s.now, found); err != nil || n.core.Output().Save != nil {
		t.Errorf("again: %v, or it was saved again", err)
	}
	if err := n.core.Do(s.now, FoundCluster{Cluster: ClusterID{8}}); !errors.Is(err, ErrFounded) {
		t.Errorf("another cluster: %v", err)
	}
}

// A node that has a history founds nothing, and stays as it is.
func TestFoundClusterNeedsFreshNode(t *testing.T) {
	for name, prepare := range map[string]func(s *sim){
		"slots": func(s *sim) { s.own(0, setOf(1, 2)) },
		"epoch": func(s *sim) { s.nodes[0].must(SetConfigEpoch{1}) },
		"peers": func(s *sim) { s.join(0, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSim(t, 1, 2, 2*time.Second)
			prepare(s)
			core := s.nodes[0].core
			before := core.State()
			if err := s.nodes[0].do(FoundCluster{ClusterID{7}, 1, setOf(5, 6)}); !errors.Is(err, ErrFounded) {
				t.Fatalf("%v", err)
			}
			if after := core.State(); after.Cluster != before.Cluster || after.Nodes[0].Seq != before.Nodes[0].Seq {
				t.Errorf("it changed: %+v, was %+v", after, before)
			}
		})
	}
	s := newSim(t, 1, 1, 2*time.Second)
	if err := s.nodes[0].do(FoundCluster{Slots: setOf(1, 2)}); err == nil {
		t.Error("a cluster without an id")
	}
	if err := s.nodes[0].do(FoundCluster{ClusterID{7}, maxCounter + 1, slots.Set{}}); !errors.Is(err, ErrInvalidEpoch) {
		t.Errorf("an epoch beyond all: %v", err)
	}
}

// A node that a founder has met before it did its own part does that still, unless others
// have its slots by then.
func TestFoundClusterAfterMeet(t *testing.T) {
	s := newSim(t, 3, 2, 2*time.Second)
	id := ClusterID{7}
	s.nodes[0].must(FoundCluster{id, 1, setOf(0, 99)})
	s.nodes[0].must(MeetNode{s.nodes[1].addr})
	s.until(5*time.Second, "one cluster", func() bool { return converged(s.nodes) })
	if err := s.nodes[1].do(FoundCluster{id, 2, setOf(50, 150)}); !errors.Is(err, ErrFounded) {
		t.Errorf("slots of another: %v", err)
	}
	s.nodes[1].must(FoundCluster{id, 2, setOf(100, 199)})
	s.until(5*time.Second, "its slots", func() bool { return s.owner(150) == s.nodes[1] })
	s.nodes[1].must(DelSlots{setOf(100, 199)})
	s.nodes[1].must(FoundCluster{id, 2, setOf(100, 199)})
	if s.owner(150) != nil {
		t.Error("a founder claims again what it gave up")
	}
}

// Founders know what each of them is before they meet: none changes its epoch, its slots or
// the id, in whatever order and however late they meet; a replica founds without slots.
func TestFoundersMeet(t *testing.T) {
	s := newSim(t, 3, 4, 2*time.Second)
	id := ClusterID{7}
	for i, r := range slots.Even(3) {
		s.nodes[i].must(FoundCluster{id, uint64(i + 1), setOf(r.First, r.Last)})
	}
	s.nodes[3].must(FoundCluster{Cluster: id})
	s.nodes[2].must(MeetNode{s.nodes[3].addr})
	s.run(3 * time.Second)
	s.nodes[0].must(MeetNode{s.nodes[1].addr})
	s.run(3 * time.Second)
	s.nodes[1].must(MeetNode{s.nodes[3].addr})
	s.until(5*time.Second, "one cluster", func() bool { return converged(s.nodes) })
	for i, n := range s.nodes {
		epoch := uint64(i+1) % 4 // the replica has none
		if n.core.cluster != id || n.core.self.rec.ConfigEpoch != epoch {
			t.Errorf("node %d: cluster %x, epoch %d, want %d", i, n.core.cluster, n.core.self.rec.ConfigEpoch, epoch)
		}
	}
	if n := s.nodes[3].core.assigned.Len(); n != slots.Count {
		t.Errorf("%d slots are owned", n)
	}
}
