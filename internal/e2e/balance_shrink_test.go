package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// A shard of three nodes becomes three of them by six nodes that join, and one again when
// these leave, in whatever order, under writes that count when a replica holds them.
func TestClusterGrowsAndShrinks(t *testing.T) {
	for seed := range uint64(2) {
		growAndShrink(t, rand.New(rand.NewPCG(seed, 1)))
	}
}

func growAndShrink(t *testing.T, rng *rand.Rand) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 1, Replicas: 2, Node: balanced(2)})
		stop := startCounters(t, c.Node(0).Router(), 1)
		var joined []*slotmesh.Node
		for i := range 6 {
			joined = append(joined, joinNode(t, c, fmt.Sprintf("10.0.1.%d", i+1), balanced(2)))
		}
		grew := awaitFor(t, 5*time.Minute, c.Node(0), "three shards", func(m *slots.Map) bool { return evenly(m, 3) })
		time.Sleep(20 * time.Second)
		began := time.Now()
		for _, i := range rng.Perm(len(joined)) {
			if err := joined[i].Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		awaitFor(t, time.Minute, c.Node(0), "one shard", func(m *slots.Map) bool {
			return evenly(m, 1) && len(m.Nodes()) == 3
		})
		t.Logf("three nodes became nine after %v, and three again after %v", grew, time.Since(began))
		stop()
	})
}
