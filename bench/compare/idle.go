package main

import (
	"context"
	"runtime"

	"github.com/slotmesh/slotmesh"
)

// idle measures what a node without data costs, as one of a cluster of n in this process.
func idle(t *table, n int) {
	goroutines, before := runtime.NumGoroutine(), heap()
	nodes := make([]*slotmesh.Node, n)
	for i := range nodes {
		node, err := slotmesh.New(slotmesh.Config{})
		if err == nil {
			err = node.Start(context.Background())
		}
		if err != nil {
			panic(err)
		}
		nodes[i] = node
	}
	if err := slotmesh.Create(context.Background(), nodes...); err != nil {
		panic(err)
	}
	each := float64(n)
	t.add(row{what: "heap and stacks of an idle node, cluster of " + count(n),
		figure: float64(heap()-before) / each / (1 << 20), unit: "MiB", limit: 3})
	t.add(row{what: "goroutines of an idle node, cluster of " + count(n),
		figure: float64(runtime.NumGoroutine()-goroutines) / each})
	for _, node := range nodes {
		node.Close()
	}
}
