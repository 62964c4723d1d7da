package migrate

import "testing"

// BenchmarkMessage measures the message around each part of a batch.
func BenchmarkMessage(b *testing.B) {
	m := Message{typ: msgPart, n: 300, size: 1 << 20, offset: 1 << 18, data: make([]byte, 200)}
	wire := AppendMessage(nil, &m)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			wire = AppendMessage(wire[:0], &m)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeMessage(wire); err != nil {
				b.Fatal(err)
			}
		}
	})
}
