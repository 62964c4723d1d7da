package e2e_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// A master is cut off while its only replica, which came back empty, is in its first full
// sync. The replica must not take over: the master has the only copy, and comes back.
func TestEmptyReplicaDoesNotTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		master, key := c.Node(0), e2e.KeyOf(c.Node(0))
		for i := range 500 {
			if err := master.Local().Set(t.Context(), fmt.Sprintf("{%s}%d", key, i), make([]byte, 10_000), 0); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		want := master.Stats().Store.Keys
		c.Kill(3)
		c.DelayBetween(0, 3, 100*time.Millisecond) // so that the sync takes some seconds
		c.Restart(3)
		e2e.Await(t, c, 3, e2e.Follows)
		time.Sleep(2 * time.Second)
		if c.Node(3).Stats().Store.Keys == want {
			t.Fatal("the sync has ended already")
		}
		c.Partition([]int{0}, []int{1, 2, 3, 4, 5})
		time.Sleep(3 * e2e.Timeout)
		c.DelayBetween(0, 3, 0)
		c.Heal()
		c.WaitStable()
		e2e.WaitSynced(t, c)
		for _, i := range []int{0, 3} {
			if got := c.Node(i).Stats().Store.Keys; got != want {
				t.Errorf("node %d has %d of %d keys", i, got, want)
			}
		}
	})
}

// A replica moves to a shard that has lost all of its own, just when that one's master is
// cut off, too: nobody knows yet that it is. What the replica holds is of another shard,
// so it must not take over.
func TestReplicaFromElsewhereDoesNotTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 2})
		keys := e2e.WriteKeys(t, c, 1000)
		time.Sleep(time.Second)
		c.Kill(4)
		c.Kill(7)
		time.Sleep(e2e.Timeout + 3*time.Second)
		c.Partition([]int{1}, []int{0, 2, 3, 5, 6, 8})
		orphan := c.Node(1).ID()
		e2e.Await(t, c, 0, func(m *slots.Map) bool { return len(m.Replicas(orphan)) == 3 }) // two of which are dead
		time.Sleep(3 * e2e.Timeout)
		c.Heal()
		c.Restart(4)
		c.Restart(7)
		c.WaitStable()
		e2e.WaitSynced(t, c)
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
	})
}

// A replica that was cut off from an election has more of the old master's stream than
// those who follow the new one. That must not make it the successor of the new one, of
// which it has heard nothing.
func TestReplicaOfAnEarlierTermDoesNotTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 2})
		old, key := c.Node(0), e2e.KeyOf(c.Node(0))
		c.Partition([]int{0, 3}, []int{1, 2, 4, 5, 6, 7, 8}) // its replica 6 is on the other side
		if err := old.Local().Set(t.Context(), key, make([]byte, 1000), 0); err != nil {
			t.Fatal(err)
		}
		e2e.Await(t, c, 6, e2e.Leads)
		c.Kill(0)
		c.Restart(0)
		c.Heal()
		c.Partition([]int{3}, []int{0, 1, 2, 4, 5, 6, 7, 8})
		e2e.Await(t, c, 0, e2e.Follows)
		if err := c.Node(0).WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Node(6).Local().Set(slotmesh.WithSync(t.Context(), 1), key, []byte("acknowledged"), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		lost := c.Node(6).ID()
		c.Kill(6)
		c.Heal()
		e2e.Await(t, c, 1, func(m *slots.Map) bool {
			owner := m.Owner(slots.OfString(key))
			return owner != nil && owner.ID != lost && e2e.Serves(m)
		})
		time.Sleep(time.Second)
		owner, _ := e2e.OwnerOf(c, key)
		if got, err := owner.Local().Get(t.Context(), key); err != nil || string(got) != "acknowledged" {
			t.Errorf("the successor has %.20q, %v", got, err)
		}
	})
}
