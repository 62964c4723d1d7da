package keyspace

import "testing"

// BenchmarkOpCodec measures what every replicated, migrated or stored write costs.
func BenchmarkOpCodec(b *testing.B) {
	op := Op{Kind: OpPut, Type: String, Slot: 300, Version: 70_000, Key: []byte("key:0123456789ab"),
		Value: make([]byte, 100), ExpireAt: 1_700_000_000_123}
	wire := AppendOp(nil, &op)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			wire = AppendOp(wire[:0], &op)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := DecodeOp(wire); err != nil {
				b.Fatal(err)
			}
		}
	})
}
