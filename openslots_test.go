package slotmesh_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// TestReplicasKnowOfOpenSlotsFirst: a slot is open only when the replicas know. From the
// first moment a client may be sent to the other end, and create a key there that a
// replica which was promoted without that knowledge would not look for.
func TestReplicasKnowOfOpenSlotsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		for _, n := range c.Nodes() {
			if err := n.WaitSynced(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second) // for the replicas to be known as good
		c.DelayBetween(0, 3, 100*time.Millisecond)
		c.DelayBetween(1, 4, 50*time.Millisecond)
		set := e2e.FirstSlots(c.Node(0), 1000)
		id, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID())
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- c.Node(0).WaitMigration(t.Context(), id) }()
		var was [2]slots.Set
		opened := 0
		for {
			for i := range was {
				open := *c.Node(i).Map().Open()
				now := open
				open.Subtract(&was[i])
				was[i] = now
				opened += open.Len()
				known := slotmesh.OpenAtMaster(c.Node(i + 3))
				if open.Subtract(&known); !open.Empty() {
					t.Fatalf("slots %s are open at node %d, and its replica does not know", open, i)
				}
			}
			select {
			case err := <-ended:
				if err != nil || opened < 1000 { // some may open and close unseen
					t.Errorf("%d slots were seen open: %v", opened, err)
				}
				time.Sleep(time.Second)
				for i := range 2 {
					if open := slotmesh.OpenAtMaster(c.Node(i + 3)); !open.Empty() {
						t.Errorf("the replica of node %d still takes slots %s for open", i, open)
					}
				}
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
}

// TestAStuckReplicaIsNamed: who opens or assigns a slot hears what became of it, and why.
func TestAStuckReplicaIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2, Replicas: 1, WithoutFailover: true})
		if err := c.Node(2).WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		key := e2e.KeyOf(c.Node(0))
		o := e2e.Operator{T: t, Cluster: c}
		slot := fmt.Sprint(slots.OfString(key))
		c.DelayBetween(0, 2, 5*time.Second)
		for line, what := range map[string]string{
			"CLUSTER SETSLOT " + slot + " MIGRATING " + c.Node(1).ID().String(): "slots " + slot + " have not been opened",
			"CLUSTER SETSLOT " + slot + " STABLE": "the change of slots " + slot +
				" is in force, but",
		} {
			o.Must(0, "SET "+key+" v") // for the replica to lag behind
			want := "ERR " + what + ": of 1 replicas 0 confirmed within 2s that they know; try again, and if one stays " +
				"behind (INFO replication), restart it: "
			if got := o.Do(0, line); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s", line, got)
			}
		}
	})
}

// TestRefusedSlotsAreNotOpenAtReplicas either.
func TestRefusedSlotsAreNotOpenAtReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2, Replicas: 1, WithoutFailover: true})
		mine := e2e.FirstSlots(c.Node(0), 3)
		if err := slotmesh.SetImporting(c.Node(0), t.Context(), mine, c.Node(1).ID()); err == nil {
			t.Error("a node imports its own slots")
		}
		time.Sleep(time.Second)
		if open := slotmesh.OpenAtMaster(c.Node(2)); !open.Empty() {
			t.Errorf("the replica takes slots %s for open", open)
		}
	})
}
