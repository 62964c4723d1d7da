package keyspace

import (
	"bytes"
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// Apply carries out an Op of another node or a file, without sending it to the Sink.
//
// Applying an op again changes nothing: an op is passed over if the store's entry
// has a greater version; if that is a large collection, if the collection began at a
// greater version. For keys that are gone no version is kept, so the ops of a slot have to
// come in their order; they may start at any point. The slot's version
// counter becomes at least the op's, so that a promoted replica or the new owner of
// a slot goes on where the ops ended. The memory limit does not apply.
func (s *Store) Apply(op Op) error { return s.apply(op.Slot, []Op{op}) }

// ApplyAll is Apply for many ops. Runs of ops on the same slot take its lock once.
func (s *Store) ApplyAll(ops []Op) error {
	for len(ops) > 0 {
		n := 1
		for n < len(ops) && n < applyRun && ops[n].Slot == ops[0].Slot {
			n++
		}
		if err := s.apply(ops[0].Slot, ops[:n]); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}

// applyRun is how many ops are applied under one hold of a lock.
const applyRun = 256

func (s *Store) apply(slot slots.Slot, ops []Op) error {
	if slot >= slots.Count {
		return fmt.Errorf("keyspace: slot %d of an op is out of range (0 to %d)", slot, slots.Count-1)
	}
	var ended []*Waiter
	defer func() { wakeAll(ended) }()
	t, lock, _ := s.enter(slot, endLate, nil)
	defer s.unlock(slot)
	was, told := t.sum, s.newToldOps()
	t.countWrites(len(ops))
	defer func() {
		s.publishCounts(slot, t, was)
		s.watchers.tell(slot, ops, nil)
		told.tell(slot)
		ended = s.serveOutside(slot, t, lock, ops, true)
	}()
	for i := range ops {
		told.applied(t, &ops[i])
		if err := s.applyLocked(t, &ops[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) applyLocked(t *table, op *Op) error {
	if op.Kind == OpDrop {
		s.applyDrop(t, op.Version)
		t.version = max(t.version, op.Version)
		return nil
	}
	if op.Kind == OpCopy || op.Kind == OpMove {
		t.version = max(t.version, op.Version)
		return s.applyTransfer(t, op)
	}
	if op.Kind.staged() {
		return s.applyStaged(t, op)
	}
	hash := s.hash(op.Key)
	seg, at := t.find(hash, op.Key)
	var rec record
	if at >= 0 {
		rec = seg.record(cellRef(seg.index.cells[at]))
	}
	stale := at >= 0 && rec.floor() > op.Version
	switch {
	case stale:
	case op.Kind == OpPut:
		rec, err := s.newRecord(op)
		if err != nil {
			return err
		}
		if !t.put(seg, at, hash, &rec, s.hash) {
			return errFlood
		}
	case op.Kind == OpExpire && at >= 0:
		rec.expireAt, rec.version = op.ExpireAt, max(rec.version, op.Version)
		if rec.flags&flagLarge == 0 { // its bytes may move while they are written
			rec.key, rec.value = bytes.Clone(rec.key), bytes.Clone(rec.value)
		}
		if !t.put(seg, at, hash, &rec, s.hash) {
			return errFlood
		}
	case op.Kind == OpPart:
		if err := s.applyPart(t, seg, at, hash, rec, op); err != nil {
			return err
		}
	case op.Kind == OpCut && at >= 0:
		if err := s.applyCut(t, seg, at, hash, rec, op); err != nil {
			return err
		}
	case op.Kind == OpDelete && at >= 0:
		t.remove(seg, at, max(op.Version, t.version))
	case op.Kind == OpDelete, op.Kind == OpExpire, op.Kind == OpCut:
	default:
		return fmt.Errorf("keyspace: op of kind %d is unknown; the sender may be a newer release", op.Kind)
	}
	t.version = max(t.version, op.Version)
	return nil
}

// applyDrop removes the entries that are not newer than version: all of them, unless the
// op is an old one that comes again.
func (s *Store) applyDrop(t *table, version uint64) {
	if t.version <= version {
		if t.sum.keys > 0 {
			t.clear(version)
		}
		return
	}
	var old [][]byte
	t.walk(0, s.hash, func(seg *segment, cell uint32) verdict {
		if rec := seg.record(cellRef(cell)); rec.floor() <= version {
			old = append(old, bytes.Clone(rec.key))
		}
		return more
	})
	for _, key := range old {
		if seg, at := t.find(s.hash(key), key); at >= 0 {
			t.remove(seg, at, t.version)
		}
	}
}
