package migrator

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// deletions are the deletions that all goroutines of a Migrator, and the writers of the
// store, have in common.
type deletions struct {
	some atomic.Bool // there are slots: asked for each commit of the node

	mu sync.Mutex // guards d; taken under slots' locks
	d  migrate.Deletions
}

func (d *deletions) begin(job migrate.JobID, set *slots.Set) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.d.Begin(job, set)
	d.some.Store(!d.d.Empty())
}

func (d *deletions) end(gone func(slots.Slot) bool) {
	if !d.some.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.d.End(gone)
	d.some.Store(!d.d.Empty())
}

// commit takes what a transaction has done; see [migrate.Deletions.Commit].
func (d *deletions) commit(slot slots.Slot, ops []keyspace.Op) bool {
	if !d.some.Load() || !slices.ContainsFunc(ops, func(op keyspace.Op) bool { return op.Kind == keyspace.OpDelete }) {
		return true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.d.Commit(slot, ops)
}

func (d *deletions) undone(batch []byte) {
	if !d.some.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.d.Undone(batch)
}

func (d *deletions) of(slot slots.Slot) [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.d.Of(slot)
}
