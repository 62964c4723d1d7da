package shard

import (
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Commits is the Sink of the node's store: each commit goes into the stream, and then to
// the migrations, once there are any.
type Commits struct {
	stream     keyspace.Sink
	migrations atomic.Pointer[Observer]
}

// Observer looks at what has been committed, under the slot's lock.
type Observer interface {
	Committed(slot slots.Slot, ops []keyspace.Op)
}

// NewCommits returns a Sink that passes commits on to the stream.
func NewCommits(stream keyspace.Sink) *Commits { return &Commits{stream: stream} }

// Observe makes the migrations look at each commit from now on.
func (c *Commits) Observe(migrations Observer) { c.migrations.Store(&migrations) }

// Commit is called by the store with the slot's lock held.
func (c *Commits) Commit(slot slots.Slot, ops []keyspace.Op) {
	c.stream.Commit(slot, ops)
	if m := c.migrations.Load(); m != nil {
		(*m).Committed(slot, ops)
	}
}
