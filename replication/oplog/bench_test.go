package oplog

import (
	"fmt"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// BenchmarkLoad loads a base of 900,000 keys, and a log that adds 100,000 and changes as
// many, of 64 bytes each.
func BenchmarkLoad(b *testing.B) {
	const base, added = 900_000, 100_000
	disk := &storage.Memory{}
	n := mustStart(b, disk)
	value := fmt.Appendf(nil, "%064d", 1)
	write := func(i int) {
		key := fmt.Appendf(nil, "key:%012d", i)
		must(b, n.store.Update(slots.Of(key), func(tx *keyspace.Tx) error {
			return tx.Put(key, keyspace.String, value, 0)
		}))
	}
	for i := range base {
		if write(i); i%100 == 0 {
			n.pump()
		}
	}
	must(b, n.log.Rotate())
	must(b, n.rebase())
	for i := range added {
		write(base + i)
		if write(i * 9); i%100 == 0 {
			n.pump()
		}
	}
	n.pump()
	must(b, n.log.Close())
	for b.Loop() {
		store := keyspace.New(keyspace.Config{})
		l, err := Load(disk, store, Options{})
		if err != nil || store.Len() != base+added || l.Records != 2*added {
			b.Fatalf("%d keys, %+v, %v", store.Len(), l, err)
		}
	}
	b.ReportMetric(float64(n.log.Size()+n.log.BaseSize())/1e6, "MB")
}

// BenchmarkAppend hands small records to a log that syncs nothing.
func BenchmarkAppend(b *testing.B) {
	n := mustStart(b, storage.Dir(b.TempDir()))
	record := make([]byte, 100)
	b.SetBytes(100)
	b.ReportAllocs()
	for b.Loop() {
		must(b, n.log.Append(n.log.Offset(), record))
	}
}
