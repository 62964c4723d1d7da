package server

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// BenchmarkLists fills a list and empties it, 16 commands at a time; ns/op is for one of
// each.
func BenchmarkLists(b *testing.B) {
	srv := startServer(b, Config{Cluster: newFakeCluster()})
	b.ReportAllocs()
	b.ResetTimer()
	for _, command := range []string{"LPUSH key:list abc", "RPOP key:list"} {
		batch := []byte(strings.Repeat(string(resp.AppendCommand(nil, strings.Fields(command)...)), 16))
		srv.ServeConn(&loopConn{batch: batch, left: (b.N + 15) / 16})
	}
}
