package slotmesh_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// A master that comes back before anybody missed it, without its data, must not make its replica
// throw away the only copy.
func TestRestartWithoutDataLosesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		save bool // a snapshot was written before half of the keys
	}{{"no snapshot", false}, {"an old snapshot", true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
				keys := write(t, cluster, 300)
				inStep(t, cluster)
				if c.save {
					if err := cluster.Node(0).Save(t.Context()); err != nil {
						t.Fatal(err)
					}
					for _, key := range keys {
						owner, _ := inCluster(cluster, key)
						if err := owner.Set(t.Context(), key, []byte(key), 0); err != nil {
							t.Fatal(err)
						}
					}
				}
				time.Sleep(time.Second)
				cluster.Kill(0)
				killed := time.Now()
				cluster.Restart(0)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				heir := cluster.Node(3)
				if err := heir.WaitMap(ctx, func(m *slots.Map) bool { return m.Self().IsMaster() && m.State() == slots.OK }); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(killed); took > time.Second {
					t.Errorf("the replica took over after %v: the old master need not be missed for that", took)
				}
				cluster.WaitStable()
				if got := all(t, cluster, keys); got != len(keys) {
					t.Errorf("%d of %d keys are left", got, len(keys))
				}
				if err := cluster.Node(0).WaitSynced(ctx); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A master that comes back with all its data keeps its place, and its replica goes on without a full sync.
func TestRestartWithDataStaysMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		keys := write(t, cluster, 300)
		inStep(t, cluster)
		time.Sleep(time.Second)
		if err := cluster.Node(0).Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		cluster.Kill(0) // a master that is stopped in order hands over before
		cluster.Restart(0)
		began := time.Now()
		cluster.WaitStable()
		if took := time.Since(began); took > 2100*time.Millisecond {
			t.Errorf("it serves again after %v", took)
		}
		if !cluster.Node(0).Map().Self().IsMaster() {
			t.Error("its replica took over")
		}
		if got := all(t, cluster, keys); got != len(keys) {
			t.Errorf("%d of %d keys are left", got, len(keys))
		}
	})
}

// A replica that does not answer delays the start of its master by T, not for ever.
func TestRestartWithoutReplicaServesAfterT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const T = 15 * time.Second
		cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: T})
		inStep(t, cluster)
		cluster.Kill(3)
		cluster.Kill(0)
		cluster.Restart(0)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := cluster.Node(0).WaitMap(ctx, func(m *slots.Map) bool { return m.State() == slots.OK }); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < T || took > T+500*time.Millisecond {
			t.Errorf("it serves after %v, want T", took)
		}
	})
}

// inStep returns when each replica holds its master's data.
func inStep(t *testing.T, c *clustertest.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, n := range c.Nodes() {
		if err := n.WaitSynced(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
