package replicator

import (
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func TestBacklogKeepsNothingUntilAsked(t *testing.T) {
	b := NewBacklog(0)
	op := []keyspace.Op{{Kind: keyspace.OpPut, Slot: slots.OfString("k"), Key: []byte("k"), Value: []byte("v"),
		Version: 1}}
	if n := testing.AllocsPerRun(100, func() { b.Commit(op[0].Slot, op) }); n != 0 || b.Offset() != 0 || b.Info().Active {
		t.Fatalf("%v allocations, offset %d, %+v", n, b.Offset(), b.Info())
	}
	b.CountChanges(true)
	b.Commit(op[0].Slot, op)
	if b.Changes() != 1 || b.Offset() != 0 {
		t.Fatalf("%d changes, offset %d", b.Changes(), b.Offset())
	}
}
