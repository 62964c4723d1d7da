package migrate

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// deletions are the keys that the target of a job has had and deleted, or seen expire,
// while their slots were open. A source that comes back with an older state than it had,
// from a snapshot or as a replica that lagged behind, finds such keys again, and nothing
// at the target would tell them from keys that have yet to move: so the target lists them
// with those that it has. They are kept in memory only: a target that restarts in the
// same moments has forgotten them, and a replica that takes its place has never known.
type deletions struct {
	some atomic.Bool // there are slots: asked for each commit of the node

	mu    sync.Mutex // guards all below; taken under slots' locks
	slots map[slots.Slot]*deleted
	size  int
	full  bool // a deletion was not kept
}

// deleted belongs to one job, since from one to the next the source may have written keys
// anew that are in it.
type deleted struct {
	job  JobID
	keys map[string]struct{}
	size int
}

const (
	deletionsLimit = 64 << 20 // bytes
	deletionCost   = 48       // bytes that a key takes beside its own
)

// begin remembers deletions in slots that job is about to open at its source, or has
// opened.
func (d *deletions) begin(job JobID, set *slots.Set) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.slots == nil {
		d.slots = make(map[slots.Slot]*deleted)
	}
	for slot := range set.All() {
		if was := d.slots[slot]; was == nil || was.job != job {
			d.endLocked(slot)
			d.slots[slot] = &deleted{job: job}
		}
	}
	d.some.Store(len(d.slots) > 0)
}

// end forgets the slots of which it is so: they are not open any more, or their keys go
// back to the source.
func (d *deletions) end(gone func(slots.Slot) bool) {
	if !d.some.Load() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for slot := range d.slots {
		if gone(slot) {
			d.endLocked(slot)
		}
	}
	d.some.Store(len(d.slots) > 0)
}

// giveBack forgets slots whose keys a Return takes from here, if e says so: the owner has
// let it, and is going to write these keys. Before that it may still turn out to be the
// source, and go on.
func (d *deletions) giveBack(kind Kind, e effect) {
	if t, ok := e.(collect); ok && kind == KindReturn {
		d.end(func(slot slots.Slot) bool { return slices.Contains(t.slots, slot) })
	}
}

func (d *deletions) endLocked(slot slots.Slot) {
	if was := d.slots[slot]; was != nil {
		d.size -= was.size
		delete(d.slots, slot)
	}
}

// commit takes what a transaction has done. It returns false when, for the first time,
// there is no room for it.
func (d *deletions) commit(slot slots.Slot, ops []keyspace.Op) bool {
	if !d.some.Load() {
		return true
	}
	fits := true
	for i := range ops {
		if ops[i].Kind == keyspace.OpDelete {
			fits = d.add(slot, ops[i].Key) && fits
		}
	}
	return fits
}

func (d *deletions) add(slot slots.Slot, key []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.slots[slot]
	if at == nil {
		return true
	}
	if _, known := at.keys[string(key)]; known {
		return true
	}
	cost := len(key) + deletionCost
	if d.size+cost > deletionsLimit {
		first := !d.full
		d.full = true
		return !first
	}
	if at.keys == nil {
		at.keys = make(map[string]struct{})
	}
	at.keys[string(key)] = struct{}{}
	at.size += cost
	d.size += cost
	return true
}

// undone forgets the keys of a batch that was refused: undoing it deleted them here, and
// the source has them.
func (d *deletions) undone(blob []byte) {
	ops, err := puts(blob)
	if err != nil || !d.some.Load() {
		return // nothing of it was stored
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range ops {
		if at := d.slots[ops[i].Slot]; at != nil {
			if _, known := at.keys[string(ops[i].Key)]; known {
				delete(at.keys, string(ops[i].Key))
				at.size -= len(ops[i].Key) + deletionCost
				d.size -= len(ops[i].Key) + deletionCost
			}
		}
	}
}

// of returns the keys that were deleted in a slot.
func (d *deletions) of(slot slots.Slot) (keys [][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at := d.slots[slot]; at != nil {
		for key := range at.keys {
			keys = append(keys, []byte(key))
		}
	}
	return keys
}
