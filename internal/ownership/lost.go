package ownership

import (
	"slices"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// lost are slots that another master took while this node held keys of them. The keys go
// (docs/spec.md §4.6), but not at once: a tool that repairs a cluster first gives a slot
// one owner and then makes the other nodes that have keys of it import it, to bring these
// together. Redis deletes in between, if the claim comes first.
type lost struct {
	mu      sync.Mutex // guards the fields below
	since   map[slots.Slot]time.Time
	finding chan struct{} // closed when the map that comes into force has been looked through; nil: none does

	// claimed are the slots whose keys a migration brought to their owner before that map
	// could be seen. One that begins by that map finds older keys here, which are to go.
	claimed slots.Set
}

const (
	lostGrace = 5 * time.Second // how long the keys of a lost slot stay
	dropBatch = 1000            // keys dropped at a time
)

// FindLost finds the slots that another master took by the new map, whose keys DropLost
// removes later. Slots that merely lost their owner keep their keys, and so do those of a
// migration, which brings them to the owner.
func (s *Slots) FindLost(old, m *slots.Map) {
	defer s.lost.found()
	if old == nil || !m.Self().IsMaster() || !old.Self().HasSlots() {
		return
	}
	claimed := s.lost.claimedBefore()
	moved := m.Moved(old)
	moved.Intersect(old.Self().Slots)
	for slot := range moved.All() {
		owner := m.Owner(slot)
		if owner == nil || owner.ID == m.Self().ID || claimed.Has(slot) || s.cfg.Store.Count(slot) == 0 {
			continue
		}
		if old.Open().Has(slot) && s.holdsKeys(slot) {
			s.importRest(slot, owner.ID)
			continue
		}
		s.log.Warn("another node took a slot: its keys here will be dropped", "slot", slot, "owner", owner.ID, "keys",
			s.cfg.Store.Count(slot), "in", lostGrace)
		s.lost.add(slot, time.Now())
	}
}

// holdsKeys does not wait: it is called on gossip's goroutine. A script that has the slot at
// this moment has found keys there, or may be about to write some.
func (s *Slots) holdsKeys(slot slots.Slot) bool {
	at := make(chan struct{})
	close(at)
	keys, err := s.cfg.Store.TryKeys(slot, 1, at)
	return len(keys) > 0 || err != nil
}

// importRest marks a slot as importing whose move was ended, by hand, before all keys had
// left: they exist nowhere else. It stays open, for a check to find, until somebody moves
// them.
func (s *Slots) importRest(slot slots.Slot, owner slots.NodeID) {
	s.log.Warn("a slot was assigned before all its keys had moved: it is importing here now", "slot", slot, "owner", owner)
	s.cfg.Go(func() { // Do waits for gossip's goroutine, which this is
		change := gossip.SetSlot{Slot: slot, State: gossip.SlotImporting, Node: owner}
		if err := s.cfg.Do(s.cfg.Life, change); err != nil {
			s.log.Warn("a slot that holds keys of another node's could not be marked", "slot", slot, "error", err)
		}
	})
}

// find says that a map is about to come into force, in which FindLost looks for lost slots.
func (l *lost) find(claimed slots.Set) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finding, l.claimed = make(chan struct{}), claimed
}

func (l *lost) claimedBefore() slots.Set {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.claimed
}

func (l *lost) found() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finding != nil {
		close(l.finding)
		l.finding = nil
	}
}

// await returns when the slots are known that are lost by a map which can be seen already,
// or when done is closed.
func (l *lost) await(done <-chan struct{}) {
	l.mu.Lock()
	finding := l.finding
	l.mu.Unlock()
	if finding == nil {
		return
	}
	select {
	case <-finding:
	case <-done:
	}
}

func (l *lost) add(slot slots.Slot, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since == nil {
		l.since = make(map[slots.Slot]time.Time)
	}
	l.since[slot] = now
}

// removeIf removes and returns the slots for which remove is true.
func (l *lost) removeIf(remove func(slot slots.Slot, since time.Time) bool) (list []slots.Slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for slot, since := range l.since {
		if remove(slot, since) {
			list = append(list, slot)
			delete(l.since, slot)
		}
	}
	return list
}

// DropLost removes the keys of slots that were lost long enough before now.
func (s *Slots) DropLost(now time.Time) {
	due := s.lost.removeIf(func(_ slots.Slot, since time.Time) bool { return now.Sub(since) >= lostGrace })
	if len(due) == 0 {
		return
	}
	claimed := s.cfg.Claimed()
	s.dropAll(slices.DeleteFunc(due, claimed.Has))
}

// DropLostNow removes the keys of lost slots that are about to be imported: what comes is
// newer than what is here. It must not be called where maps come into force.
func (s *Slots) DropLostNow(set *slots.Set) {
	s.lost.await(s.cfg.Life.Done())
	s.dropAll(s.lost.removeIf(func(slot slots.Slot, _ time.Time) bool { return set.Has(slot) }))
}

func (s *Slots) dropAll(list []slots.Slot) {
	for _, slot := range list {
		for s.dropSome(slot) {
		}
	}
}

// dropSome removes up to dropBatch keys of a slot, if it is still lost, and reports
// whether there may be more. The check is made under the slot's lock: a map that makes
// the slot this node's waits for that lock before a write is served.
func (s *Slots) dropSome(slot slots.Slot) (more bool) {
	s.cfg.Store.Update(slot, func(tx *keyspace.Tx) error {
		m := s.cfg.Map()
		if m.Owner(slot) == nil || m.IsMine(slot) || m.Open().Has(slot) || !m.Self().IsMaster() {
			return nil
		}
		dropped := 0
		for key := range tx.All() {
			tx.Delete(key)
			if dropped++; dropped == dropBatch {
				more = true
				break
			}
		}
		return nil
	})
	return more
}
