package migrator

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// bigKey is a key of slot 0 whose parts take some batches.
const bigKey, bigParts = "big", 6000

func (n *testNode) putBig() {
	n.store.Update(0, func(tx *keyspace.Tx) error {
		h, err := tx.Hash([]byte(bigKey))
		for i := 0; err == nil && i < bigParts; i++ {
			_, err = h.Set(fmt.Appendf(nil, "field %d", i), make([]byte, 100))
		}
		return err
	})
}

func (n *testNode) bigParts() (parts int) {
	n.store.View(0, func(tx *keyspace.Tx) error {
		h, err := tx.Hash([]byte(bigKey))
		if err == nil {
			parts = h.Len()
		}
		return err
	})
	return parts
}

// The slots of a job that is over have come back and move again when the source restarts,
// or its replica takes its place: only the job that opened them goes on with them. Two
// would copy large keys into each other.
func TestOnlyTheJobThatOpenedASlotGoesOnWithIt(t *testing.T) {
	for _, failover := range []bool{false, true} {
		for second := 1; second <= 2; second++ { // the target of the second move
			t.Run(fmt.Sprintf("failover=%v,target=%d", failover, second), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cl := newTestCluster(t, 4)
					for i := 1; i < 4; i++ {
						cl.net.SetDelay("10.0.0.1", fmt.Sprintf("10.0.0.%d", i+1), 3*time.Millisecond)
					}
					source := cl.nodes[0]
					cl.fill(400, 3, 100)
					source.putBig()
					cl.move(0, 1, slotsUpTo(400))
					cl.move(1, 0, slotsUpTo(400))
					id, err := source.driver.Move(slotsUpTo(400), cl.nodes[second].id)
					if err != nil {
						t.Fatal(err)
					}
					for cl.nodes[second].store.Staged() == (slots.Set{}) {
						time.Sleep(time.Millisecond)
					}
					next := source
					if failover {
						next = cl.nodes[3]
						next.succeed(source)
					} else {
						source.stop()
						source.start()
					}
					time.Sleep(time.Millisecond)
					if list := next.driver.List(); len(list) != 1 || list[0].Job.ID != id {
						t.Errorf("these jobs go on: %+v", list)
					}
					time.Sleep(time.Minute)
					if got := cl.nodes[second].bigParts(); got != bigParts {
						t.Errorf("%d of %d parts have come", got, bigParts)
					}
					if s, err := next.driver.Status(id); err != nil || !s.Over() || s.Err != nil {
						t.Errorf("the job ended: %+v, %v", s, err)
					}
					for slot := range slots.Slot(401) {
						want := 3
						if slot == 0 {
							want++
						}
						if got := cl.nodes[second].store.Count(slot); got != want || !cl.nodes[second].Map().IsMine(slot) {
							t.Fatalf("the target has %d keys of slot %d, not %d", got, slot, want)
						}
					}
				})
			})
		}
	}
}
