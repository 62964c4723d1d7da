package bench

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/script"
)

// BenchmarkEval runs scripts at a node without a network between: with -cpu 1,2 those on
// slots of their own take half the time on two processors, those on one slot do not.
func BenchmarkEval(b *testing.B) {
	node, err := slotmesh.New(slotmesh.Config{Scripts: script.New(script.Config{})})
	if err == nil {
		err = node.Start(b.Context())
	}
	if err == nil {
		err = slotmesh.CreateWithoutFailover(b.Context(), 0, node)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer node.Close()
	loop := script.NewScript(`
		local n = 0
		for i = 1, 1000 do n = n + i % 7 end
		return redis.call("incrby", KEYS[1], n)`)
	one := script.NewScript(`return redis.call("get", KEYS[1])`)
	for _, c := range []struct {
		name string
		s    script.Script
		key  func(i int64) string
	}{
		{"loop/slots of their own", loop, func(i int64) string { return fmt.Sprint("key:", i) }},
		{"loop/one slot", loop, func(i int64) string { return "{key}" }},
		{"get", one, func(i int64) string { return fmt.Sprint("get:", i) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			var next atomic.Int64
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				keys := []string{c.key(next.Add(1))}
				for pb.Next() {
					if _, err := node.Local().Eval(b.Context(), c.s, keys); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
