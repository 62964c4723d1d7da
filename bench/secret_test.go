package bench

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// clusterSecret is the secret of the clusters that have one.
const clusterSecret = "the benchmark's own secret"

// modes are a cluster whose bus is plain, and one whose nodes share a secret.
var modes = []struct {
	name string
	args []string // of slotmesh serve
	set  func(cfg *slotmesh.Config)
}{
	{"plain", nil, func(cfg *slotmesh.Config) { cfg.OpenBus = true }},
	{"secret", []string{"--cluster-secret", clusterSecret}, func(cfg *slotmesh.Config) { cfg.Secret = clusterSecret }},
}

// BenchmarkSecret measures what a secret costs: each round does the same in both modes,
// one after the other, and the figures are the medians of the rounds.
func BenchmarkSecret(b *testing.B) {
	b.Run("FullSync", func(b *testing.B) {
		syncs := make([]func() time.Duration, len(modes))
		for i, mode := range modes {
			_, _, syncs[i] = syncOurs(b, mode.args...)
		}
		inTurns(b, 7, "s", func(i int) float64 { return syncs[i]().Seconds() })
	})
	b.Run("MoveSlot", func(b *testing.B) {
		inTurns(b, 5, "µs/slot", func(i int) float64 {
			return float64(reshardOurs(b, 61, modes[i].set).Microseconds()) / movedSlots
		})
	})
	b.Run("IdleBus", func(b *testing.B) {
		inTurns(b, 1, "B/s/node", func(i int) float64 { return idleBus(b, 6, modes[i].set) })
	})
	b.Run("Failover", func(b *testing.B) {
		inTurns(b, 15, "ms", func(i int) float64 { return failover(b, modes[i].set).Seconds() * 1e3 })
	})
}

// inTurns measures the modes in turns, after a round that warms up, and reports the medians.
func inTurns(b *testing.B, rounds int, unit string, measure func(mode int) float64) {
	took := make([][]float64, len(modes))
	for round := range rounds + 1 {
		for i := range modes {
			if f := measure(i); round > 0 || rounds == 1 {
				took[i] = append(took[i], f)
			}
		}
	}
	for i, mode := range modes {
		slices.Sort(took[i])
		b.ReportMetric(took[i][len(took[i])/2], mode.name+"-"+unit)
	}
	b.ReportMetric(0, "ns/op")
}

// failover kills a master of three on TCP, which have a replica each and a node timeout of
// 500 ms, and returns how long it takes until its replica accepts a write.
func failover(b *testing.B, set func(*slotmesh.Config)) (took time.Duration) {
	b.Helper()
	ok := testing.RunTests(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "failover",
		F: func(t *testing.T) {
			c := clustertest.Start(t, clustertest.Config{Replicas: 1, TCP: true, NodeTimeout: 500 * time.Millisecond,
				Node: func(_ int, cfg *slotmesh.Config) { set(cfg) }})
			time.Sleep(time.Second) // the talk of the beginning ends, and states are saved
			key := ownKey(c.Node(0))
			began := time.Now()
			c.Kill(0)
			leads := func(m *slots.Map) bool { return m.IsMine(slots.OfString(key)) && m.State() == slots.OK }
			if err := c.Node(3).WaitMap(t.Context(), leads); err != nil {
				t.Fatal(err)
			}
			if err := c.Node(3).Local().Set(context.Background(), key, nil, 0); err != nil {
				t.Fatal(err)
			}
			took = time.Since(began)
		},
	}})
	if !ok {
		b.Fatal("the cluster failed")
	}
	return took
}

// ownKey returns a key of a slot of the node.
func ownKey(n *slotmesh.Node) string {
	for i := 0; ; i++ {
		if key := "key:" + strconv.Itoa(i); n.Map().IsMine(slots.OfString(key)) {
			return key
		}
	}
}
