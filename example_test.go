package slotmesh_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// A node of its own: the shortest way to a serving one.
func Example() {
	ctx := context.Background()
	node, err := slotmesh.New(slotmesh.Config{}) // free ports of 127.0.0.1, nothing on disk
	if err != nil {
		log.Fatal(err)
	}
	if err := node.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	if err := slotmesh.Create(ctx, node); err != nil { // it owns all slots
		log.Fatal(err)
	}
	if err := node.Set(ctx, "greeting", []byte("hello"), time.Minute); err != nil {
		log.Fatal(err)
	}
	value, err := node.Get(ctx, "greeting")
	fmt.Println(string(value), err)
	// Output: hello <nil>
}

// three returns a cluster of three nodes in this process.
func three(ctx context.Context) (nodes []*slotmesh.Node, stop func()) {
	for range 3 {
		node, err := slotmesh.New(slotmesh.Config{})
		if err != nil {
			log.Fatal(err)
		}
		if err := node.Start(ctx); err != nil {
			log.Fatal(err)
		}
		nodes = append(nodes, node)
	}
	if err := slotmesh.Create(ctx, nodes...); err != nil {
		log.Fatal(err)
	}
	return nodes, func() {
		for _, n := range nodes {
			n.Close()
		}
	}
}

func ExampleCreate() {
	nodes, stop := three(context.Background())
	defer stop()
	for _, n := range nodes {
		fmt.Println(n.Map().Self().Slots)
	}
	// Output:
	// 0-5460
	// 5461-10922
	// 10923-16383
}

// Any node reaches every key of the cluster.
func ExampleNode_Get() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	if err := nodes[1].Set(ctx, "foo", []byte("bar"), 0); err != nil { // foo lives at nodes[2]
		log.Fatal(err)
	}
	value, err := nodes[0].Get(ctx, "foo")
	fmt.Println(string(value), err)
	// Output: bar <nil>
}

// Local serves the node's own slots only: a key of another one gives an error that names
// the owner.
func ExampleNode_Local() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	_, err := nodes[0].Local().Get(ctx, "foo")
	var moved *slots.MovedError
	fmt.Println(errors.As(err, &moved), moved.Slot, moved.Node == nodes[2].ID())
	// Output: true 12182 true
}

// Several keys of one slot change together or not at all.
func ExampleNode_Update() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	node := nodes[0] // or any other
	move := func(tx slotmesh.Tx) error {
		job, ok := tx.Get("{queue}todo")
		if !ok {
			return slotmesh.ErrNotFound
		}
		if err := tx.Set("{queue}doing", job, 0); err != nil {
			return err
		}
		tx.Delete("{queue}todo")
		return nil
	}
	node.Set(ctx, "{queue}todo", []byte("job 1"), 0)
	fmt.Println(node.Update(ctx, []string{"{queue}todo", "{queue}doing"}, move))
	fmt.Println(node.Update(ctx, []string{"{queue}todo", "{queue}doing"}, move))
	// Output:
	// <nil>
	// slotmesh: key not found
}
