package replication_test

import (
	"context"
	"fmt"
	"net"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// A master and a replica; the master goes, the replica takes over.
func Example() {
	network := memnet.New()
	start := func(n byte) (*keyspace.Store, *replication.Replicator, slots.Node) {
		self := slots.Node{ID: slots.NodeID{n}, Addr: slots.Addr{Host: fmt.Sprintf("10.0.0.%d", n), BusPort: 17001}}
		host := network.Host(self.Addr.Host)
		log := replication.NewBacklog(0)
		store := keyspace.New(keyspace.Config{Sink: log})
		r, err := replication.New(replication.Config{
			Self: func() (slots.NodeID, uint64) { return self.ID, 1 }, Store: store, Log: log,
			Dial: func(ctx context.Context, to slots.Node) (net.Conn, error) { return host.Dial(ctx, to.Addr.Bus()) },
		})
		if err != nil {
			panic(err)
		}
		ln, err := host.Listen(":17001")
		if err != nil {
			panic(err)
		}
		go func() {
			for conn, err := ln.Accept(); err == nil; conn, err = ln.Accept() {
				r.Accept(conn)
			}
		}()
		return store, r, self
	}
	ctx := context.Background()
	key := []byte("greeting")
	store, master, address := start(1)
	copied, replica, _ := start(2)

	replica.Follow(address)
	replica.WaitSynced(ctx)
	term := master.Term()
	store.Update(slots.Of(key), func(tx *keyspace.Tx) error { return tx.Put(key, keyspace.String, []byte("hello"), 0) })
	n, err := master.WaitAcked(ctx, master.Mark(term), 1)
	fmt.Println("replicas that hold it:", n, err)

	master.Close()
	replica.Promote(0)
	copied.View(slots.Of(key), func(tx *keyspace.Tx) error {
		e, _ := tx.Get(key)
		fmt.Printf("%s\n", e.Value)
		return nil
	})
	replica.Close()
	// Output:
	// replicas that hold it: 1 <nil>
	// hello
}
