package e2e_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// A node that an operator drains is excluded: it gets no slots back meanwhile and later, also
// if nodes restart, until it is included again. As in Redis it has become a replica.
func TestExcludedNodeStaysEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 4, Node: balanced(0)})
		o := e2e.Operator{T: t, Cluster: c}
		id := c.Node(3).ID()
		client, err := admin.New(admin.Config{Dial: c.ClientNetwork().Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		v, err := client.View(t.Context(), c.Node(0).Addr().Client())
		if err != nil {
			t.Fatal(err)
		}
		plan, err := admin.PlanDrain(v, id.String())
		if err == nil {
			err = client.Move(t.Context(), v, plan, admin.MoveOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		for i := range 2 {
			c.Stop(i)
			c.Restart(i)
		}
		time.Sleep(2 * time.Minute)
		if m := c.Node(0).Map(); !evenly(m, 3) || m.Node(id).HasSlots() {
			t.Errorf("%d masters have slots, and the excluded one: %v", m.Size(), m.Node(id).HasSlots())
		}
		status, err := c.Node(2).BalanceStatus()
		if err != nil || len(status.Excluded) != 1 || status.Excluded[0] != id || status.Paused {
			t.Errorf("status: %v, %v", status, err)
		}
		o.Must(1, "CLUSTER BALANCE INCLUDE "+id.String())
		if status, err = c.Node(1).BalanceStatus(); err != nil || len(status.Excluded) != 0 {
			t.Errorf("included again, but %v, %v", status, err)
		}
	})
}

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
