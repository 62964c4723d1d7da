package server

import (
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// BenchmarkStreams measures writes as `compare -only streams` sends them, 16 at a time.
func BenchmarkStreams(b *testing.B) {
	const entry = " * sensor 000000012345 temperature 21.5 humidity 40"
	for _, line := range []struct{ name, command string }{
		{"XADD", "XADD key:stream" + entry},
		{"XADD-MAXLEN-about", "XADD key:stream MAXLEN ~ 1000" + entry},
		{"XADD-MAXLEN", "XADD key:stream MAXLEN 1000" + entry},
	} {
		b.Run(line.name, func(b *testing.B) {
			srv := startServer(b, Config{Cluster: newFakeCluster()})
			batch := []byte(strings.Repeat(string(resp.AppendCommand(nil, strings.Fields(line.command)...)), 16))
			b.ReportAllocs()
			b.ResetTimer()
			srv.ServeConn(&loopConn{batch: batch, left: (b.N + 15) / 16})
		})
	}
}

// BenchmarkReadGroup reads entries one by one and acknowledges them; ns/op is for both.
func BenchmarkReadGroup(b *testing.B) {
	srv := startServer(b, Config{Cluster: newFakeCluster()})
	expect(b, connect(b, srv), "XGROUP CREATE key:stream group $ MKSTREAM", "+OK")
	var add, read []byte
	for i := range b.N {
		id := "1-" + strconv.Itoa(i+1)
		add = resp.AppendCommand(add, "XADD", "key:stream", id, "order", strconv.Itoa(i), "kind", "book", "state", "new")
		read = resp.AppendCommand(read, strings.Fields("XREADGROUP GROUP group c COUNT 1 STREAMS key:stream >")...)
		read = resp.AppendCommand(read, "XACK", "key:stream", "group", id)
	}
	srv.ServeConn(&streamConn{loopConn: loopConn{batch: add, left: 1}})
	b.ReportAllocs()
	b.ResetTimer()
	srv.ServeConn(&streamConn{loopConn: loopConn{batch: read, left: 1}})
}
