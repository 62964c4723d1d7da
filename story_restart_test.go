package slotmesh_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// A whole shard dies, and comes back from snapshots: of node 3 with half of the keys, of
// node 6 with all. The master, node 0, has saved none. What a snapshot holds counts from
// the start, so the replica with more of it succeeds, and nobody takes the place of its
// data with less.
func TestShardRestartsFromSnapshots(t *testing.T) {
	for _, c := range []struct {
		name   string
		master bool // comes back
	}{{"the master is lost", false}, {"the master is empty", true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 2, Node: func(_ int, cfg *slotmesh.Config) {
					cfg.Replication.Validity = -1 // however long ago a replica heard its master
				}})
				for _, i := range []int{3, 6} {
					e2e.WriteKeys(t, cluster, 300*i)
					time.Sleep(time.Second)
					if err := cluster.Node(i).Save(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				want := cluster.Node(6).Stats().Store.Keys
				for _, i := range []int{0, 3, 6} {
					cluster.Kill(i)
				}
				cluster.Restart(3)
				cluster.Restart(6)
				if c.master {
					cluster.Restart(0)
				}
				e2e.Await(t, cluster, 6, e2e.Leads)
				time.Sleep(time.Second)
				if c.master {
					cluster.WaitStable()
				}
				for _, i := range []int{3, 6} {
					if err := cluster.Node(i).WaitSynced(t.Context()); err != nil {
						t.Fatal(err)
					}
					if got := cluster.Node(i).Stats().Store.Keys; got != want {
						t.Errorf("node %d holds %d keys, want %d", i, got, want)
					}
				}
			})
		})
	}
}

// What a snapshot holds of another shard counts no more after a restart than it did
// before: a replica moves, and dies before its first sync. Once its snapshot is of the
// new shard, it counts.
func TestRestartOfAReplicaThatMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		e2e.WriteKeys(t, c, 300)
		time.Sleep(time.Second)
		restart := func() replicator.Standing {
			c.Kill(3)
			c.Restart(3)
			e2e.Await(t, c, 3, e2e.Follows)
			return slotmesh.Standing(c.Node(3))
		}
		save := func() {
			if err := c.Node(3).Save(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		save()
		c.Partition([]int{3}, []int{0, 1})
		if restart().Missing {
			t.Error("a snapshot of its own shard does not count")
		}
		if err := c.Node(3).Replicate(t.Context(), c.Node(1).ID()); err != nil {
			t.Fatal(err)
		}
		if !slotmesh.Standing(c.Node(3)).Missing || !restart().Missing {
			t.Error("a replica from elsewhere counts")
		}
		save() // still of the old shard
		if !restart().Missing {
			t.Error("a replica from elsewhere that saved its old data counts")
		}
		c.Heal()
		if err := c.Node(3).WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
		save()
		c.Partition([]int{3}, []int{0, 1})
		if restart().Missing {
			t.Error("a snapshot of the new shard does not count")
		}
	})
}

// A snapshot of a replica counts also under a master that succeeded the one it was
// written under.
func TestRestartUnderASuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 2})
		e2e.WriteKeys(t, c, 300)
		time.Sleep(time.Second)
		if err := c.Node(3).Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Node(6).Failover(t.Context(), gossip.FailoverDefault); err != nil {
			t.Fatal(err)
		}
		successor := c.Node(6).ID()
		e2e.Await(t, c, 3, func(m *slots.Map) bool { return m.Self().Master == successor })
		time.Sleep(time.Second)
		c.Kill(3)
		c.Partition([]int{3}, []int{0, 6})
		c.Restart(3)
		if slotmesh.Standing(c.Node(3)).Missing {
			t.Error("a snapshot of its own shard does not count")
		}
	})
}
