package keyspace

import (
	"testing"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// TestDirtyPartsOfAShortStream adds entries to a stream that is cut to ten with each: what is
// kept of that does not grow.
func TestDirtyPartsOfAShortStream(t *testing.T) {
	d := dirtyParts{limit: 64 << 10}
	for i := uint64(1); i <= 20_000; i++ {
		d.note(&Op{Kind: OpPart, Type: Stream, Part: []byte{streamStatePart}})
		d.note(&Op{Kind: OpPart, Type: Stream, Part: appendEntryPart(nil, stream.ID{Ms: i})})
		if i > 10 {
			d.note(&Op{Kind: OpCut, Part: appendEntryPart(nil, stream.ID{}),
				Value: appendEntryPart(nil, stream.ID{Ms: i - 10})})
		}
	}
	if d.full || len(d.ranges) != 1 || len(d.names) > 100 {
		t.Fatalf("full: %v, %d ranges, %d names", d.full, len(d.ranges), len(d.names))
	}
	live := map[string]bool{string([]byte{streamStatePart}): true}
	for i := uint64(19_991); i <= 20_000; i++ {
		live[string(appendEntryPart(nil, stream.ID{Ms: i}))] = true
	}
	for !d.empty() {
		_, name := d.next()
		delete(live, string(name))
	}
	if len(live) > 0 || d.bytes != 0 {
		t.Errorf("%d changes are not told, %d bytes are left", len(live), d.bytes)
	}
}
