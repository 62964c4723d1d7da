package e2e_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// A new master has no slots, and its replica cannot take its place before it has one:
// writes that were confirmed wait for that.
func TestConfirmedWritesMoveToANewShard(t *testing.T) {
	for _, soon := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newShard(t)
			source, target, successor := c.Node(0), c.Node(1), c.Node(4)
			key := e2e.KeyOf(source)
			keys := e2e.WriteTagged(t, source, key, 2000)
			slot := e2e.WriteConfirmed(t, source, key)
			set := slots.NewSet(slot)
			for other := range source.Map().Self().Slots.All() {
				if other != slot {
					set.Add(other) // without keys
					break
				}
			}
			c.Delay(5 * time.Millisecond)
			if _, err := source.MigrateSlots(t.Context(), set, target.ID()); err != nil {
				t.Fatal(err)
			}
			for target.Stats().Store.Keys < 500 {
				time.Sleep(time.Millisecond)
			}
			if source.Stats().Store.Keys == 0 {
				t.Fatal("all keys have moved already")
			}
			c.Kill(1)
			if soon {
				time.Sleep(500 * time.Millisecond)
				c.Restart(1) // with nothing
			}
			e2e.Await(t, c, 4, e2e.Leads)
			if !soon {
				time.Sleep(30 * time.Second) // the move waits for a replica of its new target
				c.Restart(1)
			}
			time.Sleep(30 * time.Second)
			if got := e2e.CountKeys(t, c, append(keys, key)); got != 2001 || !successor.Map().IsMine(slot) {
				t.Errorf("%d of 2001 keys are at their owners, and the slot has moved: %v", got, successor.Map().IsMine(slot))
			}
		})
	}
}

// newShard returns a cluster whose node 1, with node 4 as its replica, is a new master:
// it owns no slots.
func newShard(t *testing.T) *clustertest.Cluster {
	t.Helper()
	c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
	node := c.Node(1)
	id, err := node.MigrateSlots(t.Context(), *node.Map().Self().Slots, c.Node(2).ID())
	if err == nil {
		err = node.WaitMigration(t.Context(), id)
	}
	time.Sleep(5 * time.Second) // it becomes a replica of the new owner
	if err == nil {
		err = node.Reset(t.Context(), false)
	}
	if err == nil {
		err = node.Meet(t.Context(), c.Node(0).Map().Self().Addr)
	}
	time.Sleep(5 * time.Second)
	if err == nil {
		err = c.Node(4).Replicate(t.Context(), node.ID())
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	e2e.WaitSynced(t, c)
	return c
}
