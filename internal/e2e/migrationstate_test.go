package e2e_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// Who hears that the source gave slots up before it hears that the target has them would
// hold them for nobody's, and the cluster for down: no move may do that at any node.
func TestMovesLeaveNoSlotWithoutOwner(t *testing.T) {
	for range 5 {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var down []gossip.StateChanged
			moving := false
			c := clustertest.Start(t, clustertest.Config{Masters: 2, Replicas: 1, WithoutFailover: true,
				Prepare: func(_ int, n *slotmesh.Node) {
					e2e.Watch(n, func(e slotmesh.Event) {
						mu.Lock()
						defer mu.Unlock()
						if s, ok := e.(gossip.StateChanged); ok && s.Now == slots.Down && moving {
							down = append(down, s)
						}
					})
				}})
			c.WaitStable()
			mu.Lock()
			moving = true
			mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			id, err := c.Node(0).MigrateSlots(ctx, e2e.FirstSlots(c.Node(0), 6000), c.Node(1).ID())
			if err == nil {
				err = c.Node(0).WaitMigration(ctx, id)
			}
			if err != nil {
				t.Fatal(err)
			}
			c.WaitStable()
			mu.Lock()
			defer mu.Unlock()
			if len(down) > 0 {
				t.Errorf("%d times the cluster was down at a node, first: %s", len(down), down[0].Reason)
			}
		})
	}
}
