package replication

import "testing"

// BenchmarkMessage measures the message around each piece of the stream.
func BenchmarkMessage(b *testing.B) {
	m := message{kind: kindStream, offset: 1 << 40, flags: flagAck, data: make([]byte, 200)}
	framed := appendMessage(nil, &m)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			framed = appendMessage(framed[:0], &m)
		}
	})
	wire := payload(b, &m)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := decodeMessage(wire, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
