package slotmesh

import (
	"bytes"
	"slices"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// shardLineage knows who belongs to this node's shard, so that it can tell a new master
// that succeeded the old one, and has the shard's data, from one of another shard: a
// replica that moves there, or a master that lost its last slot to it, holds nothing of
// its data. A snapshot bears the name of the shard for the same purpose.
type shardLineage struct {
	published atomic.Pointer[[]byte] // see name
	siblings  atomic.Int32           // other members of the shard, of a master: the failed among them

	master slots.NodeID // of the shard: this node itself, if it is one
	nodes  map[slots.NodeID]bool
}

// includes reports whether a node's data is of the same shard as this node's.
func (k *shardLineage) includes(id slots.NodeID) bool { return k.nodes[id] }

// observe takes in a map. Who was a replica of the shard stays in it as a master, until
// it follows another one.
func (k *shardLineage) observe(m *slots.Map) {
	self := m.Self()
	master := self.Master
	if self.IsMaster() {
		master = self.ID
	}
	if master != k.master {
		if !k.nodes[master] {
			k.nodes = make(map[slots.NodeID]bool)
		}
		k.master = master
	}
	for _, n := range m.Nodes() {
		switch {
		case n.ID == master || n.Master == master:
			k.nodes[n.ID] = true
		case !n.IsMaster():
			delete(k.nodes, n.ID)
		}
	}
	siblings := 0
	for _, n := range m.Nodes() { // a former master that is away may come back with the shard's data
		if n.ID != master && (n.Master == master || k.nodes[n.ID] && n.IsMaster() && !n.HasSlots()) {
			siblings++
		}
	}
	k.siblings.Store(int32(siblings))
	var name []byte
	for id := range k.nodes {
		name = append(name, id[:]...)
	}
	k.published.Store(&name)
}

// forget leaves the shard with all who are in it: this node holds nothing of it any more.
func (k *shardLineage) forget() { k.master, k.nodes = slots.NodeID{}, nil }

// name names the shard by the ids of all who belong to it: any of them may be the master
// when this node starts again. Other goroutines may call it.
func (k *shardLineage) name() []byte {
	if name := k.published.Load(); name != nil {
		return *name
	}
	return nil
}

// named reports whether a node is in the name of a shard.
func named(name []byte, id slots.NodeID) bool {
	for one := range slices.Chunk(name, len(id)) {
		if bytes.Equal(one, id[:]) {
			return true
		}
	}
	return false
}
