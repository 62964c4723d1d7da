package replicator_test

import (
	"context"
	"fmt"
	"net"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// node is a store with a Replicator. Its connections are pipes in memory.
type node struct {
	self  slots.Node
	store *keyspace.Store
	*replicator.Replicator
}

// start makes a node whose connections to a master end at the node of that id in peers.
func start(n byte, peers map[slots.NodeID]*node) (*node, error) {
	x := &node{self: slots.Node{ID: slots.NodeID{n}}}
	log := replicator.NewBacklog(0)
	x.store = keyspace.New(keyspace.Config{Sink: log})
	var err error
	x.Replicator, err = replicator.New(replicator.Config{
		Self:  func() (id slots.NodeID, incarnation uint64) { return x.self.ID, 1 },
		Store: x.store,
		Log:   log,
		Dial: func(_ context.Context, to slots.Node) (net.Conn, error) {
			near, far := net.Pipe()
			peers[to.ID].Accept(far, x.self.ID)
			return near, nil
		},
	})
	peers[x.self.ID] = x
	return x, err
}

// A master and a replica; the master goes, the replica takes over.
func Example() {
	peers := make(map[slots.NodeID]*node)
	master, err := start(1, peers)
	if err != nil {
		panic(err)
	}
	replica, err := start(2, peers)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if err := replica.Follow(master.self); err != nil {
		panic(err)
	}
	if err := replica.WaitSynced(ctx); err != nil {
		panic(err)
	}

	key := []byte("greeting")
	term := master.Term()
	master.store.Update(slots.Of(key), func(tx *keyspace.Tx) error {
		return tx.Put(key, keyspace.String, []byte("hello"), 0)
	})
	n, err := master.WaitAcked(ctx, master.Mark(term), 1)
	fmt.Println("replicas that hold it:", n, err)

	master.Close()
	replica.Promote(0)
	replica.store.View(slots.Of(key), func(tx *keyspace.Tx) error {
		e, _ := tx.Get(key)
		fmt.Printf("%s\n", e.Value)
		return nil
	})
	replica.Close()
	// Output:
	// replicas that hold it: 1 <nil>
	// hello
}
