package shard

import (
	"bytes"
	"slices"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// Lineage knows which nodes belong to this node's shard, so that it can tell a new master
// that succeeded the old one, and has the shard's data, from one of another shard: a
// replica that moves there, or a master that lost its last slot to it, holds nothing of
// its data. A snapshot bears the name of the shard for the same purpose.
//
// One goroutine at a time may call its methods, except Name and Siblings, which any may.
type Lineage struct {
	name     atomic.Pointer[[]byte]
	siblings atomic.Int32

	master slots.NodeID // of the shard: this node itself, if it is one
	nodes  map[slots.NodeID]bool
}

// Includes reports whether a node's data is of the same shard as this node's.
func (l *Lineage) Includes(id slots.NodeID) bool { return l.nodes[id] }

// Observe takes in a map. A node that was a replica of the shard stays in it as a master,
// until it follows another one.
func (l *Lineage) Observe(m *slots.Map) {
	self := m.Self()
	master := self.Master
	if self.IsMaster() {
		master = self.ID
	}
	if master != l.master {
		if !l.nodes[master] {
			l.nodes = make(map[slots.NodeID]bool)
		}
		l.master = master
	}
	for _, n := range m.Nodes() {
		switch {
		case n.ID == master || n.Master == master:
			l.nodes[n.ID] = true
		case !n.IsMaster():
			delete(l.nodes, n.ID)
		}
	}
	siblings := 0
	for _, n := range m.Nodes() { // a former master that is away may come back with the shard's data
		if n.ID != master && (n.Master == master || l.nodes[n.ID] && n.IsMaster() && !n.HasSlots()) {
			siblings++
		}
	}
	l.siblings.Store(int32(siblings))
	var name []byte
	for id := range l.nodes {
		name = append(name, id[:]...)
	}
	l.name.Store(&name)
}

// Forget leaves the shard with all nodes that are in it: this node holds nothing of it any
// more.
func (l *Lineage) Forget() { l.master, l.nodes = slots.NodeID{}, nil }

// Siblings returns how many other members the shard of a master has, the failed among
// them.
func (l *Lineage) Siblings() int { return int(l.siblings.Load()) }

// Name names the shard by the ids of all nodes that belong to it: any of them may be the
// master when this node starts again.
func (l *Lineage) Name() []byte {
	if name := l.name.Load(); name != nil {
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
