package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// 16-byte keys, 100-byte values, 95 % reads, over TCP on the loopback: keys of the node
// that is asked, and keys of others.
func BenchmarkRouter(b *testing.B) {
	const keys = 100_000
	c := clustertest.Start(b, clustertest.Config{Masters: 3, TCP: true})
	n := c.Node(0)
	r := n.Router()
	value := make([]byte, 100)
	var local, remote []string
	var items []client.Item
	for i := range keys {
		key := fmt.Sprintf("key:%012d", i)
		items = append(items, client.Item{Key: key, Value: value})
		if n.Map().IsMine(slots.OfString(key)) {
			local = append(local, key)
		} else {
			remote = append(remote, key)
		}
	}
	for _, err := range client.Errs(r.SetMany(context.Background(), items...)) {
		b.Fatal(err)
	}
	for name, list := range map[string][]string{"local": local, "remote": remote} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%dcallers", name, callers), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(callers)
				b.RunParallel(func(pb *testing.PB) {
					ctx := context.Background()
					rnd := rand.New(rand.NewPCG(1, 2))
					for pb.Next() {
						key := list[rnd.IntN(len(list))]
						var err error
						if rnd.IntN(100) < 5 {
							err = r.Set(ctx, key, value, 0)
						} else {
							_, err = r.Get(ctx, key)
						}
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
