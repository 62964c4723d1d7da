// Command replication runs a master and a replica by themselves, over pipes in memory: a
// full sync, a write that is acknowledged, a link that breaks and resumes, and a promotion.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sync"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// node is a store with its part in replication.
type node struct {
	*replicator.Replicator
	self  slots.Node
	store *keyspace.Store
}

// links is the network: a dialled node accepts the other end of a pipe.
type links struct {
	mu    sync.Mutex // guards all below
	nodes map[slots.NodeID]*node
	open  []net.Conn
}

// start makes a node, at first a master.
func (l *links) start(n byte) (*node, error) {
	x := &node{self: slots.Node{ID: slots.NodeID{n}}}
	backlog := replicator.NewBacklog(0)
	x.store = keyspace.New(keyspace.Config{Sink: backlog})
	var err error
	x.Replicator, err = replicator.New(replicator.Config{
		Self:  func() (id slots.NodeID, incarnation uint64) { return x.self.ID, 1 },
		Store: x.store,
		Log:   backlog,
		Dial:  l.dial,
	})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes[x.self.ID] = x
	return x, nil
}

func (l *links) dial(_ context.Context, to slots.Node) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	near, far := net.Pipe()
	l.nodes[to.ID].Accept(far, slots.NodeID{}) // the connection does not say which node dials
	l.open = append(l.open, near)
	return near, nil
}

// cut closes all connections.
func (l *links) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.open {
		conn.Close()
	}
	l.open = nil
}

func run(ctx context.Context, out io.Writer) error {
	network := &links{nodes: make(map[slots.NodeID]*node)}
	master, err := network.start(1)
	if err != nil {
		return err
	}
	defer master.Close()
	replica, err := network.start(2)
	if err != nil {
		return err
	}
	defer replica.Close()

	// A full sync: what the master has had before the replica came.
	if err := master.set("before", "1"); err != nil {
		return err
	}
	if err := replica.Follow(master.self); err != nil {
		return err
	}
	if err := replica.WaitSynced(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "synced: before is %q\n", replica.get("before"))

	// An acknowledged write: the term is asked for before it, the place after it.
	term := master.Term()
	if err := master.set("after", "2"); err != nil {
		return err
	}
	held, err := master.WaitAcked(ctx, master.Mark(term), 1)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "acknowledged by %d: after is %q\n", held, replica.get("after"))

	// A lost link: the replica comes back by itself, and gets what it has missed.
	network.cut()
	if err := master.set("missed", "3"); err != nil {
		return err
	}
	if err := replica.WaitOffset(ctx, master.Offset()); err != nil {
		return err
	}
	s := master.Status()
	fmt.Fprintf(out, "missed is %q, after %d full sync and %d partial\n", replica.get("missed"), s.FullSyncs,
		s.PartialSyncs)

	// A promotion: the master is gone, the replica goes on with its data.
	if err := master.Close(); err != nil {
		return err
	}
	replica.Promote(2)
	if err := replica.set("own", "4"); err != nil {
		return err
	}
	fmt.Fprintf(out, "promoted: term %d, %d keys\n", replica.Standing().Term, replica.store.Len())
	return nil
}

func (x *node) set(key, value string) error {
	return x.store.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
		return tx.Put([]byte(key), keyspace.String, []byte(value), 0)
	})
}

func (x *node) get(key string) (value string) {
	x.store.View(slots.OfString(key), func(tx *keyspace.Tx) error {
		e, _ := tx.Get([]byte(key))
		value = string(e.Value)
		return nil
	})
	return value
}
