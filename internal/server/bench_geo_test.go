package server

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// BenchmarkGeoSearch measures searches as `compare -only bitmaps` sends them, 16 at a time.
func BenchmarkGeoSearch(b *testing.B) {
	srv := startServer(b, Config{Cluster: newFakeCluster()})
	rnd := rand.New(rand.NewPCG(1, 1))
	degrees := func() string { return fmt.Sprintf("%.4f", 10*rnd.Float64()) }
	var add, search []byte
	for i := range 100_000 {
		add = resp.AppendCommand(add, "GEOADD", "key:geo", degrees(), degrees(), fmt.Sprint("place:", i))
	}
	for range 16 {
		search = resp.AppendCommand(search, "GEOSEARCH", "key:geo", "FROMLONLAT", degrees(), degrees(), "BYRADIUS", "10",
			"km", "ASC", "COUNT", "10")
	}
	srv.ServeConn(&streamConn{loopConn: loopConn{batch: add, left: 1}})
	b.ReportAllocs()
	b.ResetTimer()
	srv.ServeConn(&loopConn{batch: search, left: (b.N + 15) / 16})
}
