package replication

import (
	"bytes"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
)

// TestRecordBound checks that a record has room where ring.add makes it: a block must not
// move while it is written.
func TestRecordBound(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 1000)
	for kind := keyspace.OpPut; kind.String() != "unknown"; kind++ {
		ops := []keyspace.Op{{Kind: kind, Type: keyspace.Hash, Slot: 16383, Key: long, Part: long, Value: long,
			ExpireAt: 1 << 62, Version: 1 << 61}}
		if n, bound := len(appendRecord(nil, ops)), recordBound(ops); n > bound {
			t.Errorf("the record of a %v has %d bytes, its bound is %d", kind, n, bound)
		}
	}
}
