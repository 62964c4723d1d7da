package main

import (
	"context"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/migrate/migrator"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// node is a store and its migrator. It implements migrator.Node, and keyspace.Sink for
// its store.
type node struct {
	*migrator.Migrator
	id     slots.NodeID
	peer   *node
	store  *keyspace.Store
	engine *migrate.StoreEngine

	m  atomic.Pointer[slots.Map]
	mu sync.Mutex // held while the map is changed
}

// startPair starts two nodes, the first of which owns a slot.
func startPair(slot slots.Slot) (a, b *node, err error) {
	a, b = &node{id: slots.NodeID{'A'}}, &node{id: slots.NodeID{'B'}}
	a.peer, b.peer = b, a
	owned := slots.NewSet(slot)
	for _, n := range []*node{a, b} {
		m, err := slots.NewMap(slots.Topology{Self: n.id, State: slots.OK,
			Nodes: []slots.Node{{ID: a.id, Slots: &owned}, {ID: b.id}}})
		if err != nil {
			return nil, nil, err
		}
		n.m.Store(m)
		n.store = keyspace.New(keyspace.Config{Sink: n})
		n.engine = migrate.NewEngine(n.store)
		n.Migrator, err = migrator.New(migrator.Config{Node: n, Engine: n.engine, Disk: &storage.Memory{}})
		if err != nil {
			return nil, nil, err
		}
	}
	a.Start()
	b.Start()
	return a, b, nil
}

// Commit receives what was written: the migrator remembers deletions in slots that come.
func (n *node) Commit(slot slots.Slot, ops []keyspace.Op) { n.Committed(slot, ops) }

func (n *node) Map() *slots.Map { return n.m.Load() }

func (n *node) Dial(context.Context, slots.NodeID) (net.Conn, error) {
	near, far := net.Pipe()
	n.peer.Accept(far, n.id)
	return near, nil
}

// SetSlots changes the state of slots, and tells the other node of a claim, as gossip
// would.
func (n *node) SetSlots(_ context.Context, set slots.Set, action migrate.Action, peer slots.NodeID) error {
	time.Sleep(time.Millisecond) // as long as a disk takes to make it durable
	err := n.change(&set, func(t *slots.Topology, slot slots.Slot) {
		delete(t.Importing, slot)
		delete(t.Migrating, slot)
		switch action {
		case migrate.Importing:
			t.Importing[slot] = peer
		case migrate.Migrating:
			t.Migrating[slot] = peer
		case migrate.Assign:
			assign(t, slot, peer)
		}
	})
	if err == nil && action == migrate.Assign && peer == n.id {
		err = n.peer.change(&set, func(t *slots.Topology, slot slots.Slot) { assign(t, slot, peer) })
	}
	return err
}

func assign(t *slots.Topology, slot slots.Slot, owner slots.NodeID) {
	for i := range t.Nodes {
		if t.Nodes[i].Slots.Remove(slot); t.Nodes[i].ID == owner {
			t.Nodes[i].Slots.Add(slot)
		}
	}
}

// change puts a new map in force. When it returns, no transaction acts on the old one.
func (n *node) change(set *slots.Set, edit func(*slots.Topology, slots.Slot)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	was := n.m.Load()
	t := slots.Topology{Self: n.id, State: slots.OK, Migrating: map[slots.Slot]slots.NodeID{},
		Importing: map[slots.Slot]slots.NodeID{}}
	migrating, importing := was.OpenSlots()
	maps.Copy(t.Migrating, migrating)
	maps.Copy(t.Importing, importing)
	for _, member := range was.Nodes() {
		owned := slots.NewSet()
		if member.Slots != nil {
			owned = *member.Slots
		}
		t.Nodes = append(t.Nodes, slots.Node{ID: member.ID, Slots: &owned})
	}
	for slot := range set.All() {
		edit(&t, slot)
	}
	m, err := slots.NewMap(t)
	if err != nil {
		return err
	}
	n.m.Store(m)
	n.store.Barrier(set)
	n.MapChanged()
	return nil
}
