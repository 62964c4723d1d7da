package slotmesh_test

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
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// The stories of this file are told with T = 15 s, in fake time.
const storyT = 15 * time.Second

// shard starts a cluster whose replicas are in step, and settled: all that is worth
// saving is saved.
func shard(t *testing.T, cfg clustertest.Config) *clustertest.Cluster {
	t.Helper()
	cfg.NodeTimeout = storyT
	c := clustertest.Start(t, cfg)
	inStep(t, c)
	time.Sleep(time.Minute)
	return c
}

// becomes waits until node i sees what cond asks for, and returns how long that took.
func becomes(t *testing.T, c *clustertest.Cluster, i int, cond func(m *slots.Map) bool) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*storyT)
	defer cancel()
	if err := c.Node(i).WaitMap(ctx, cond); err != nil {
		t.Fatalf("node %d: %v", i, err)
	}
	return time.Since(began)
}

func serves(m *slots.Map) bool                { return m.State() == slots.OK }
func refuses(m *slots.Map) bool               { return m.State() == slots.Down }
func leads(m *slots.Map) bool                 { return m.Self().IsMaster() && m.Self().HasSlots() && serves(m) }
func follows(m *slots.Map) bool               { return !m.Self().IsMaster() }
func between(d, low, high time.Duration) bool { return d >= low && d <= high }

// Masters die together, as many as leave a majority: each is succeeded, one after the
// other within a second.
func TestMinorityOfMastersDiesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shard(t, clustertest.Config{Masters: 5, Replicas: 1})
		keys := write(t, c, 500)
		time.Sleep(time.Second)
		c.Kill(0)
		c.Kill(1)
		for _, successor := range []int{5, 6} {
			if took := becomes(t, c, successor, func(m *slots.Map) bool { return m.Self().IsMaster() }); took > storyT+
				600*time.Millisecond {
				t.Errorf("node %d took over after %v", successor, took)
			}
		}
		c.WaitStable()
		if got := all(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A majority of the masters dies: nobody may take over, and the rest stops to serve.
func TestMajorityOfMastersDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shard(t, clustertest.Config{Masters: 3, Replicas: 1})
		c.Kill(0)
		c.Kill(1)
		if took := becomes(t, c, 2, refuses); took > storyT+200*time.Millisecond {
			t.Errorf("the last master stops after %v", took)
		}
		time.Sleep(5 * storyT) // after ten their data would be too old (docs/spec.md §6.2)
		for _, i := range []int{3, 4} {
			if c.Node(i).Map().Self().IsMaster() {
				t.Errorf("node %d took over without a majority", i)
			}
		}
		c.Restart(0) // one comes back: a majority again
		becomes(t, c, 2, serves)
		becomes(t, c, 4, leads)
	})
}

// The successor dies too, and the next replica succeeds it.
func TestSuccessorDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shard(t, clustertest.Config{Masters: 3, Replicas: 2})
		keys := write(t, c, 300)
		time.Sleep(time.Second)
		c.Kill(0)
		master := func(i int) bool { return c.Node(i).Map().Self().IsMaster() }
		becomes(t, c, 3, func(m *slots.Map) bool {
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
		if took := becomes(t, c, next, leads); took > storyT+600*time.Millisecond {
			t.Errorf("the second successor took over after %v", took)
		}
		time.Sleep(time.Second)
		if got := all(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A master and its replica are cut off from the rest: they stop to serve in time and do
// not elect anybody. When they are back, all goes on with the same masters.
func TestMinorityWithMasterAndReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := shard(t, clustertest.Config{Masters: 3, Replicas: 1})
		keys := write(t, c, 300)
		epoch := c.Node(0).Map().CurrentEpoch()
		c.Partition([]int{0, 3}, []int{1, 2, 4, 5})
		if took := becomes(t, c, 0, refuses); took > storyT+storyT/2+time.Second {
			t.Errorf("the minority serves for another %v", took)
		}
		time.Sleep(5 * storyT)
		if m := c.Node(1).Map(); serves(m) {
			t.Error("the majority says that it serves all slots")
		}
		c.Heal()
		c.WaitStable()
		if m := c.Node(0).Map(); !leads(m) || m.CurrentEpoch() != epoch {
			t.Errorf("there was an election: epoch %d, was %d", m.CurrentEpoch(), epoch)
		}
		if got := all(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A replica alone in the dark stays one, and comes back without a full sync.
func TestReplicaAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var full [6]atomic.Int32 // full syncs of each node; they tell of them on goroutines of their own
		c := shard(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(i int, cfg *slotmesh.Config) {
			events := cfg.OnEvent
			cfg.OnEvent = func(e slotmesh.Event) {
				events(e)
				if s, ok := e.(replication.Synced); ok && s.Full {
					full[i].Add(1)
				}
			}
		}})
		before := full[3].Load()
		c.Partition([]int{3}, []int{0, 1, 2, 4, 5})
		time.Sleep(10 * storyT)
		if m := c.Node(3).Map(); m.Self().IsMaster() || serves(m) {
			t.Error("the replica alone serves, or believes to be a master")
		}
		keys := write(t, c, 300)
		c.Heal()
		c.WaitStable()
		inStep(t, c)
		if now := full[3].Load(); now != before {
			t.Errorf("it took %d full syncs to come back", now-before)
		}
		if err := c.Node(3).Failover(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := all(t, c, keys); got != len(keys) {
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
				c := shard(t, clustertest.Config{Masters: 3, Replicas: 1,
					Node: func(_ int, cfg *slotmesh.Config) { cfg.Replication.Sync = k }})
				old := c.Node(0)
				key := keyOf(old)
				if err := old.Local().Set(t.Context(), key, []byte("before"), 0); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				c.Partition([]int{0}, []int{1, 2, 3, 4, 5})
				cut := time.Now()
				err := old.Local().Set(t.Context(), key, []byte("in the dark"), 0)
				if k == 0 && err != nil || k > 0 && !errors.Is(err, replication.ErrAmbiguous) {
					t.Errorf("the write in the dark: %v", err)
				}
				becomes(t, c, 0, refuses)
				stopped := time.Since(cut)
				if stopped > storyT+storyT/2+time.Second {
					t.Errorf("the old master serves for %v", stopped)
				}
				if err := old.Local().Set(t.Context(), key, []byte("later"), 0); !errors.Is(err, slots.ErrClusterDown) {
					t.Errorf("a write after it stopped: %v", err)
				}
				becomes(t, c, 3, leads)
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
				inStep(t, c)
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
		c := shard(t, clustertest.Config{Masters: 3, Replicas: 2})
		keys := write(t, c, 3000)
		time.Sleep(time.Second)
		c.Kill(3) // loses all it had
		time.Sleep(time.Second)
		c.DelayBetween(0, 3, 2*time.Second) // so that its full sync takes a while
		c.Restart(3)
		becomes(t, c, 3, follows)
		time.Sleep(time.Second)
		c.Kill(0)
		if took := becomes(t, c, 6, leads); took > storyT+storyT/2+time.Second {
			t.Errorf("it took %v", took)
		}
		time.Sleep(time.Second)
		if got := all(t, c, keys); got != len(keys) {
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
		inStep(t, c)
		time.Sleep(time.Minute)
		c.Restart(3)
		c.WaitStable()
		inStep(t, c)
		time.Sleep(200 * time.Millisecond)
		c.Kill(0)
		if took := becomes(t, c, 3, leads); took > T+300*time.Millisecond {
			t.Errorf("it serves after %v", took)
		}
	})
}
