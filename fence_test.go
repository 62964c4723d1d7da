package slotmesh_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// A master that comes back before anybody missed it, without its data, must not make its
// replica throw away the only copy.
func TestRestartWithoutDataLosesNothing(t *testing.T) {
	for _, c := range []struct {
		name              string
		masters, replicas int
		save              bool          // a snapshot was written before half of the keys
		away              time.Duration // how long nobody can succeed it
	}{
		{"no snapshot", 3, 1, false, 0},
		{"an old snapshot", 3, 1, true, 0},
		{"one of two masters", 2, 1, true, 0},
		{"one of two masters with two replicas each", 2, 2, true, 3 * time.Second},
		{"one of two masters, an hour away", 2, 1, true, time.Hour},
		{"the only master", 1, 2, true, 0},
		{"the only master, an hour away", 1, 2, false, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cluster := clustertest.Start(t, clustertest.Config{Masters: c.masters, Replicas: c.replicas, WithoutFailover: true})
				keys := e2e.WriteKeys(t, cluster, 300)
				e2e.WaitSynced(t, cluster)
				if c.save {
					if err := cluster.Node(0).Save(t.Context()); err != nil {
						t.Fatal(err)
					}
					for _, key := range keys {
						owner, _ := e2e.OwnerOf(cluster, key)
						if err := owner.Local().Set(t.Context(), key, []byte(key), 0); err != nil {
							t.Fatal(err)
						}
					}
				}
				time.Sleep(time.Second)
				cluster.Kill(0)
				time.Sleep(c.away)
				back := time.Now()
				cluster.Restart(0)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := cluster.Node(0).WaitMap(ctx, func(m *slots.Map) bool {
					master := m.Node(m.Self().Master)
					return master != nil && master.HasSlots() && m.State() == slots.OK
				}); err != nil {
					t.Fatal(err)
				}
				// Votes come at once, or a second later if a request met the restart.
				if took := time.Since(back); took > 2*time.Second {
					t.Errorf("a replica took over after %v: the old master need not be missed for that", took)
				}
				cluster.WaitStable()
				if got := e2e.CountKeys(t, cluster, keys); got != len(keys) {
					t.Errorf("%d of %d keys are left", got, len(keys))
				}
				if err := cluster.Node(0).WaitSynced(ctx); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A master that comes back with all its data keeps its place, and its replica goes on
// without a full sync.
func TestRestartWithDataStaysMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		keys := e2e.WriteKeys(t, cluster, 300)
		e2e.WaitSynced(t, cluster)
		time.Sleep(time.Second)
		if err := cluster.Node(0).Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		cluster.Kill(0) // a master that is stopped in order hands over before
		cluster.Restart(0)
		began := time.Now()
		serves := func(m *slots.Map) bool { return m.State() == slots.OK }
		if err := cluster.Node(0).WaitMap(t.Context(), serves); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2100*time.Millisecond {
			t.Errorf("it serves again after %v", took)
		}
		cluster.WaitStable()
		if !cluster.Node(0).Map().Self().IsMaster() {
			t.Error("its replica took over")
		}
		if got := e2e.CountKeys(t, cluster, keys); got != len(keys) {
			t.Errorf("%d of %d keys are left", got, len(keys))
		}
	})
}

// A replica that does not answer delays the start of its master by T, not for ever.
func TestRestartWithoutReplicaServesAfterT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const T = 15 * time.Second
		cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: T})
		e2e.WaitSynced(t, cluster)
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

// A master that starts with an old snapshot, and whose replica with the rest dies too,
// serves what it has again within 2T. It says what it may lack, once, and ranks above the
// replica's data from then on.
func TestRestartWithoutItsReplica(t *testing.T) {
	for masters := 1; masters <= 3; masters++ {
		t.Run(fmt.Sprintf("%d masters", masters), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const T = 5 * time.Second
				var heard witness
				cluster := clustertest.Start(t, clustertest.Config{Masters: masters, Replicas: 1, NodeTimeout: T,
					WithoutFailover: true, Node: func(i int, cfg *slotmesh.Config) {
						if i == 0 {
							cfg.Logger = hclog.New(&hclog.LoggerOptions{Output: &heard})
						}
					}, Prepare: func(i int, n *slotmesh.Node) {
						if i == 0 {
							e2e.Watch(n, heard.event)
						}
					}})
				if err := cluster.Node(0).Save(t.Context()); err != nil {
					t.Fatal(err)
				}
				keys := e2e.WriteKeys(t, cluster, 300)
				e2e.WaitSynced(t, cluster)
				replica := cluster.Node(masters).ID()
				cluster.Kill(0)
				before := slotmesh.Standing(cluster.Node(masters))
				cluster.Kill(masters)
				cluster.Restart(0)
				began := time.Now()
				e2e.Await(t, cluster, 0, e2e.Serves)
				if took := time.Since(began); took > 2*T {
					t.Errorf("it serves again after %v", took)
				}
				if after := slotmesh.Standing(cluster.Node(0)); after.Term <= before.Term {
					t.Errorf("it goes on in term %d, the replica's data is of term %d", after.Term, before.Term)
				}
				time.Sleep(10 * T)
				e, log := heard.wait()
				if e.On || e.Epoch == 0 || len(e.Lacks) != 1 || e.Lacks[0].Replica != replica {
					t.Errorf("it said %+v", e)
				}
				if strings.Count(log, "going on without having heard") != 1 {
					t.Errorf("its log is\n%s", log)
				}
				cluster.Restart(masters)
				cluster.WaitStable()
				if got := e2e.CountKeys(t, cluster, keys); got == len(keys) && masters == 1 {
					t.Error("nothing was lost: this is no test")
				}
			})
		})
	}
}

// witness hears what a node says.
type witness struct {
	mu    sync.Mutex // guards all below
	log   strings.Builder
	fence gossip.Fenced
}

func (w *witness) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *witness) event(e slotmesh.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f, ok := e.(gossip.Fenced); ok {
		w.fence = f
	}
}

// wait returns the last news of a fence, and the log.
func (w *witness) wait() (gossip.Fenced, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fence, w.log.String()
}
