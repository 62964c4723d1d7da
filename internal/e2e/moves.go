package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// Moments are when a move dies, in milliseconds: with a network of 1 ms it connects in 6
// and ends in 15, so these hit every phase of its first, middle and last windows.
var Moments = []time.Duration{0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18}

// FirstSlots returns the first n slots of a node.
func FirstSlots(node *slotmesh.Node, n int) (set slots.Set) {
	for slot := range node.Map().Self().Slots.All() {
		if n--; n < 0 {
			break
		}
		set.Add(slot)
	}
	return set
}

// FirstSlot returns the first slot of a node, in decimal.
func FirstSlot(n *slotmesh.Node) string {
	set := FirstSlots(n, 1)
	return set.String()
}

// StartMove starts a move of a third of node 0's slots to node 1 and lets it run for a
// while.
func StartMove(t *testing.T, c *clustertest.Cluster, lasting time.Duration) (set slots.Set) {
	t.Helper()
	c.Delay(time.Millisecond)
	set = FirstSlots(c.Node(0), 1500)
	if _, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(lasting)
	return set
}

// WaitMoved returns when the owner of every slot in set is to, in n's view.
func WaitMoved(t *testing.T, n *slotmesh.Node, set *slots.Set, to func() slots.NodeID) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := n.WaitMap(ctx, func(m *slots.Map) bool {
		for slot := range set.All() {
			if o := m.Owner(slot); o == nil || o.ID != to() {
				return false
			}
		}
		return true
	})
	if err != nil {
		t.Fatalf("the move did not end: %v", err)
	}
	time.Sleep(10 * time.Second)
}

// NoneOpen fails the test if a node has an open slot, or holds keys of a slot that is not
// its own.
func NoneOpen(t *testing.T, c *clustertest.Cluster) {
	t.Helper()
	for i, n := range c.Nodes() {
		if open := n.Map().Open(); !open.Empty() {
			t.Errorf("node %d has open slots: %s", i, open)
		}
	}
}

// CheckWhole fails the test unless each key is there exactly once, at its owner, and no slot
// is open.
func CheckWhole(t *testing.T, c *clustertest.Cluster, masters []*slotmesh.Node, keys []string) {
	t.Helper()
	NoneOpen(t, c)
	if got := CountKeys(t, c, keys); got != len(keys) {
		t.Errorf("%d of %d keys are at their owners", got, len(keys))
	}
	total := 0
	for _, n := range masters {
		total += n.Stats().Store.Keys
	}
	if total != len(keys) {
		t.Errorf("the masters hold %d keys, want %d", total, len(keys))
	}
}
