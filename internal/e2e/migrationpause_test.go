package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// TestManualFailoverDuringAMoveLosesNothing: a manual failover of the source or of the
// target, at any moment of a move, promises that nothing is lost. So while it holds
// writes back, no batch may be committed: the replica that takes over has agreed where
// the data ends.
func TestManualFailoverDuringAMoveLosesNothing(t *testing.T) {
	for name, i := range map[string]int{"source": 0, "target": 1} {
		for _, ms := range e2e.Moments {
			t.Run(fmt.Sprint(name, " after ", int64(ms), "ms"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
					keys := e2e.WriteKeys(t, c, 3000)
					for _, n := range c.Nodes() {
						if err := n.WaitSynced(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Second)
					set := e2e.StartMove(t, c, ms*time.Millisecond)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					successor := c.Node(i + 3)
					if err := successor.Failover(ctx, gossip.FailoverDefault); err != nil {
						t.Fatal(err)
					}
					target := c.Node(1)
					if i == 1 {
						target = successor
					}
					e2e.WaitMoved(t, c.Node(2), &set, func() slots.NodeID {
						if c.Node(2).Map().Node(target.ID()).IsMaster() && target.Map().Self().HasSlots() {
							return target.ID()
						}
						return c.Node(1).ID()
					})
					var masters []*slotmesh.Node
					for _, n := range c.Nodes() {
						if n.Map().Self().IsMaster() {
							masters = append(masters, n)
						}
					}
					e2e.CheckWhole(t, c, masters, keys)
				})
			})
		}
	}
}
