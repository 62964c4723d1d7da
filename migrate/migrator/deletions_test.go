package migrator

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestWhatTheTargetDeletedStaysDeleted: a source comes back, in the middle of a slot,
// with a snapshot from before the move. Of the keys that had left it, the target has
// deleted some meanwhile, and some have expired there.
func TestWhatTheTargetDeletedStaysDeleted(t *testing.T) {
	for name, away := range map[string]time.Duration{"in time": time.Second,
		"after the target has lost patience": 30 * time.Second} {
		t.Run(name, func(t *testing.T) { whatTheTargetDeleted(t, away) })
	}
}

func whatTheTargetDeleted(t *testing.T, away time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		cl.net.SetDelay("10.0.0.1", "10.0.0.2", 5*time.Millisecond)
		cl.fill(0, 20_000, 100)
		source, target := cl.nodes[0], cl.nodes[1]
		snapshot := source.dump(0)
		if _, err := source.driver.Move(slotsUpTo(0), target.id); err != nil {
			t.Fatal(err)
		}
		for target.store.Len() == 0 {
			time.Sleep(time.Millisecond)
		}
		source.stop()
		time.Sleep(away)
		moved := target.dump(0)
		if len(moved) == 20_000 || !source.Map().IsMine(0) {
			t.Fatal("the slot is not in the middle of its move")
		}
		target.store.Update(0, func(tx *keyspace.Tx) error {
			for i, op := range moved {
				switch i % 3 {
				case 0:
					tx.Delete(op.Key)
				case 1:
					tx.Expire(op.Key, time.Now().Add(time.Second).UnixMilli())
				}
			}
			return nil
		})
		time.Sleep(2 * time.Second)
		target.store.ExpireStep(time.Second)
		left := 20_000 - len(moved) + target.store.Len()
		if err := source.store.ApplyAll(snapshot); err != nil {
			t.Fatal(err)
		}
		source.start()
		time.Sleep(time.Minute)
		cl.check(0, left, 1)
		if target.driver.deletions.some.Load() {
			t.Error("deletions are remembered after the end of the move")
		}
	})
}

// dump returns a copy of the keys of a slot.
func (n *testNode) dump(slot slots.Slot) (ops []keyspace.Op) {
	n.store.Dump(slot, keyspace.DumpCursor{}, 1<<30, func(op keyspace.Op) error {
		op.Key, op.Value = bytes.Clone(op.Key), bytes.Clone(op.Value)
		ops = append(ops, op)
		return nil
	})
	return ops
}
