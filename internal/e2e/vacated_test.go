package e2e_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// TestDelSlotsIsAnsweredAtOnce: a slot that its owner gives up may be dropped at another
// node before and after that hears of it. Later it is unowned, for DELSLOTS too.
func TestDelSlotsIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{})
		o := e2e.Operator{T: t, Cluster: c}
		at, err := strconv.Atoi(e2e.FirstSlot(c.Node(0)))
		if err != nil {
			t.Fatal(err)
		}
		slot := strconv.Itoa(at)
		o.Must(1, "CLUSTER DELSLOTS "+slot)
		o.Must(0, "CLUSTER DELSLOTS "+slot)
		vacant := func(m *slots.Map) bool { return m.Owner(slots.Slot(at)) == nil }
		if err := c.Node(1).WaitMap(t.Context(), vacant); err != nil {
			t.Fatal(err)
		}
		const refusal = "ERR Slot "
		for i, want := range []string{refusal + slot + " is already unassigned", "OK", "OK"} {
			began := time.Now()
			if got := o.Do(i, "CLUSTER DELSLOTS "+slot); got != want || time.Since(began) != 0 {
				t.Errorf("node %d: %s after %v, want %s at once", i, got, time.Since(began), want)
			}
		}
		time.Sleep(3 * time.Second)
		for i := range 3 {
			began := time.Now()
			if got := o.Do(i, "CLUSTER DELSLOTS "+slot); got != refusal+slot+" is already unassigned" || time.Since(began) != 0 {
				t.Errorf("node %d later: %s after %v", i, got, time.Since(began))
			}
		}
	})
}
