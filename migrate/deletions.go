package migrate

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Deletions keeps the keys that the target of a job has had and deleted, or seen expire,
// while their slots were open. A source that comes back with an older state, from a
// snapshot or as a replica that lagged behind, has such keys again, and would move them
// like any other. So the target lists them with those that it has. They are kept in
// memory only: a target that restarts in the same moments has forgotten them, and a
// replica that takes its place never knew them.
type Deletions struct {
	slots map[slots.Slot]*deleted
	size  int
	full  bool // a deletion was not kept
}

// deleted are the deletions in a slot during one job. They do not hold for the next job,
// because the source may have written such keys anew in between.
type deleted struct {
	job  JobID
	keys map[string]struct{}
	size int
}

const (
	deletionsLimit = 64 << 20 // bytes
	deletionCost   = 48       // bytes of memory for a key, besides the key itself
)

// Begin remembers deletions in slots that job is about to open at its source, or has
// opened.
func (d *Deletions) Begin(job JobID, set *slots.Set) {
	if d.slots == nil {
		d.slots = make(map[slots.Slot]*deleted)
	}
	for slot := range set.All() {
		if was := d.slots[slot]; was == nil || was.job != job {
			d.forget(slot)
			d.slots[slot] = &deleted{job: job}
		}
	}
}

// End forgets the slots for which gone returns true: they are not open any more, or their
// keys go back to the source.
func (d *Deletions) End(gone func(slots.Slot) bool) {
	for slot := range d.slots {
		if gone(slot) {
			d.forget(slot)
		}
	}
}

// Empty reports whether there is no slot in which deletions are kept: then Commit does
// nothing.
func (d *Deletions) Empty() bool { return len(d.slots) == 0 }

func (d *Deletions) forget(slot slots.Slot) {
	if was := d.slots[slot]; was != nil {
		d.size -= was.size
		delete(d.slots, slot)
	}
}

// Commit keeps the deletions of a transaction. It returns false when there is no room for
// one, but only for the first.
func (d *Deletions) Commit(slot slots.Slot, ops []keyspace.Op) bool {
	fits := true
	for i := range ops {
		if ops[i].Kind == keyspace.OpDelete || ops[i].Kind == keyspace.OpMove {
			fits = d.add(slot, ops[i].Key) && fits
		}
	}
	return fits
}

func (d *Deletions) add(slot slots.Slot, key []byte) bool {
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

// Undone forgets the keys of a batch in wire form that was refused: undoing it deleted
// them here, and the source has them.
func (d *Deletions) Undone(blob []byte) {
	ops, err := batchOps(blob)
	if err != nil {
		return // nothing of it was stored
	}
	for i := range ops {
		if at := d.slots[ops[i].Slot]; at != nil && isKey(&ops[i]) {
			if _, known := at.keys[string(ops[i].Key)]; known {
				delete(at.keys, string(ops[i].Key))
				at.size -= len(ops[i].Key) + deletionCost
				d.size -= len(ops[i].Key) + deletionCost
			}
		}
	}
}

// Of returns the keys that were deleted in a slot.
func (d *Deletions) Of(slot slots.Slot) (keys [][]byte) {
	if at := d.slots[slot]; at != nil {
		for key := range at.keys {
			keys = append(keys, []byte(key))
		}
	}
	return keys
}
