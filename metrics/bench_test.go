package metrics_test

import (
	"io"
	"testing"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/metrics"
)

// BenchmarkWrite is a scrape of a node with all slots, each of which has been used.
func BenchmarkWrite(b *testing.B) {
	node, err := slotmesh.New(slotmesh.Config{Addr: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	if err := node.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer node.Close()
	if err := slotmesh.Create(b.Context(), node); err != nil {
		b.Fatal(err)
	}
	for i := range 100_000 {
		if err := node.Set(b.Context(), "key"+string(rune('a'+i%26))+string(rune(i)), []byte("v"), 0); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := metrics.Write(io.Discard, node); err != nil {
			b.Fatal(err)
		}
	}
}
