package keyspace

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// SlotUse is what carrying out commands on a slot has taken.
type SlotUse struct {
	CPU      time.Duration // while the slot was locked, without waiting for that
	BytesIn  uint64        // of requests of clients
	BytesOut uint64        // of replies to clients
}

// slotUses are the uses of all slots, each guarded by its slot's lock. There are none until
// somebody wants them: all are 400 KB.
type slotUses [slots.Count]SlotUse

// MeasureSlots says whether CountUse counts. Switching it off forgets what was counted.
func (s *Store) MeasureSlots(on bool) {
	if !on {
		s.slotUses.Store(nil)
	} else if s.slotUses.Load() == nil {
		s.slotUses.CompareAndSwap(nil, new(slotUses))
	}
}

// MeasuresSlots reports whether CountUse counts.
func (s *Store) MeasuresSlots() bool { return s.slotUses.Load() != nil }

// CountUse adds to what SlotStats says of a slot. It takes the slot's lock, which must not
// be held by the caller, for a moment, also while a [Hold] has the slot.
func (s *Store) CountUse(slot slots.Slot, use SlotUse) {
	all := s.slotUses.Load()
	if all == nil {
		return
	}
	_, lock := s.acquire(slot)
	defer lock.Unlock()
	sum := &all[slot]
	sum.CPU += use.CPU
	sum.BytesIn += use.BytesIn
	sum.BytesOut += use.BytesOut
}

// ForgetUse sets to zero what CountUse has counted of some slots: they are another node's
// now.
func (s *Store) ForgetUse(set *slots.Set) {
	all := s.slotUses.Load()
	if all == nil {
		return
	}
	for slot := range set.All() {
		if s.unused(slot) {
			continue
		}
		_, lock := s.acquire(slot)
		all[slot] = SlotUse{}
		lock.Unlock()
	}
}

// useOf returns what CountUse has counted of a slot, whose lock is held.
func (s *Store) useOf(slot slots.Slot) SlotUse {
	if all := s.slotUses.Load(); all != nil {
		return all[slot]
	}
	return SlotUse{}
}
