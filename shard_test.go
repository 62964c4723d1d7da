package slotmesh_test

import (
	"context"
	"errors"
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

func TestFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const T = 15 * time.Second
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		keys := e2e.WriteKeys(t, c, 300)
		time.Sleep(time.Minute)
		victim := c.Node(0).ID()
		c.Kill(0)
		killed := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		successor := c.Node(3)
		if err := successor.WaitMap(ctx, func(m *slots.Map) bool {
			return m.Self().IsMaster() &&
				m.State() == slots.OK
		}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(killed); took > T+T/2+600*time.Millisecond {
			t.Errorf("the replica took over after %v", took)
		}
		time.Sleep(time.Second) // the others hear of it
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys after the failover", got, len(keys))
		}
		// The old master comes back as a replica of its successor.
		c.Restart(0)
		c.WaitStable()
		old := c.Node(0)
		if old.ID() != victim || old.Map().Self().Master != successor.ID() {
			t.Errorf("the old master replicates %s, want %s", old.Map().Self().Master, successor.ID())
		}
		if err := old.WaitSynced(ctx); err != nil {
			t.Fatal(err)
		}
	})
}

func TestManualFailoverLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		keys := e2e.WriteKeys(t, c, 300)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for round := range 4 {
			successor := c.Node(3)
			if round%2 == 1 {
				successor = c.Node(0)
			}
			if err := successor.WaitSynced(ctx); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if err := successor.Failover(ctx, gossip.FailoverDefault); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("round %d took %v", round, took)
			}
			c.WaitStable()
			if got := e2e.CountKeys(t, c, keys); got != len(keys) {
				t.Errorf("round %d: %d of %d keys", round, got, len(keys))
			}
			keys = append(keys, e2e.WriteKeys(t, c, 300)...)
		}
		if err := c.Node(0).Failover(ctx, gossip.FailoverDefault); err != nil && !errors.Is(err, gossip.ErrNotReplica) {
			t.Errorf("%v", err)
		}
	})
}

// A replica that is reset gives up what was its master's, and can join again, as in Redis.
func TestResetReplicaIsEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Replicas: 1, WithoutFailover: true})
		keys := e2e.WriteKeys(t, c, 300)
		e2e.WaitSynced(t, c)
		time.Sleep(time.Second)
		master, replica := c.Node(0), c.Node(1)
		if got := replica.Stats().Store.Keys; got != len(keys) {
			t.Fatalf("the replica holds %d keys", got)
		}
		for round, hard := range []bool{false, true} {
			if err := replica.Reset(t.Context(), hard); err != nil {
				t.Fatal(err)
			}
			if m := replica.Map().Self(); !m.IsMaster() || replica.Stats().Store.Keys != 0 {
				t.Errorf("round %d: %d keys are left", round, replica.Stats().Store.Keys)
			}
			if err := replica.Meet(t.Context(), master.Addr()); err != nil {
				t.Fatal(err)
			}
			e2e.Await(t, c, 1, func(m *slots.Map) bool { return m.Node(master.ID()) != nil })
			if err := replica.Replicate(t.Context(), master.ID()); err != nil {
				t.Fatal(err)
			}
			if err := replica.WaitSynced(t.Context()); err != nil || replica.Stats().Store.Keys != len(keys) {
				t.Errorf("round %d: it holds %d keys, %v", round, replica.Stats().Store.Keys, err)
			}
		}
	})
}

// The snapshot of a replica that is reset goes too: a power cut afterwards would bring it
// back, and make it the keys of a lone node that claims their slots.
func TestResetReplicaStaysEmptyAfterAPowerCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Replicas: 1, WithoutFailover: true})
		e2e.WriteKeys(t, c, 300)
		e2e.WaitSynced(t, c)
		time.Sleep(time.Second)
		if err := c.Node(1).Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Node(1).Reset(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		c.Kill(1)
		c.Restart(1)
		if n := c.Node(1); n.Stats().Store.Keys != 0 || n.Map().Self().HasSlots() {
			t.Errorf("%d keys are back, and slots: %v", n.Stats().Store.Keys, n.Map().Self().HasSlots())
		}
	})
}

// A replica that was reset and comes back to its shard holds nothing of it, and does not
// count before its first sync.
func TestResetReplicaDoesNotCountWhenItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Replicas: 1, WithoutFailover: true})
		e2e.WriteKeys(t, c, 300)
		e2e.WaitSynced(t, c)
		time.Sleep(time.Second)
		master, replica := c.Node(0), c.Node(1)
		if err := replica.Reset(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if err := replica.Meet(t.Context(), master.Addr()); err != nil {
			t.Fatal(err)
		}
		e2e.Await(t, c, 1, func(m *slots.Map) bool { return m.Node(master.ID()) != nil })
		c.Partition([]int{0}, []int{1})
		if err := replica.Replicate(t.Context(), master.ID()); err != nil {
			t.Fatal(err)
		}
		if s := slotmesh.Standing(replica); !s.Missing {
			t.Errorf("it stands at %+v without a key", s)
		}
		c.Heal()
		if err := replica.WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWithSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		owner, _ := e2e.OwnerOf(c, "key")
		for _, n := range c.Nodes() {
			if err := n.WaitSynced(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := owner.Local().Set(slotmesh.WithSync(t.Context(), 1), "key", []byte("v"), 0); err != nil {
			t.Fatalf("with a replica in reach: %v", err)
		}
		began := time.Now()
		err := owner.Local().Set(slotmesh.WithSync(t.Context(), 2), "key", []byte("w"), 0)
		if !errors.Is(err, replicator.ErrAmbiguous) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("two replicas where there is one: %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("it waited %v", took)
		}
	})
}

func TestMinReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(_ int, cfg *slotmesh.Config) {
			cfg.Replication.MinReplicas = 1
		}})
		owner, _ := e2e.OwnerOf(c, "key")
		time.Sleep(time.Second)
		if err := owner.Local().Set(t.Context(), "key", nil, 0); err != nil {
			t.Fatal(err)
		}
		for i, n := range c.Nodes() {
			if n.Map().Self().Master == owner.ID() {
				c.Kill(i)
				break
			}
		}
		synctest.Wait() // until the master has noticed
		if err := owner.Local().Set(t.Context(), "key", nil, 0); !errors.Is(err, slotmesh.ErrNoReplicas) {
			t.Errorf("without its replica the master says %v", err)
		}
	})
}

func TestSnapshotSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		keys := e2e.WriteKeys(t, c, 500)
		for i := range 3 {
			if i == 0 { // a power cut after SAVE; the others stop in order and save by themselves
				if err := c.Node(i).Save(t.Context()); err != nil {
					t.Fatal(err)
				}
				c.Kill(i)
			}
			c.Restart(i)
		}
		c.WaitStable()
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys are back", got, len(keys))
		}
	})
}
