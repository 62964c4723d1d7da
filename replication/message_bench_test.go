package replication

import "testing"

// BenchmarkMessage measures the message around each piece of the stream.
func BenchmarkMessage(b *testing.B) {
	m := Message{Kind: KindStream, Offset: 1 << 40, Flags: FlagAck, Data: make([]byte, 200)}
	framed := AppendMessage(nil, &m)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			framed = AppendMessage(framed[:0], &m)
		}
	})
	wire := payload(b, &m)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := DecodeMessage(wire, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
