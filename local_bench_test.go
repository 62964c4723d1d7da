package slotmesh_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
)

// 95 % reads of the node's own keys: by what finds the owner, and by what does not.
func BenchmarkNode(b *testing.B) {
	const keys = 200_000
	ctx := context.Background()
	n, err := slotmesh.New(slotmesh.Config{})
	if err != nil {
		b.Fatal(err)
	}
	if err := n.Start(ctx); err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	if err := slotmesh.Create(ctx, n); err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 100)
	names := make([]string, keys)
	for i := range names {
		names[i] = fmt.Sprintf("key:%012d", i)
		if err := n.Set(ctx, names[i], value, 0); err != nil {
			b.Fatal(err)
		}
	}
	type access interface {
		Get(ctx context.Context, key string) ([]byte, error)
		Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	}
	for _, c := range []struct {
		name string
		access
	}{{"routed", n}, {"local", n.Local()}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			rnd := rand.New(rand.NewPCG(1, 2))
			for b.Loop() {
				key := names[rnd.IntN(keys)]
				var err error
				if rnd.IntN(100) < 5 {
					err = c.Set(ctx, key, value, 0)
				} else {
					_, err = c.Get(ctx, key)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
