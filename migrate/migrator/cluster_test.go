package migrator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// testCluster is some masters on a network in memory. What gossip would spread is known to
// all at once; a change of slots takes as long as syncDisk.
type testCluster struct {
	t     *testing.T
	net   *memnet.Network
	nodes []*testNode

	mu    sync.Mutex // guards all below
	owner map[slots.Slot]int
	moved map[slots.NodeID]int // whose address another node, with that index, has now
}

type testNode struct {
	c      *testCluster
	index  int
	id     slots.NodeID
	host   *memnet.Host
	disk   *storage.Memory
	store  *keyspace.Store
	engine *migrate.StoreEngine
	driver *Migrator
	ln     net.Listener
	acc    sync.WaitGroup

	replicas *testReplicas // nil: none; set before start

	mu        sync.Mutex // guards all below
	migrating map[slots.Slot]slots.NodeID
	importing map[slots.Slot]slots.NodeID
	m         *slots.Map
}

const testSlots = 1200 // the first node's; the others own one each beyond

func newTestCluster(t *testing.T, n int) *testCluster {
	c := &testCluster{t: t, net: memnet.New(), owner: make(map[slots.Slot]int)}
	for slot := range slots.Slot(testSlots) {
		c.owner[slot] = 0
	}
	for i := range n {
		c.owner[slots.Slot(testSlots+i)] = i
		node := &testNode{c: c, index: i, id: slots.NodeID{byte('A' + i)}, disk: &storage.Memory{},
			host:      c.net.Host(fmt.Sprintf("10.0.0.%d", i+1)),
			migrating: map[slots.Slot]slots.NodeID{}, importing: map[slots.Slot]slots.NodeID{}}
		node.store = keyspace.New(keyspace.Config{Sink: node})
		c.nodes = append(c.nodes, node)
	}
	c.publish()
	for _, n := range c.nodes {
		n.start()
	}
	t.Cleanup(c.close)
	return c
}

func (c *testCluster) close() {
	for _, n := range c.nodes {
		n.stop()
	}
}

// start brings a node up; its store and disk outlive a stop.
func (n *testNode) start() {
	n.engine = migrate.NewEngine(n.store)
	cfg := Config{Node: n, Engine: n.engine, Disk: n.disk}
	if n.replicas != nil {
		cfg.Replicas, cfg.Promises = n.replicas, n.replicas
	}
	d, err := New(cfg)
	if err != nil {
		n.c.t.Fatal(err)
	}
	n.mu.Lock()
	n.driver = d
	n.mu.Unlock()
	if n.ln, err = n.host.Listen(":7000"); err != nil {
		n.c.t.Fatal(err)
	}
	ln := n.ln
	n.acc.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			d.Accept(conn, slots.NodeID{})
		}
	})
	d.Start()
}

func (n *testNode) stop() {
	n.ln.Close()
	n.acc.Wait()
	n.driver.Close()
}

// publish gives every node its map.
func (c *testCluster) publish() {
	c.mu.Lock()
	members := make([]slots.Node, len(c.nodes))
	for i, n := range c.nodes {
		members[i] = slots.Node{ID: n.id, Slots: new(slots.Set)}
	}
	for slot, i := range c.owner {
		members[i].Slots.Add(slot)
	}
	for _, n := range c.nodes {
		n.mu.Lock()
		m, err := slots.NewMap(slots.Topology{Self: n.id, Nodes: members, State: slots.OK, Migrating: maps.Clone(n.migrating),
			Importing: maps.Clone(n.importing)})
		if err != nil {
			panic(err)
		}
		n.m = m
		n.mu.Unlock()
	}
	c.mu.Unlock()
	for _, n := range c.nodes {
		n.mu.Lock()
		d := n.driver
		n.mu.Unlock()
		if d != nil {
			d.MapChanged()
		}
	}
}

// Commit hands the commits of the store to the driver, once there is one.
func (n *testNode) Commit(slot slots.Slot, ops []keyspace.Op) {
	n.mu.Lock()
	d := n.driver
	n.mu.Unlock()
	if d != nil {
		d.Committed(slot, ops)
	}
}

func (n *testNode) Map() *slots.Map {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.m
}

func (n *testNode) Dial(ctx context.Context, id slots.NodeID) (net.Conn, error) {
	n.c.mu.Lock()
	at, moved := n.c.moved[id]
	n.c.mu.Unlock()
	if !moved {
		at = int(id[0] - 'A')
	}
	return n.host.Dial(ctx, fmt.Sprintf("10.0.0.%d:7000", at+1))
}

func (n *testNode) SetSlots(ctx context.Context, set slots.Set, action migrate.Action, peer slots.NodeID) error {
	syncDisk()
	if err := ctx.Err(); err != nil {
		return err // the node stopped before the change was on its disk
	}
	n.c.mu.Lock()
	n.mu.Lock()
	for slot := range set.All() {
		switch action {
		case migrate.Importing:
			n.importing[slot] = peer
		case migrate.Migrating:
			n.migrating[slot] = peer
		case migrate.Stable, migrate.Assign:
			delete(n.importing, slot)
			delete(n.migrating, slot)
			if action == migrate.Assign {
				n.c.owner[slot] = int(peer[0] - 'A')
			}
		}
	}
	n.mu.Unlock()
	n.c.mu.Unlock()
	n.c.publish()
	n.store.Barrier(&set)
	return nil
}

// fill puts keys into the slots 0 to last of the first node.
func (c *testCluster) fill(last slots.Slot, perSlot, size int) {
	value := make([]byte, size)
	for slot := range last + 1 {
		c.nodes[0].store.Update(slot, func(tx *keyspace.Tx) error {
			for i := range perSlot {
				if err := tx.Put([]byte(key(slot, i)), keyspace.String, value, 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// check asks for a cluster at rest with all keys of slots 0 to last at one node.
func (c *testCluster) check(last slots.Slot, perSlot, at int) {
	c.t.Helper()
	for _, n := range c.nodes {
		if !n.Map().Open().Empty() {
			c.t.Errorf("node %d has open slots: %s", n.index, n.Map().Open())
		}
		for slot := range last + 1 {
			if n.index == at && !n.Map().IsMine(slot) {
				c.t.Fatalf("slot %d is not node %d's", slot, at)
			}
			want := 0
			if n.index == at {
				want = perSlot
			}
			if got := n.store.Count(slot); got != want {
				c.t.Fatalf("node %d has %d keys in slot %d, not %d", n.index, got, slot, want)
			}
		}
	}
}

func key(slot slots.Slot, i int) string { return fmt.Sprintf("%d:%d", slot, i) }

func slotsUpTo(last slots.Slot) (set slots.Set) {
	set.AddRange(slots.Range{First: 0, Last: last})
	return set
}

// move runs a job to its end.
func (c *testCluster) move(from, to int, set slots.Set) migrate.Status {
	c.t.Helper()
	d := c.nodes[from].driver
	id, err := d.Move(set, c.nodes[to].id)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := d.Wait(ctx, id); err != nil {
		s, _ := d.Status(id)
		c.t.Fatalf("%v: %+v %s", err, s.Progress, s.Doing)
	}
	s, err := d.Status(id)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

var errFault = errors.New("no space left on device")
