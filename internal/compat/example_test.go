package compat_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// This file is example_test.go as of commit 70c7649; only the names of the Examples are
// others, and one is compiled but not run.

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

func Example_create() {
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

// A key of another node's slot gives an error that names the owner.
func Example_get() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
	_, err := nodes[0].Get(ctx, "foo")
	var moved *slots.MovedError
	fmt.Println(errors.As(err, &moved), moved.Slot, moved.Node == nodes[2].ID())
	// It gave "true 12182 true". Node.Get finds the owner now: Node.Local().Get is what gives
	// this error.
}

// Several keys of one slot change together or not at all.
func Example_updateLocal() {
	ctx := context.Background()
	nodes, stop := three(ctx)
	defer stop()
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
	for _, n := range nodes {
		if !n.Map().IsMine(slots.OfString("{queue}todo")) {
			continue
		}
		n.Set(ctx, "{queue}todo", []byte("job 1"), 0)
		fmt.Println(n.Update(ctx, []string{"{queue}todo", "{queue}doing"}, move))
		fmt.Println(n.Update(ctx, []string{"{queue}todo", "{queue}doing"}, move))
	}
	// Output:
	// <nil>
	// slotmesh: key not found
}
