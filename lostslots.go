package slotmesh

import (
	"slices"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// lostSlots are slots that another master took while this node held keys of them. The
// keys go (docs/spec.md §4.6), but not at once: a tool that repairs a cluster first gives
// a slot one owner and then makes the others that have keys of it import it, to bring
// these together. Redis deletes in between, if the claim comes first.
type lostSlots struct {
	mu    sync.Mutex // guards since
	since map[slots.Slot]time.Time
}

const (
	lostGrace = 5 * time.Second // how long the keys of a lost slot stay
	dropBatch = 1000            // keys dropped at a time
)

// noteLost looks for slots that another master took by the new map. Slots that merely
// lost their owner keep their keys, and so do those of a migration, which brings them to
// the owner.
func (n *Node) noteLost(old, m *slots.Map) {
	if old == nil || !m.Self().IsMaster() || !old.Self().HasSlots() {
		return
	}
	minded := n.migrations.Claimed()
	lost := m.Moved(old)
	lost.Intersect(old.Self().Slots)
	for slot := range lost.All() {
		owner := m.Owner(slot)
		if owner == nil || owner.ID == m.Self().ID || minded.Has(slot) || n.store.Count(slot) == 0 {
			continue
		}
		if old.Open().Has(slot) && len(n.store.Keys(slot, 1)) > 0 {
			n.importRest(slot, owner.ID)
			continue
		}
		n.log.Warn("another node took a slot: its keys here will be dropped", "slot", slot, "owner", owner.ID, "keys",
			n.store.Count(slot), "in", lostGrace)
		n.lost.add(slot, time.Now())
	}
}

// importRest marks a slot as importing whose move was ended, by hand, before all keys had
// left: they exist nowhere else. It stays open, for a check to find, until somebody moves
// them.
func (n *Node) importRest(slot slots.Slot, owner slots.NodeID) {
	n.log.Warn("a slot was assigned before all its keys had moved: it is importing here now", "slot", slot, "owner", owner)
	n.wg.Go(func() { // this is gossip's goroutine
		if err := n.do(n.life, gossip.SetSlot{Slot: slot, State: gossip.SlotImporting, Node: owner}); err != nil {
			n.log.Warn("a slot that holds keys of another node's could not be marked", "slot", slot, "error", err)
		}
	})
}

func (l *lostSlots) add(slot slots.Slot, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since == nil {
		l.since = make(map[slots.Slot]time.Time)
	}
	l.since[slot] = now
}

// removeIf takes out the slots of which it is so.
func (l *lostSlots) removeIf(when func(slot slots.Slot, since time.Time) bool) (list []slots.Slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for slot, since := range l.since {
		if when(slot, since) {
			list = append(list, slot)
			delete(l.since, slot)
		}
	}
	return list
}

// dropLost removes the keys of lost slots whose time has come.
func (n *Node) dropLost(now time.Time) {
	due := n.lost.removeIf(func(_ slots.Slot, since time.Time) bool { return now.Sub(since) >= lostGrace })
	if len(due) == 0 {
		return
	}
	minded := n.migrations.Claimed()
	n.dropAll(slices.DeleteFunc(due, minded.Has))
}

// dropLostNow removes the keys of lost slots that are about to be imported: what comes is
// newer than what is here.
func (n *Node) dropLostNow(set *slots.Set) {
	n.dropAll(n.lost.removeIf(func(slot slots.Slot, _ time.Time) bool { return set.Has(slot) }))
}

func (n *Node) dropAll(list []slots.Slot) {
	for _, slot := range list {
		for n.dropSome(slot) {
		}
	}
}

// dropSome removes some keys of a slot, if it is still lost, and reports whether there
// may be more. It looks under the slot's lock: whoever makes the slot this node's
// afterwards waits for that lock before it serves a write.
func (n *Node) dropSome(slot slots.Slot) (more bool) {
	n.store.Update(slot, func(tx *keyspace.Tx) error {
		m := n.Map()
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
