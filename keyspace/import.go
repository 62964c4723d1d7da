package keyspace

import (
	"bytes"
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// Import stores keys that come from another node, and sends them to the Sink: what a
// slot's new owner receives must reach its replicas. All ops are puts, or those of staged
// keys (see [OpStage]). A key that is here in the same or a later version stays as it is;
// with onlyNew, every key that is here does. Each run of ops of one slot takes its lock
// once. The error is ErrNotStaged if an op is on a staged key that is not here.
//
// A Value longer than [LargeValue] is not copied: the store keeps it, and the caller must
// not change it any more. So storing it takes no longer than storing a small one.
//
// Before each run, Import calls allowed under the slot's lock; allowed must not wait. When
// it returns false, Import returns. n is how many ops have been handled.
func (s *Store) Import(ops []Op, onlyNew bool, allowed func() bool) (n int, err error) {
	for n < len(ops) {
		run := 1
		for n+run < len(ops) && run < applyRun && ops[n+run].Slot == ops[n].Slot {
			run++
		}
		ok, err := s.importSlot(ops[n].Slot, ops[n:n+run], onlyNew, allowed)
		if !ok || err != nil {
			return n, err
		}
		n += run
	}
	return n, nil
}

func (s *Store) importSlot(slot slots.Slot, ops []Op, onlyNew bool, allowed func() bool) (ok bool, err error) {
	if slot >= slots.Count {
		return false, fmt.Errorf("keyspace: slot %d of an op is out of range (0 to %d)", slot, slots.Count-1)
	}
	var ended []*Waiter
	defer func() { wakeAll(ended) }()
	t := s.lock(slot)
	defer s.unlock(slot)
	if !allowed() {
		return false, nil
	}
	was, from := t.sum, 0
	told := s.newToldOps()
	for i := range ops {
		put, keys := false, t.sum.keys
		if put, err = s.importLocked(t, &ops[i], onlyNew); put {
			told.imported(&ops[i], t.sum.keys > keys)
			continue
		}
		s.publish(slot, t, ops[from:i], nil)
		if from = i + 1; err != nil {
			ops = ops[:from]
			break
		}
	}
	s.publish(slot, t, ops[from:], nil)
	s.publishCounts(slot, t, was)
	told.tell(slot)
	ended = s.endWaitsFor(t, ops)
	return err == nil, err
}

// importLocked reports whether it has put op into the table.
func (s *Store) importLocked(t *table, op *Op, onlyNew bool) (bool, error) {
	if op.Kind.staged() && op.Kind != OpReveal {
		err := s.changeStaged(t, op)
		return err == nil, err
	}
	t.version = max(t.version, op.Version)
	hash := s.hash(op.Key)
	seg, at := t.find(hash, op.Key)
	if at >= 0 && (onlyNew || seg.record(cellRef(seg.index.cells[at])).version >= op.Version) {
		if op.Kind == OpReveal && t.staged.get(op.Key) != nil {
			s.unstageKey(t, op.Key)
			s.commitOne(t, Op{Kind: OpUnstage, Slot: op.Slot, Key: op.Key, Version: t.version})
		}
		return false, nil
	}
	if op.Kind == OpReveal {
		err := s.reveal(t, seg, at, hash, op)
		return err == nil, err
	}
	rec := record{typ: op.Type, expireAt: op.ExpireAt, version: op.Version, key: op.Key, value: op.Value,
		access: newAccess(s.Policy(), s.clock.Load())}
	if err := rec.fromOutside(); err != nil {
		return false, err
	}
	if len(op.Key) > maxKey {
		rec.key = bytes.Clone(op.Key)
		if len(op.Value) <= LargeValue { // it stands outside the arena, too
			rec.value = bytes.Clone(op.Value)
		}
	}
	if !t.put(seg, at, hash, &rec, s.hash) {
		return false, errFlood
	}
	return true, nil
}
