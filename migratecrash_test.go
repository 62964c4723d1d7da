package slotmesh_test

import (
	"context"
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

// deleteMoved deletes every other key that has come to node from the slots of set, and
// returns the rest of keys.
func deleteMoved(t *testing.T, node *slotmesh.Node, set *slots.Set, keys []string) (rest []string) {
	t.Helper()
	for i, key := range keys {
		slot, deleted := slots.OfString(key), false
		if _, open := node.Map().Importing(slot); i%2 == 0 && set.Has(slot) && (open || node.Map().IsMine(slot)) {
			err := slotmesh.UpdateAsking(node, t.Context(), key, open, func(tx slotmesh.Tx) error {
				deleted = tx.Delete(key)
				return nil
			})
			if err != nil || !deleted && !open {
				t.Fatalf("deleting %s: %v, %v", key, deleted, err)
			}
		}
		if !deleted {
			rest = append(rest, key)
		}
	}
	return rest
}

// A source with a snapshot dies at any moment of a move, comes back and goes on with it.
// What was deleted at the target meanwhile does not come back from the snapshot.
func TestMoveSurvivesRestartOfSource(t *testing.T) {
	for _, ms := range e2e.Moments {
		t.Run(fmt.Sprint(int64(ms), "ms"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clustertest.Start(t, clustertest.Config{Masters: 3, NodeTimeout: 2 * time.Second})
				keys := e2e.WriteKeys(t, c, 3000)
				if err := c.Node(0).Save(t.Context()); err != nil {
					t.Fatal(err)
				}
				set := e2e.StartMove(t, c, ms*time.Millisecond)
				c.Kill(0)
				time.Sleep(500 * time.Millisecond)
				keys = deleteMoved(t, c.Node(1), &set, keys)
				c.Restart(0)
				target := c.Node(1).ID()
				e2e.WaitMoved(t, c.Node(2), &set, func() slots.NodeID { return target })
				e2e.CheckWhole(t, c, c.Nodes(), keys)
			})
		})
	}
}

// An operator who takes a slot for its target in the middle of its move is refused: the
// source, were it to crash then, would drop what has not moved.
func TestASlotIsNotTakenInTheMiddleOfItsMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{NodeTimeout: 2 * time.Second})
		key := e2e.KeyOf(c.Node(0))
		keys := e2e.WriteTagged(t, c.Node(0), key, 2000)
		slot := slots.OfString(key)
		if err := c.Node(0).Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Delay(5 * time.Millisecond)
		set, target := slots.NewSet(slot), c.Node(1).ID()
		if _, err := c.Node(0).MigrateSlots(t.Context(), set, target); err != nil {
			t.Fatal(err)
		}
		for c.Node(1).Stats().Store.Keys == 0 {
			time.Sleep(time.Millisecond)
		}
		o := e2e.Operator{T: t, Cluster: c}
		took := o.Do(1, fmt.Sprintf("CLUSTER SETSLOT %d NODE %s", slot, target))
		o.Do(1, fmt.Sprintf("CLUSTER DELSLOTS %d", slot))
		added := o.Do(1, fmt.Sprintf("CLUSTER ADDSLOTS %d", slot))
		if c.Node(0).Stats().Store.Keys == 0 {
			t.Fatal("all keys have moved already")
		}
		c.Kill(0)
		for _, reply := range []string{took, added} {
			if !strings.HasPrefix(reply, fmt.Sprintf("ERR slot %d is coming here with job ", slot)) {
				t.Errorf("taking the slot: %s", reply)
			}
		}
		time.Sleep(500 * time.Millisecond)
		c.Restart(0)
		e2e.WaitMoved(t, c.Node(2), &set, func() slots.NodeID { return target })
		c.WaitStable()
		e2e.CheckWhole(t, c, c.Nodes(), keys)
	})
}

// A target that dies in the middle of a slot comes back with a snapshot of an earlier
// time at which the slot was its own.
func TestATargetForgetsWhatItOnceHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{NodeTimeout: 2 * time.Second})
		key := e2e.KeyOf(c.Node(1))
		old := e2e.WriteTagged(t, c.Node(1), key, 10)
		set := slots.NewSet(slots.OfString(key))
		if err := c.Node(1).Save(t.Context()); err != nil {
			t.Fatal(err)
		}
		id, err := c.Node(1).MigrateSlots(t.Context(), set, c.Node(0).ID())
		if err == nil {
			err = c.Node(1).WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute) // nobody looks after the slot any more
		for _, key := range old {
			if ok, err := c.Node(0).Local().Delete(t.Context(), key); !ok || err != nil {
				t.Fatalf("deleting a key: %v, %v", ok, err)
			}
		}
		e2e.WriteTagged(t, c.Node(0), key+"}new{", 2000)
		c.Delay(5 * time.Millisecond)
		if _, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID()); err != nil {
			t.Fatal(err)
		}
		for c.Node(1).Stats().Store.Keys == 0 {
			time.Sleep(time.Millisecond)
		}
		c.Kill(1)
		time.Sleep(500 * time.Millisecond)
		c.Restart(1)
		target := c.Node(1).ID()
		e2e.WaitMoved(t, c.Node(2), &set, func() slots.NodeID { return target })
		if got := e2e.CountKeys(t, c, old); got != 0 {
			t.Errorf("%d of %d keys that were deleted elsewhere are back", got, len(old))
		}
		e2e.NoneOpen(t, c)
	})
}

// The link between source and target breaks, or is cut for longer than the node timeout.
func TestMoveSurvivesPartition(t *testing.T) {
	for _, ms := range e2e.Moments {
		t.Run(fmt.Sprint(int64(ms), "ms"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clustertest.Start(t, clustertest.Config{Masters: 3, NodeTimeout: 2 * time.Second})
				keys := e2e.WriteKeys(t, c, 3000)
				set := e2e.StartMove(t, c, ms*time.Millisecond)
				if ms%2 == 0 {
					c.Reset(0, 1)
				} else {
					c.Partition([]int{0}, []int{1, 2})
					time.Sleep(5 * time.Second)
					c.Heal()
				}
				target := c.Node(1).ID()
				e2e.WaitMoved(t, c.Node(2), &set, func() slots.NodeID { return target })
				c.WaitStable()
				e2e.CheckWhole(t, c, c.Nodes(), keys)
			})
		})
	}
}

// Source or target dies for good at any moment; its replica goes on.
func TestMoveSurvivesLossOfEitherSide(t *testing.T) {
	for _, victim := range []int{0, 1} {
		for _, ms := range e2e.Moments {
			t.Run(fmt.Sprintf("node %d after %dms", victim, int64(ms)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
					keys := e2e.WriteKeys(t, c, 3000)
					for _, n := range c.Nodes() {
						if err := n.WaitSynced(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Second) // for the replicas to be known as good
					set := e2e.StartMove(t, c, ms*time.Millisecond)
					target := c.Node(1).ID()
					c.Kill(victim)
					successor := c.Node(victim + 3)
					to := func() slots.NodeID {
						if victim == 1 {
							return successor.ID()
						}
						return target
					}
					if victim == 0 && !slotmesh.KnowsJobs(successor) {
						// The job died with its master before its journal had left: nothing has moved.
						ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
						defer cancel()
						if err := successor.WaitMap(ctx, func(m *slots.Map) bool {
							return m.Self().IsMaster() &&
								m.State() == slots.OK
						}); err != nil {
							t.Fatal(err)
						}
						time.Sleep(10 * time.Second)
					} else {
						e2e.WaitMoved(t, c.Node(2), &set, to)
					}
					e2e.CheckWhole(t, c, []*slotmesh.Node{c.Node(2), successor, c.Node(1 - victim)}, keys)
				})
			})
		}
	}
}
