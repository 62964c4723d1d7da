package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// Masters die together, as many as leave a majority: each is succeeded, one after the
// other within a second.
func TestMinorityOfMastersDiesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 5, Replicas: 1})
		keys := e2e.WriteKeys(t, c, 500)
		time.Sleep(time.Second)
		c.Kill(0)
		c.Kill(1)
		for _, successor := range []int{5, 6} {
			if took := e2e.Await(t, c, successor, func(m *slots.Map) bool { return m.Self().IsMaster() }); took > e2e.Timeout+
				600*time.Millisecond {
				t.Errorf("node %d took over after %v", successor, took)
			}
		}
		c.WaitStable()
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A majority of the masters dies: nobody may take over, and the rest stops to serve.
func TestMajorityOfMastersDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		c.Kill(0)
		c.Kill(1)
		if took := e2e.Await(t, c, 2, e2e.IsDown); took > e2e.Timeout+200*time.Millisecond {
			t.Errorf("the last master stops after %v", took)
		}
		time.Sleep(5 * e2e.Timeout) // after ten their data would be too old (docs/spec.md §6.2)
		for _, i := range []int{3, 4} {
			if c.Node(i).Map().Self().IsMaster() {
				t.Errorf("node %d took over without a majority", i)
			}
		}
		c.Restart(0) // one comes back: a majority again
		e2e.Await(t, c, 2, e2e.Serves)
		e2e.Await(t, c, 4, e2e.Leads)
	})
}

// The successor dies too, and the next replica succeeds it.
func TestSuccessorDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 2})
		keys := e2e.WriteKeys(t, c, 300)
		time.Sleep(time.Second)
		c.Kill(0)
		master := func(i int) bool { return c.Node(i).Map().Self().IsMaster() }
		e2e.Await(t, c, 3, func(m *slots.Map) bool {
			return m.Self().IsMaster() || m.Node(m.Self().Master).HasSlots() &&
				master(6)
		})
		successor, next := 3, 6
		if master(6) {
			successor, next = 6, 3
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		follows := func(m *slots.Map) bool { return m.Self().Master == c.Node(successor).ID() }
		if err := c.Node(next).WaitMap(ctx, follows); err != nil {
			t.Fatal(err)
		}
		if err := c.Node(next).WaitSynced(ctx); err != nil {
			t.Fatal(err)
		}
		c.Kill(successor)
		if took := e2e.Await(t, c, next, e2e.Leads); took > e2e.Timeout+600*time.Millisecond {
			t.Errorf("the second successor took over after %v", took)
		}
		time.Sleep(time.Second)
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A master and its replica are cut off from the rest: they stop to serve in time and do
// not elect anybody. When they are back, all goes on with the same masters.
func TestMinorityWithMasterAndReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		keys := e2e.WriteKeys(t, c, 300)
		epoch := c.Node(0).Map().CurrentEpoch()
		c.Partition([]int{0, 3}, []int{1, 2, 4, 5})
		if took := e2e.Await(t, c, 0, e2e.IsDown); took > e2e.Timeout+e2e.Timeout/2+time.Second {
			t.Errorf("the minority serves for another %v", took)
		}
		time.Sleep(5 * e2e.Timeout)
		if m := c.Node(1).Map(); e2e.Serves(m) {
			t.Error("the majority says that it serves all slots")
		}
		c.Heal()
		c.WaitStable()
		if m := c.Node(0).Map(); !e2e.Leads(m) || m.CurrentEpoch() != epoch {
			t.Errorf("there was an election: epoch %d, was %d", m.CurrentEpoch(), epoch)
		}
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A replica alone in the dark stays one, and comes back without a full sync.
func TestReplicaAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full [6]atomic.Int32 // full syncs of each node; they tell of them on goroutines of their own
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, Prepare: func(i int, n *slotmesh.Node) {
			e2e.Watch(n, func(e slotmesh.Event) {
				if s, ok := e.(replication.Synced); ok && s.Full {
					full[i].Add(1)
				}
			})
		}})
		before := full[3].Load()
		c.Partition([]int{3}, []int{0, 1, 2, 4, 5})
		time.Sleep(10 * e2e.Timeout)
		if m := c.Node(3).Map(); m.Self().IsMaster() || e2e.Serves(m) {
			t.Error("the replica alone serves, or believes to be a master")
		}
		keys := e2e.WriteKeys(t, c, 300)
		c.Heal()
		c.WaitStable()
		e2e.WaitSynced(t, c)
		if now := full[3].Load(); now != before {
			t.Errorf("it took %d full syncs to come back", now-before)
		}
		if err := c.Node(3).Failover(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys at the former replica", got, len(keys))
		}
	})
}

// A master is cut off with its clients, which go on to write. Its replica takes over; the
// old master stops in time, and follows when it is back, without what nobody else has.
// With Sync it acknowledges nothing meanwhile.
func TestMasterCutOffWithItsClients(t *testing.T) {
	for _, k := range []int{0, 1} {
		t.Run(fmt.Sprint("Sync ", k), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1,
					Node: func(_ int, cfg *slotmesh.Config) { cfg.Replication.Sync = k }})
				old := c.Node(0)
				key := e2e.KeyOf(old)
				if err := old.Local().Set(t.Context(), key, []byte("before"), 0); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				c.Partition([]int{0}, []int{1, 2, 3, 4, 5})
				cut := time.Now()
				err := old.Local().Set(t.Context(), key, []byte("in the dark"), 0)
				if k == 0 && err != nil || k > 0 && !errors.Is(err, replicator.ErrAmbiguous) {
					t.Errorf("the write in the dark: %v", err)
				}
				e2e.Await(t, c, 0, e2e.IsDown)
				stopped := time.Since(cut)
				if stopped > e2e.Timeout+e2e.Timeout/2+time.Second {
					t.Errorf("the old master serves for %v", stopped)
				}
				if err := old.Local().Set(t.Context(), key, []byte("later"), 0); !errors.Is(err, slots.ErrClusterDown) {
					t.Errorf("a write after it stopped: %v", err)
				}
				e2e.Await(t, c, 3, e2e.Leads)
				successor := c.Node(3)
				if got, err := successor.Local().Get(t.Context(), key); err != nil || string(got) != "before" {
					t.Errorf("at the successor: %q, %v", got, err)
				}
				if k == 0 {
					if err := successor.Local().Set(t.Context(), key, []byte("after"), 0); err != nil {
						t.Error(err)
					}
				}
				c.Heal()
				c.WaitStable()
				e2e.WaitSynced(t, c)
				time.Sleep(e2e.Timeout) // a link to its master may come after the news of it
				if err := old.Failover(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				want := map[int]string{0: "after", 1: "before"}[k]
				if got, err := old.Local().Get(t.Context(), key); err != nil || string(got) != want {
					t.Errorf("at the old master, when it is one again: %q, %v; want %q", got, err, want)
				}
			})
		})
	}
}

// Of two replicas one is in the middle of a full sync when the master dies: the other
// succeeds.
func TestFailoverDuringFullSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 2})
		keys := e2e.WriteKeys(t, c, 3000)
		time.Sleep(time.Second)
		c.Kill(3) // loses all it had
		time.Sleep(time.Second)
		c.DelayBetween(0, 3, 2*time.Second) // so that its full sync takes a while
		c.Restart(3)
		e2e.Await(t, c, 3, e2e.Follows)
		time.Sleep(time.Second)
		c.Kill(0)
		if took := e2e.Await(t, c, 6, e2e.Leads); took > e2e.Timeout+e2e.Timeout/2+time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Second)
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A replica that was started a moment ago serves as soon as it is elected: the wait after
// a start is for those who do not know whether their slots are still theirs.
func TestFreshSuccessorServesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const T = 500 * time.Millisecond
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: T})
		e2e.WaitSynced(t, c)
		time.Sleep(time.Minute)
		c.Restart(3)
		c.WaitStable()
		e2e.WaitSynced(t, c)
		time.Sleep(200 * time.Millisecond)
		c.Kill(0)
		if took := e2e.Await(t, c, 3, e2e.Leads); took > T+300*time.Millisecond {
			t.Errorf("it serves after %v", took)
		}
	})
}
