package ownership

import (
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// DropStaleImports drops the keys that a snapshot brought of slots which a job is bringing
// here (coming), if the snapshot was written before they were opened here: the keys are of
// a time when this node owned the slot. It must run before the job's source can connect.
// then is what was open in the snapshot: of a slot that was leaving, or had come in part,
// the snapshot may hold keys that exist nowhere else.
func (s *Slots) DropStaleImports(then OpenSlots, coming slots.Set) {
	for slot := range coming.All() {
		_, came := then.Importing[slot]
		_, left := then.Migrating[slot]
		if came || left || s.cfg.Store.Count(slot) == 0 {
			continue
		}
		s.log.Warn("dropping keys of a slot that is coming here: they are from before it went away", "slot", slot, "keys",
			s.cfg.Store.Drop(slot))
	}
}

// ClaimLoaded decides about slots of which a snapshot brought keys although they are not
// this node's. Slots without an owner become its own (docs/spec.md §8.4). Slots of another
// node went there after the snapshot was written, with their keys, so that these are old
// copies: they are dropped, as they would have been in a running node (docs/spec.md §4.6).
func (s *Slots) ClaimLoaded() error {
	m := s.cfg.Map()
	if !m.Self().IsMaster() {
		return nil
	}
	kept := s.cfg.Claimed()
	var free slots.Set
	for slot := range slots.Slot(slots.Count) {
		if m.IsMine(slot) || m.Open().Has(slot) || kept.Has(slot) || s.cfg.Store.Count(slot) == 0 {
			continue
		}
		owner := m.Owner(slot)
		if owner == nil {
			free.Add(slot)
			continue
		}
		s.log.Warn("dropping old copies of keys that went to another node after the snapshot", "slot", slot, "keys",
			s.cfg.Store.Drop(slot), "owner", owner.ID)
	}
	if free.Empty() {
		return nil
	}
	s.log.Warn("the snapshot holds keys of slots that are nobody's: they are claimed", "slots", free)
	return s.cfg.Do(s.cfg.Life, gossip.AddSlots{Slots: free})
}
