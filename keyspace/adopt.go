package keyspace

import (
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// Stage returns an empty, passive store whose content can later become the content of s: a
// replica gathers its master's data there while s still serves the old.
func (s *Store) Stage() *Store {
	staged := newStore(Config{Policy: s.Policy(), Now: s.cfg.Now}, rand.Uint64())
	staged.seed = s.seed
	staged.SetPassive(true)
	return staged
}

// Adopt makes the content of staged, which came from s.Stage and is empty afterwards, the
// content of s, instead of what s held. Each slot is replaced at once under its lock,
// whatever its size, so a transaction sees old or new; all slots together take about a
// millisecond. The Sink gets no Op.
func (s *Store) Adopt(staged *Store) {
	if s.seed != staged.seed || s == staged {
		panic("keyspace: Adopt of a store that was not made by Stage")
	}
	anyStaged := s.staged.Load()+staged.staged.Load() > 0
	for slot := range slots.Slot(slots.Count) {
		if s.Count(slot) > 0 || staged.Count(slot) > 0 || anyStaged && !(s.unused(slot) && staged.unused(slot)) {
			s.adoptSlot(slot, staged)
		}
	}
}

func (s *Store) adoptSlot(slot slots.Slot, staged *Store) {
	var ended []*Waiter
	defer func() { wakeAll(ended) }()
	t := s.lockAs(slot, endLate)
	defer s.unlock(slot)
	from := staged.lock(slot)
	defer staged.unlock(slot)
	was := t.sum
	t.one, t.dir, t.depth, t.deepest = from.one, from.dir, from.depth, from.deepest
	t.sum, t.due = from.sum, from.due
	s.staged.Add(int64(from.staged.len() - t.staged.len()))
	staged.staged.Add(-int64(from.staged.len()))
	t.staged, from.staged = from.staged, nil
	// The counter must not fall: WATCH compares versions.
	t.version = max(t.version, from.version) + 1
	if t.sum.keys == 0 {
		t.clear(t.version)
	}
	s.publishCounts(slot, t, was)
	s.watchers.tell(slot, []Op{{Kind: OpDrop, Slot: slot, Version: t.version}}, nil)
	ended = s.endAllWaits(t)
	was = from.sum
	from.clear(from.version)
	staged.publishCounts(slot, from, was)
}
