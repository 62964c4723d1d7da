package gossip

import "testing"

func BenchmarkHeartbeat(b *testing.B) {
	s := newCluster(b, 1, 30, DefaultNodeTimeout)
	m := s.nodes[0].core.heartbeat(TypePing)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf = AppendMessage(buf[:0], m)
		}
		b.SetBytes(int64(len(buf)))
	})
	payload := AppendMessage(nil, m)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeMessage(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tick", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.nodes[0].core.Tick(s.now)
			s.nodes[0].core.Output()
		}
	})
}
