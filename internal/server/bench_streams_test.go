package server

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// BenchmarkStreams measures writes as `compare -only streams` sends them, 16 at a time;
// ns/op is for one line of commands.
func BenchmarkStreams(b *testing.B) {
	const entry = " * sensor 000000012345 temperature 21.5 humidity 40"
	for _, line := range []struct{ name, commands string }{
		{"XADD", "XADD key:stream" + entry},
		{"XADD-MAXLEN-about", "XADD key:stream MAXLEN ~ 1000" + entry},
		{"XADD-MAXLEN", "XADD key:stream MAXLEN 1000" + entry},
		{"XREADGROUP", "XADD key:stream MAXLEN ~ 1000" + entry +
			"\nXREADGROUP GROUP group consumer COUNT 1 NOACK STREAMS key:stream >"},
	} {
		b.Run(line.name, func(b *testing.B) {
			srv := startServer(b, Config{Cluster: newFakeCluster()})
			do(b, connect(b, srv), "XGROUP CREATE key:stream group $ MKSTREAM")
			var batch []byte
			for range 16 {
				for _, command := range strings.Split(line.commands, "\n") {
					batch = resp.AppendCommand(batch, strings.Fields(command)...)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			srv.ServeConn(&streamConn{loopConn: loopConn{batch: batch, left: (b.N + 15) / 16}})
		})
	}
}
