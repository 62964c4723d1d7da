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
	"github.com/slotmesh/slotmesh/internal/powercut"
	"github.com/slotmesh/slotmesh/slots"
)

// The power of all is cut right after a slot has got another owner. Each node may lose its last
// second, but not keys that the old owner had on disk: the new one has them on disk before it
// says that the slot is its own.
func TestPowerCutAfterMove(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			disks := [2]*powercut.Disk{}
			for i := range disks {
				disks[i] = powercut.New(rand.New(rand.NewPCG(seed, uint64(i))))
			}
			c := e2e.StartSettled(t, clustertest.Config{Masters: 2, Node: func(i int, cfg *slotmesh.Config) {
				withLog([]slotmesh.LogSync{slotmesh.LogEverySecond, slotmesh.LogNever}[seed%2])(i, cfg)
				cfg.Disk = disks[i]
			}})
			tag := e2e.KeyOf(c.Node(0))
			slot := slots.OfString(tag)
			const keys = 50
			for i := range keys {
				if err := c.Node(0).Local().Set(t.Context(), fmt.Sprintf("{%s}%d", tag, i), []byte("old"), 0); err != nil {
					t.Fatal(err)
				}
			}
			c.Stop(0) // what it has is on disk now
			c.Restart(0)
			c.WaitStable()

			var set slots.Set
			set.Add(slot)
			if _, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID()); err != nil {
				t.Fatal(err)
			}
			e2e.Await(t, c, 1, func(m *slots.Map) bool { return m.IsMine(slot) })
			for _, d := range disks {
				d.CutAfter(1)
			}
			for i := range disks {
				c.Kill(i)
				disks[i].Restart()
			}
			for i := range disks {
				c.Restart(i)
			}
			c.WaitStable()
			time.Sleep(time.Minute)
			for i := range keys {
				key := fmt.Sprintf("{%s}%d", tag, i)
				if got, err := c.Node(0).Get(t.Context(), key); err != nil || string(got) != "old" {
					t.Fatalf("seed %d: %s is %q, %v", seed, key, got, err)
				}
			}
		})
	}
}
