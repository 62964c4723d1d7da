package replication

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/slots"
)

// An address that another node has now, or a node that joined another cluster, must not become the source of
// a replica's data.
func TestWrongMasterRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		master.set("k", "other")
		replica.set("k", "own")
		refusal := func() string {
			for e := range replica.events {
				if lost, ok := e.(LinkLost); ok {
					return lost.Err.Error()
				}
			}
			return ""
		}
		var cluster atomic.Pointer[[16]byte]
		cluster.Store(new([16]byte))
		replica.cfg.Cluster = func() [16]byte { return *cluster.Load() }
		gone := slots.Node{ID: slots.NodeID{9}, Addr: master.node().Addr}
		if err := replica.Follow(gone); err != nil {
			t.Fatal(err)
		}
		if got := refusal(); !strings.Contains(got, "not at this address") {
			t.Errorf("another node at the address: %s", got)
		}
		cluster.Store(&[16]byte{1})
		replica.follow(master)
		if got := refusal(); !strings.Contains(got, "another cluster") {
			t.Errorf("a node of another cluster: %s", got)
		}
		if got := replica.get("k"); got != "own" {
			t.Errorf("the replica's data is now %q", got)
		}
	})
}

// A node has another id after CLUSTER RESET HARD, and is a master under that one.
func TestMasterWithANewID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		master.id = slots.NodeID{3}
		master.set("k", "v")
		replica.follow(master)
		replica.reach(master)
	})
}

// A process that was thought to be dead must not take the place of the one that was started since.
func TestEarlierIncarnationIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, late, now := tn.node(1), tn.node(2), tn.node(3)
		defer master.stop()
		defer late.stop()
		defer now.stop()
		now.id, now.incarnation = late.id, 1
		now.follow(master)
		now.synced()
		late.follow(master)
		var refusal error
		for refusal == nil {
			if lost, ok := (<-late.events).(LinkLost); ok {
				refusal = lost.Err
			}
		}
		if !strings.Contains(refusal.Error(), "started anew") {
			t.Errorf("refused with: %v", refusal)
		}
		if _, left := last[ReplicaLeft](master); left || len(master.Status().Replicas) != 1 {
			t.Errorf("the master serves %+v", master.Status().Replicas)
		}
		late.incarnation = 2 // and the other way round
		late.synced()
		if _, left := last[ReplicaLeft](master); !left {
			t.Error("the earlier one kept its place")
		}
	})
}

// What a snapshot holds counts from the start on for a replica, and for nobody whose master may have diverged.
func TestResumedReplicaStandsWhereItsSnapshotDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		resumed, demoted := tn.node(1), tn.node(2)
		defer resumed.stop()
		defer demoted.stop()
		gone := slots.Node{ID: slots.NodeID{9}}
		for _, x := range []*testNode{resumed, demoted} {
			x.log.restore(History{ID: ID{1}, Offset: 700})
		}
		resumed.Resume(gone)
		demoted.Follow(gone)
		if a, b := resumed.Offset(), demoted.Offset(); a != 700 || b != 0 {
			t.Errorf("the replica that starts again stands at %d, the demoted master at %d; want 700 and 0", a, b)
		}
	})
}
