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

// A shard of three nodes becomes three of them by six nodes that join, and one again when
// these leave, under writes. While it grows, a replica holds each before it counts; the last
// node of a shard that leaves has none.
func TestClusterGrowsAndShrinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 1, Replicas: 2, Node: balanced(2)})
		stop := startCounters(t, c.Node(0).Router(), 1)
		var joined []*slotmesh.Node
		for i := range 6 {
			joined = append(joined, joinNode(t, c, fmt.Sprintf("10.0.1.%d", i+1), balanced(2)))
		}
		grew := awaitFor(t, 5*time.Minute, c.Node(0), "three shards", func(m *slots.Map) bool { return evenly(m, 3) })
		time.Sleep(20 * time.Second)
		stop()
		stop = startCounters(t, c.Node(0).Router(), 0)
		began := time.Now()
		for _, role := range []bool{false, true} { // replicas first: a master without them hands its slots on
			for _, n := range joined {
				if n.Map().Self().IsMaster() == role && len(n.Map().Nodes()) > 1 {
					if err := n.Leave(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		awaitFor(t, time.Minute, c.Node(0), "one shard", func(m *slots.Map) bool {
			return evenly(m, 1) && len(m.Nodes()) == 3
		})
		t.Logf("three nodes became nine after %v, and three again after %v", grew, time.Since(began))
		stop()
	})
}
