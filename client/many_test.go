package client_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// Keys of one slot that is on its way are found on their own, but not one after the other.
func TestGetManyFromAMovingSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		tag := "{" + e2e.KeyOf(c.Node(0)) + "}"
		slot := fmt.Sprint(slots.OfString(tag))
		r := c.Node(2).Router()
		keys := make([]string, 200)
		for i := range keys {
			keys[i] = fmt.Sprint(tag, i)
			if i%2 == 0 {
				if err := r.Set(t.Context(), keys[i], []byte(keys[i]), 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		o := e2e.Operator{T: t, Cluster: c}
		o.Must(1, "CLUSTER SETSLOT "+slot+" IMPORTING "+c.Node(0).ID().String())
		o.Must(0, "CLUSTER SETSLOT "+slot+" MIGRATING "+c.Node(1).ID().String())
		r.GetMany(t.Context(), keys...) // connects
		c.Delay(10 * time.Millisecond)
		begin := time.Now()
		for i, got := range r.GetMany(t.Context(), keys...) {
			if there := i%2 == 0; there && (got.Err != nil || string(got.Value) != got.Key) || !there &&
				got.Err != client.ErrNotFound {
				t.Errorf("%s: %q, %v", got.Key, got.Value, got.Err)
			}
		}
		if took := time.Since(begin); took > 300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}
