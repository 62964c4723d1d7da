package migrator

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// BenchmarkMove moves slots to and fro between two drivers over TCP, with 100-byte
// values; a change of slots is written to the disk.
func BenchmarkMove(b *testing.B) {
	for _, c := range []struct{ slots, keys int }{{2048, 12}, {256, 500}, {16, 10_000}} {
		b.Run(fmt.Sprintf("slots=%d,keys=%d", c.slots, c.keys), func(b *testing.B) {
			cl := newBenchCluster(b, c.slots)
			value := make([]byte, 100)
			for slot := range slots.Slot(c.slots) {
				cl[0].store.Update(slot, func(tx *keyspace.Tx) error {
					for i := range c.keys {
						if err := tx.Put([]byte(key(slot, i)), keyspace.String, value, 0); err != nil {
							return err
						}
					}
					return nil
				})
			}
			set := slotsUpTo(slots.Slot(c.slots - 1))
			b.ReportAllocs()
			start := time.Now()
			rounds := 0
			for b.Loop() {
				from, to := cl[rounds%2], cl[1-rounds%2]
				rounds++
				id, err := from.driver.Move(set, to.id)
				if err != nil {
					b.Fatal(err)
				}
				if err := from.driver.Wait(context.Background(), id); err != nil {
					b.Fatal(err)
				}
			}
			took := time.Since(start).Seconds() / float64(rounds)
			b.ReportMetric(float64(c.slots)/took, "slots/s")
			b.ReportMetric(float64(c.slots*c.keys)/took, "keys/s")
		})
	}
}

// benchNode is a node whose map only the two of them share.
type benchNode struct {
	id     slots.NodeID
	peer   *benchNode
	store  *keyspace.Store
	engine *migrate.StoreEngine
	disk   storage.Disk
	driver *Migrator
	ln     net.Listener

	mu    sync.Mutex // guards all below
	owned slots.Set
	open  map[slots.Slot]migrate.Action
	m     *slots.Map
}

func newBenchCluster(b *testing.B, n int) [2]*benchNode {
	var cl [2]*benchNode
	for i := range cl {
		cl[i] = &benchNode{id: slots.NodeID{byte('A' + i)}, store: keyspace.New(keyspace.Config{}),
			disk: storage.Dir(b.TempDir()), open: make(map[slots.Slot]migrate.Action)}
	}
	cl[0].owned = slotsUpTo(slots.Slot(n - 1))
	for i, node := range cl {
		node.peer = cl[1-i]
	}
	for _, node := range cl {
		node.rebuild()
		var err error
		node.engine = migrate.NewEngine(node.store)
		node.driver, err = New(Config{Node: node, Engine: node.engine, Disk: node.disk})
		if err != nil {
			b.Fatal(err)
		}
		if node.ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			b.Fatal(err)
		}
		go func() {
			for {
				conn, err := node.ln.Accept()
				if err != nil {
					return
				}
				node.driver.Accept(conn, slots.NodeID{})
			}
		}()
		node.driver.Start()
		b.Cleanup(func() { node.ln.Close(); node.driver.Close() })
	}
	return cl
}

func (n *benchNode) rebuild() {
	n.peer.mu.Lock()
	theirs := n.peer.owned
	n.peer.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	mine := n.owned
	theirs.Subtract(&mine)
	t := slots.Topology{Self: n.id, State: slots.OK, Migrating: map[slots.Slot]slots.NodeID{},
		Importing: map[slots.Slot]slots.NodeID{},
		Nodes:     []slots.Node{{ID: n.id, Slots: &mine}, {ID: n.peer.id, Slots: &theirs}}}
	for slot, action := range n.open {
		if action == migrate.Migrating {
			t.Migrating[slot] = n.peer.id
		} else {
			t.Importing[slot] = n.peer.id
		}
	}
	m, err := slots.NewMap(t)
	if err != nil {
		panic(err)
	}
	n.m = m
}

func (n *benchNode) Map() *slots.Map {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.m
}

func (n *benchNode) Dial(ctx context.Context, id slots.NodeID) (net.Conn, error) {
	return net.Dial("tcp", n.peer.ln.Addr().String())
}

func (n *benchNode) SetSlots(_ context.Context, set slots.Set, action migrate.Action, peer slots.NodeID) error {
	if err := storage.WriteFile(n.disk, "nodes.conf", make([]byte, 1000)); err != nil {
		return err
	}
	n.mu.Lock()
	for slot := range set.All() {
		delete(n.open, slot)
		if action == migrate.Importing || action == migrate.Migrating {
			n.open[slot] = action
		}
	}
	if action == migrate.Assign && peer == n.id {
		n.owned.Union(&set)
	} else if action == migrate.Assign {
		n.owned.Subtract(&set)
	}
	n.mu.Unlock()
	n.rebuild()
	n.driver.MapChanged()
	return nil
}
