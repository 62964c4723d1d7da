package ownership

import (
	"maps"
	"sync"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// MetadataOpen is the name of the metadata that holds a shard's open slots.
const MetadataOpen = "open-slots"

// OpenSlots is the content of that metadata: the slots on the move, with the other end of
// each.
type OpenSlots gossip.OpenSlots

func (o *OpenSlots) empty() bool { return len(o.Migrating)+len(o.Importing)+len(o.Ceded) == 0 }

// add adds the open slots of more, of which none is ceded.
func (o *OpenSlots) add(more OpenSlots) {
	for _, m := range []struct {
		to   *map[slots.Slot]slots.NodeID
		from map[slots.Slot]slots.NodeID
	}{{&o.Migrating, more.Migrating}, {&o.Importing, more.Importing}} {
		if *m.to == nil {
			*m.to = make(map[slots.Slot]slots.NodeID)
		}
		maps.Copy(*m.to, m.from)
	}
}

// opening are the slots that are about to be opened here, of which the replicas have been
// told already.
type opening struct {
	mu    sync.Mutex // guards the fields below; held while metadata is written, so that the latest stays
	next  map[uint64]OpenSlots
	count uint64
}

// ReplicateOpen tells the replicas which slots are open, if that differs between map m
// and the one before it. Map m is in force.
func (s *Slots) ReplicateOpen(old, m *slots.Map) {
	if !m.Self().IsMaster() || old != nil && old.Self().IsMaster() && sameOpen(old, m) {
		return
	}
	s.opening.mu.Lock()
	defer s.opening.mu.Unlock()
	s.replicateOpenLocked()
}

// replicateOpenLocked is called with opening.mu held.
func (s *Slots) replicateOpenLocked() {
	m := s.cfg.Map()
	if !m.Self().IsMaster() {
		return
	}
	var o OpenSlots
	o.Migrating, o.Importing = m.OpenSlots()
	o.Ceded = cededSlots(m)
	if len(s.opening.next) > 0 {
		o.Migrating, o.Importing = maps.Clone(o.Migrating), maps.Clone(o.Importing)
		for _, next := range s.opening.next {
			o.add(next)
		}
	}
	if _, err := s.cfg.Metadata.PutMetadata(MetadataOpen, o.encode()); err != nil {
		s.log.Error("the replicas cannot be told which slots are open", "error", err)
	}
}

// publishOpen tells the replicas of slots that are about to be opened, as far as they may
// be. The caller calls done when they are open, or will not be.
func (s *Slots) publishOpen(set *slots.Set, state gossip.SlotState, peer slots.NodeID) (done func()) {
	m := s.cfg.Map()
	next := OpenSlots{Migrating: make(map[slots.Slot]slots.NodeID), Importing: make(map[slots.Slot]slots.NodeID)}
	for slot := range set.All() {
		switch {
		case state == gossip.SlotMigrating && m.IsMine(slot):
			next.Migrating[slot] = peer
		case state == gossip.SlotImporting && !m.IsMine(slot):
			next.Importing[slot] = peer
		}
	}
	o := &s.opening
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	id := o.count
	if o.next == nil {
		o.next = make(map[uint64]OpenSlots)
	}
	o.next[id] = next
	s.replicateOpenLocked()
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.next, id)
		s.replicateOpenLocked()
	}
}

// sameOpen reports whether two maps of a node have the same open and ceded slots.
func sameOpen(a, b *slots.Map) bool {
	if *a.Open() != *b.Open() || !maps.Equal(cededSlots(a), cededSlots(b)) {
		return false
	}
	for slot := range a.Open().All() {
		fromA, _ := a.Migrating(slot)
		fromB, _ := b.Migrating(slot)
		toA, _ := a.Importing(slot)
		toB, _ := b.Importing(slot)
		if fromA != fromB || toA != toB {
			return false
		}
	}
	return true
}

// cededSlots returns the slots that the node of a map gave away and that are not claimed
// yet.
func cededSlots(m *slots.Map) map[slots.Slot]slots.NodeID {
	set := m.Ceded()
	if set.Empty() {
		return nil
	}
	ceded := make(map[slots.Slot]slots.NodeID, set.Len())
	for slot := range set.All() {
		ceded[slot] = m.Owner(slot).ID
	}
	return ceded
}

// OpenAtMaster returns what this node's master has open, as far as its metadata has come:
// gossip opens the same when this node takes its place.
func (s *Slots) OpenAtMaster() OpenSlots {
	open, err := decodeOpenSlots(s.cfg.Metadata.Metadata()[MetadataOpen])
	if err != nil {
		s.log.Error("open slots of the former master are lost; look for them with a check", "error", err)
	}
	return open
}
