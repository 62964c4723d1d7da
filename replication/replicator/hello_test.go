package replicator

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// An address that another node has now, or a node that joined another cluster, must not
// become the source of a replica's data.
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
				if lost, ok := e.(replication.LinkLost); ok {
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
		replica.connect(master)
	})
}

// A process that was thought to be dead must not take the place of the one that was
// started since.
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
			if lost, ok := (<-late.events).(replication.LinkLost); ok {
				refusal = lost.Err
			}
		}
		if !strings.Contains(refusal.Error(), "started anew") {
			t.Errorf("refused with: %v", refusal)
		}
		if _, left := last[replication.ReplicaLeft](master); left || len(master.Status().Replicas) != 1 {
			t.Errorf("the master serves %+v", master.Status().Replicas)
		}
		late.incarnation = 2 // and the other way round
		late.synced()
		synctest.Wait() // the master hangs up on the earlier one
		if _, left := last[replication.ReplicaLeft](master); !left {
			t.Error("the earlier one kept its place")
		}
	})
}

// What a node holds counts in elections from the start if it is of the shard, and not
// before the end of a full sync otherwise.
func TestStanding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, x := tn.node(1), tn.node(2)
		defer master.stop()
		defer x.stop()
		stands := func(when string, want Standing) {
			t.Helper()
			if got := x.Standing(); got != want {
				t.Errorf("%s: %+v, want %+v", when, got, want)
			}
		}
		gone := func(n byte) slots.Node {
			return slots.Node{ID: slots.NodeID{n}, Addr: slots.Addr{Host: "gone", BusPort: 1}}
		}
		x.log.restore(&replication.Snapshot{History: replication.History{ID: replication.ID{1}, Offset: 700, Term: 4}})
		x.Resume(gone(7))
		stands("started again with a snapshot", Standing{Term: 4, Offset: 700})
		x.Resume(gone(8))
		stands("its master was succeeded", Standing{Term: 4, Offset: 700})
		x.Follow(gone(9))
		stands("of another shard", Standing{Missing: true})
		x.Resume(gone(8))
		stands("whose master was succeeded before it answered", Standing{Missing: true})
		master.set("k", "v")
		x.follow(master)
		x.connect(master)
		held := Standing{Term: 1, Offset: master.Offset()}
		stands("synced", held)
		x.Promote(9)
		stands("promoted", Standing{Term: 9, Offset: held.Offset})
		x.Resume(gone(7))
		x.Promote(3)
		stands("promoted again, as if in an old term", Standing{Term: 10, Offset: held.Offset})
		x.Resume(gone(7))
		stands("succeeded", Standing{Term: 10, Offset: held.Offset})
		master.Follow(x.node())
		x.Promote(11)
		master.connect(x)
		if got := master.Standing(); got.Term != 11 {
			t.Errorf("a replica stands in term %d, its master in 11", got.Term)
		}
	})
}
