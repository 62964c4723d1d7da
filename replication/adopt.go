package replication

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// adoptStore makes the content of staged the content of live, slot by slot.
func adoptStore(live, staged *keyspace.Store) {
	for slot := range slots.Slot(slots.Count) {
		if live.Count(slot) > 0 {
			live.Apply(keyspace.Op{Kind: keyspace.OpDrop, Slot: slot})
		}
		for cur, done := keyspace.Cursor(0), false; !done; {
			cur, done, _ = staged.Dump(slot, cur, 1<<20, func(op keyspace.Op) error { return live.Apply(op) })
		}
	}
}
