package slotmesh_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// A whole shard dies, and comes back from snapshots: of node 3 with half of the keys, of node 6 with all. The
// master, node 0, has saved none. What a snapshot holds counts from the start, so the replica with more of it
// succeeds, and nobody takes the place of its data with less.
func TestShardRestartsFromSnapshots(t *testing.T) {
	for _, c := range []struct {
		name   string
		master bool // comes back
	}{{"the master is lost", false}, {"the master is empty", true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster := shard(t, clustertest.Config{Masters: 3, Replicas: 2, Node: func(_ int, cfg *slotmesh.Config) {
					cfg.Replication.Validity = -1 // however long ago a replica heard its master
				}})
				for _, i := range []int{3, 6} {
					write(t, cluster, 300*i)
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
				becomes(t, cluster, 6, leads)
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
