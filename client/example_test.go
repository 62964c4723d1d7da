package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/client"
)

// cluster starts three nodes in this process and returns their client addresses.
func cluster(ctx context.Context) (addrs []string, stop func()) {
	var nodes []*slotmesh.Node
	for range 3 {
		node, err := slotmesh.New(slotmesh.Config{}) // free ports of 127.0.0.1
		if err != nil {
			log.Fatal(err)
		}
		if err := node.Start(ctx); err != nil {
			log.Fatal(err)
		}
		nodes = append(nodes, node)
		addrs = append(addrs, node.Addr().Client())
	}
	if err := slotmesh.Create(ctx, nodes...); err != nil {
		log.Fatal(err)
	}
	return addrs, func() {
		for _, node := range nodes {
			node.Close()
		}
	}
}

// connect returns a client of a cluster.
func connect(ctx context.Context) (c *client.Client, stop func()) {
	addrs, stopNodes := cluster(ctx)
	c, err := client.Dial(ctx, client.DialConfig{Addrs: addrs[:1]}) // the others are found by it
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		c.Close()
		stopNodes()
	}
}

func ExampleDial() {
	ctx := context.Background()
	addrs, stop := cluster(ctx)
	defer stop()

	c, err := client.Dial(ctx, client.DialConfig{Addrs: addrs[:1]}) // the others are found by it
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Set(ctx, "greeting", []byte("hello"), time.Minute); err != nil {
		log.Fatal(err)
	}
	value, err := c.Get(ctx, "greeting")
	fmt.Println(string(value), err)
	_, err = c.Get(ctx, "farewell")
	fmt.Println(errors.Is(err, client.ErrNotFound))
	// Output:
	// hello <nil>
	// true
}

// Keys of all nodes in one call; each has a result of its own.
func ExampleRouter_GetMany() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	results := c.SetMany(ctx, client.Item{Key: "one", Value: []byte("1")}, client.Item{Key: "two", Value: []byte("2")})
	for key, err := range client.Errs(results) {
		log.Fatal(key, err)
	}
	for _, r := range c.GetMany(ctx, "one", "two", "three") {
		fmt.Printf("%s=%q %v\n", r.Key, r.Value, r.Err)
	}
	// Output:
	// one="1" <nil>
	// two="2" <nil>
	// three="" slotmesh: key not found
}

// A transaction on keys of one slot: what stands in braces decides about the slot.
func ExampleRouter_Update() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	visit := func(tx client.Tx) error {
		value, _ := tx.Get("{user:1}visits")
		n, _ := strconv.Atoi(string(value)) // 0 if there is none
		if err := tx.Set("{user:1}visits", []byte(strconv.Itoa(n+1)), 0); err != nil {
			return err
		}
		return tx.Set("{user:1}last", []byte("today"), 24*time.Hour)
	}
	for range 3 {
		if err := c.Update(ctx, []string{"{user:1}visits", "{user:1}last"}, visit); err != nil {
			log.Fatal(err)
		}
	}
	visits, err := c.Get(ctx, "{user:1}visits")
	fmt.Println(string(visits), err)
	// Output: 3 <nil>
}

// Any command that names its keys.
func ExampleRouter_Do() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	fmt.Println(c.Do(ctx, "INCRBY", "counter", 40))
	fmt.Println(c.Do(ctx, "INCRBY", "counter", 2))
	// Output:
	// 40 <nil>
	// 42 <nil>
}

func ExampleRouter_Scan() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	for _, key := range []string{"user:1", "user:2", "order:1"} {
		if err := c.Set(ctx, key, nil, 0); err != nil {
			log.Fatal(err)
		}
	}
	for key, err := range c.Scan(ctx, "user:*") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(key)
	}
	// Unordered output:
	// user:1
	// user:2
}

// Reads from replicas, none of them more than two seconds behind its master.
func ExampleRouter_WithReadPreference() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	reads := c.WithReadPreference(client.ReadReplica).WithMaxStaleness(2 * time.Second)
	if err := c.Set(ctx, "greeting", []byte("hello"), 0); err != nil {
		log.Fatal(err)
	}
	value, err := reads.Get(ctx, "greeting")
	fmt.Println(string(value), err)
	// Output: hello <nil>
}
