package cache_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
)

// one returns a cluster of one node.
func one(ctx context.Context) *slotmesh.Node {
	node, err := slotmesh.New(slotmesh.Config{Addr: "127.0.0.1:0"})
	if err == nil {
		err = node.Start(ctx)
	}
	if err == nil {
		err = slotmesh.Create(ctx, node)
	}
	if err != nil {
		log.Fatal(err)
	}
	return node
}

func ExampleCache_GetMany() {
	ctx := context.Background()
	node := one(ctx)
	defer node.Close()

	names := map[string]string{"1": "Ada", "2": "Grace"}
	users, err := cache.New(node, cache.Config[string]{
		Name: "users",
		TTL:  time.Minute,
		Load: func(_ context.Context, id string) (string, error) {
			if name, ok := names[id]; ok {
				return name, nil
			}
			return "", cache.ErrNotFound
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	found, err := users.GetMany(ctx, "1", "2", "3") // what does not exist is not in the map
	fmt.Println(found, err)
	fmt.Println(users.Delete(ctx, "1", "2"))
	// Output:
	// map[1:Ada 2:Grace] <nil>
	// <nil>
}

var errBanned = errors.New("banned")

func ExampleConfig() {
	ctx := context.Background()
	node := one(ctx)
	defer node.Close()

	tokens, err := cache.New(node, cache.Config[string]{
		Name:   "tokens",
		TTL:    time.Minute,
		Errors: []error{errBanned}, // errors.Is knows it at every node
		LoadTTL: func(_ context.Context, user string) (string, time.Duration, error) {
			if user == "mallory" {
				return "", 0, fmt.Errorf("%s: %w", user, errBanned)
			}
			return "token of " + user, time.Hour, nil // so long is this one good
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tokens.Get(ctx, "ada"))
	_, err = tokens.Get(ctx, "mallory")
	fmt.Println(err, errors.Is(err, errBanned))
	// Output:
	// token of ada <nil>
	// mallory: banned true
}
