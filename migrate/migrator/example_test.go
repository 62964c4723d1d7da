package migrator_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/migrate/migrator"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// master is one of two, which have a slot between them. It is the Node of its Migrator
// and the Sink of its store.
type master struct {
	*migrator.Migrator
	id    slots.NodeID
	peer  *master
	store *keyspace.Store

	mu    sync.Mutex // guards all below
	owner slots.NodeID
	open  slots.Topology // Importing and Migrating
}

func newMaster(id, owner slots.NodeID) (*master, error) {
	n := &master{id: id, owner: owner}
	n.closeSlots()
	n.store = keyspace.New(keyspace.Config{Sink: n})
	var err error
	n.Migrator, err = migrator.New(migrator.Config{Node: n, Engine: migrate.NewEngine(n.store), Disk: &storage.Memory{}})
	return n, err
}

// Commit hands what was written to the Migrator, which remembers deletions.
func (n *master) Commit(slot slots.Slot, ops []keyspace.Op) { n.Committed(slot, ops) }

// Map implements migrator.Node.
func (n *master) Map() *slots.Map {
	n.mu.Lock()
	defer n.mu.Unlock()
	mine, theirs := slots.NewSet(), slots.NewSet()
	if n.owner == n.id {
		mine.Add(7)
	} else {
		theirs.Add(7)
	}
	t := n.open
	t.Self, t.State = n.id, slots.OK
	t.Nodes = []slots.Node{{ID: n.id, Slots: &mine}, {ID: n.peer.id, Slots: &theirs}}
	m, err := slots.NewMap(t)
	if err != nil {
		log.Fatal(err)
	}
	return m
}

// Dial implements migrator.Node.
func (n *master) Dial(context.Context, slots.NodeID) (net.Conn, error) {
	near, far := net.Pipe()
	n.peer.Accept(far, n.id)
	return near, nil
}

// SetSlots implements migrator.Node. A cluster would make it durable, and let gossip tell
// the others.
func (n *master) SetSlots(_ context.Context, set slots.Set, action migrate.Action, peer slots.NodeID) error {
	n.mu.Lock()
	n.closeSlots()
	switch action {
	case migrate.Importing:
		n.open.Importing[7] = peer
	case migrate.Migrating:
		n.open.Migrating[7] = peer
	case migrate.Assign:
		n.owner = peer
	}
	n.mu.Unlock()
	n.store.Barrier(&set) // no transaction acts on the old state any more
	n.MapChanged()
	if action == migrate.Assign {
		n.peer.learn(peer)
	}
	return nil
}

func (n *master) closeSlots() {
	n.open.Importing, n.open.Migrating = map[slots.Slot]slots.NodeID{}, map[slots.Slot]slots.NodeID{}
}

func (n *master) learn(owner slots.NodeID) {
	n.mu.Lock()
	n.owner = owner
	n.mu.Unlock()
	n.MapChanged()
}

// Two nodes that are nothing but a store each, with a pipe in memory between them: a slot
// moves from one to the other.
func Example() {
	a, err := newMaster(slots.NodeID{'A'}, slots.NodeID{'A'})
	if err != nil {
		log.Fatal(err)
	}
	b, err := newMaster(slots.NodeID{'B'}, slots.NodeID{'A'})
	if err != nil {
		log.Fatal(err)
	}
	a.peer, b.peer = b, a
	for _, n := range []*master{a, b} {
		n.Start()
		defer n.Close()
	}
	err = a.store.Update(7, func(tx *keyspace.Tx) error {
		return tx.Put([]byte("key"), keyspace.String, []byte("value"), 0)
	})
	if err != nil {
		log.Fatal(err)
	}

	id, err := a.Move(slots.NewSet(7), b.id)
	if err != nil {
		log.Fatal(err)
	}
	if err := a.Wait(context.Background(), id); err != nil {
		log.Fatal(err)
	}
	s, err := a.Status(id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v: %d slot with %d key\n", s.State, s.Progress.Slots, s.Progress.Keys)
	fmt.Println("keys here and there:", a.store.Count(7), b.store.Count(7))
	// Output:
	// finished: 1 slot with 1 key
	// keys here and there: 0 1
}
