package migrate

import "testing"

// BenchmarkMessage measures the message around each part of a batch.
func BenchmarkMessage(b *testing.B) {
	m := message{Type: msgPart, N: 300, Size: 1 << 20, Offset: 1 << 18, Data: make([]byte, 200)}
	wire := appendMessage(nil, &m)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			wire = appendMessage(wire[:0], &m)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeMessage(wire); err != nil {
				b.Fatal(err)
			}
		}
	})
}
