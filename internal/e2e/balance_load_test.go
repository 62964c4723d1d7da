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

// TestBalanceByLoad: masters with equal shares of the slots, one of which has all the keys,
// share these, by number or memory.
func TestBalanceByLoad(t *testing.T) {
	for _, by := range []slotmesh.BalanceBy{slotmesh.BalanceByKeys, slotmesh.BalanceByBytes} {
		t.Run(string(by), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Node: func(_ int, cfg *slotmesh.Config) {
					cfg.Cluster.Balance = slotmesh.BalanceConfig{Mode: slotmesh.BalanceOn, By: by}
				}})
				value := make([]byte, 100)
				for i, written := 0, 0; written < 6000; i++ {
					key := fmt.Sprint("key:", i)
					if !c.Node(1).Map().IsMine(slots.OfString(key)) {
						continue
					}
					written++
					if err := c.Node(1).Local().Set(t.Context(), key, value, 0); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(4 * time.Minute)
				total, sum, loads := 0, 0., make([]float64, 3)
				for i := range loads {
					st := c.Node(i).Stats().Store
					total += st.Keys
					if loads[i] = float64(st.Keys); by == slotmesh.BalanceByBytes {
						loads[i] = float64(st.Memory) / 128
					}
					loads[i] += float64(c.Node(i).Map().Self().Slots.Len()) // a slot counts as much as a key, or as 128 bytes
					sum += loads[i]
				}
				for i := range loads {
					if off := loads[i]/sum*3 - 1; off > 0.06 || off < -0.06 { // each slot is rounded up
						t.Errorf("node %d is off its share by %.2f", i, off)
					}
				}
				if total != 6000 {
					t.Errorf("%d keys of 6000 are left", total)
				}
			})
		})
	}
}
