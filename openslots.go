package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// Open slots are a shard's state, not only its master's: they travel to the replicas as a
// note in the replication stream, and a promoted replica opens them again before it
// serves.

// Names of notes.
const (
	noteOpen = "open-slots"
	noteJobs = "migration-jobs"
)

// openSlots is the content of the note: the slots on the move, with the other end of each.
type openSlots gossip.OpenSlots

func (o *openSlots) empty() bool { return len(o.Migrating)+len(o.Importing)+len(o.Ceded) == 0 }

// openings are the slots that are about to be opened here, and of which the replicas have
// been told already.
type openings struct {
	mu    sync.Mutex // guards next; held while a note is made, so that the latest is the one that stays
	next  map[uint64]openSlots
	count uint64
}

// noteOpenSlots tells the replicas which slots are open, if that has changed.
func (n *Node) noteOpenSlots(old, m *slots.Map) {
	if !m.Self().IsMaster() || old != nil && old.Self().IsMaster() && sameOpen(old, m) {
		return
	}
	n.openings.mu.Lock()
	defer n.openings.mu.Unlock()
	n.noteOpenLocked()
}

// noteOpenLocked is called with openings.mu held.
func (n *Node) noteOpenLocked() {
	m := n.Map()
	if !m.Self().IsMaster() {
		return
	}
	var o openSlots
	o.Migrating, o.Importing = m.OpenSlots()
	o.Ceded = cededSlots(m)
	if len(n.openings.next) > 0 {
		o.Migrating, o.Importing = maps.Clone(o.Migrating), maps.Clone(o.Importing)
		for _, next := range n.openings.next {
			o.add(next)
		}
	}
	b, err := o.encode()
	if err == nil {
		_, err = n.backlog.PutMetadata(noteOpen, b)
	}
	if err != nil {
		n.log.Error("the replicas cannot be told which slots are open", "error", err)
	}
}

func (o *openSlots) add(more openSlots) {
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

// publishOpen tells the replicas of slots that are about to be opened, as far as they may
// be. The caller calls done when they are open, or will not be.
func (n *Node) publishOpen(set *slots.Set, state gossip.SlotState, peer slots.NodeID) (done func()) {
	m := n.Map()
	next := openSlots{Migrating: make(map[slots.Slot]slots.NodeID), Importing: make(map[slots.Slot]slots.NodeID)}
	for slot := range set.All() {
		switch {
		case state == gossip.SlotMigrating && m.IsMine(slot):
			next.Migrating[slot] = peer
		case state == gossip.SlotImporting && !m.IsMine(slot):
			next.Importing[slot] = peer
		}
	}
	o := &n.openings
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	id := o.count
	if o.next == nil {
		o.next = make(map[uint64]openSlots)
	}
	o.next[id] = next
	n.noteOpenLocked()
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.next, id)
		n.noteOpenLocked()
	}
}

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

// openAtMaster returns what this node's master has open, as far as its notes have come:
// gossip opens the same when this node takes its place.
func (n *Node) openAtMaster() gossip.OpenSlots {
	open, err := decodeOpenSlots(n.backlog.Metadata()[noteOpen])
	if err != nil {
		n.log.Error("open slots of the former master are lost; look for them with a check", "error", err)
	}
	return gossip.OpenSlots(open)
}

// resumeJobs makes this node, which has just been promoted in the place of former, go on
// with its jobs. It runs on gossip's goroutine.
func (n *Node) resumeJobs(former slots.NodeID) {
	jobs := n.backlog.Metadata()[noteJobs]
	if len(jobs) == 0 {
		return
	}
	n.wg.Go(func() {
		if err := n.migrations.Resume(jobs, former); err != nil {
			n.log.Error("going on with the former master's migrations", "former", former, "error", err)
		}
	})
}

// setSlots changes the state of slots, durably, and returns when it is in force here and
// the replicas know. Of slots that are opened they know before: from the moment that it
// is in force, clients are sent to the other end, and may create a key there that a
// replica, were it promoted now, would not look for.
//
// No state can do without the disk before it is answered, costly as that is for tools
// that change one slot at a time. Whoever hears the answer goes on to move keys, and
// after a crash nothing but the marks tells where these are. A source that lost its mark
// would take a key that has left for one that never was, and create it anew; a target
// that lost its own would take the keys that have come for leftovers of another node's
// slot, and drop them. A claim is a promise to all.
func (n *Node) setSlots(ctx context.Context, set slots.Set, state gossip.SlotState, peer slots.NodeID) error {
	change := gossip.SetSlots{Slots: set, State: state, Node: peer}
	if n.gossip != nil && (state == gossip.SlotMigrating || state == gossip.SlotImporting) {
		done := n.publishOpen(&set, state, peer)
		defer done()
		least := 0
		if state == gossip.SlotMigrating {
			least = n.mostPromised(&set)
			n.openDepartures(&set)
		}
		if err := n.replicasKnow(ctx, least); err != nil {
			return fmt.Errorf("slots %s have not been opened: %w", set, err)
		}
		return n.do(ctx, change)
	}
	if err := n.do(ctx, change); err != nil {
		return err
	}
	err := n.replicasKnow(ctx, 0)
	if err != nil && !n.Map().Self().IsMaster() {
		return nil // that was its last slot: it is a replica now, and its replicas follow another
	}
	if err != nil {
		return fmt.Errorf("the change of slots %s is in force, but: %w", set, err)
	}
	return nil
}

// dropStaleImports drops keys that a snapshot brought of slots which a job is bringing
// here, if the snapshot is from before it had opened them: then they are of a time when
// this node had the slot itself. It runs before the job's source can be heard. then is
// what was open in the snapshot; of a slot that was leaving, or had come in part, it may
// hold keys that are nowhere else.
func (n *Node) dropStaleImports(then openSlots) {
	coming := n.migrations.AllComing()
	for slot := range coming.All() {
		_, came := then.Importing[slot]
		_, left := then.Migrating[slot]
		if came || left || n.store.Count(slot) == 0 {
			continue
		}
		n.log.Warn("dropping keys of a slot that is coming here: they are from before it went away", "slot", slot, "keys",
			n.store.Drop(slot))
	}
}

// claimLoaded settles the slots of which a snapshot brought keys although they are not
// this node's. Those that are nobody's become its own (docs/spec.md §8.4). Those of
// another went there after the snapshot was written, with their keys, so that these are
// old copies: they go, as they would have in a running node (docs/spec.md §4.6).
func (n *Node) claimLoaded() error {
	m := n.Map()
	if !m.Self().IsMaster() {
		return nil
	}
	kept := n.migrations.Claimed()
	var free slots.Set
	for slot := range slots.Slot(slots.Count) {
		if m.IsMine(slot) || m.Open().Has(slot) || kept.Has(slot) || n.store.Count(slot) == 0 {
			continue
		}
		owner := m.Owner(slot)
		if owner == nil {
			free.Add(slot)
			continue
		}
		n.log.Warn("dropping old copies of keys that went to another node after the snapshot", "slot", slot, "keys",
			n.store.Drop(slot), "owner", owner.ID)
	}
	if free.Empty() {
		return nil
	}
	n.log.Warn("the snapshot holds keys of slots that are nobody's: they are claimed", "slots", free)
	return n.do(n.life, gossip.AddSlots{Slots: free})
}

// replicaWait is for how long a change of slots waits for replicas that do not confirm it.
const replicaWait = 2 * time.Second

// replicasHave waits until the stream up to now is at each replica in good standing, and
// at least replicas at least, however long that takes: a large value needs more than any
// fixed time, and who gave up would bring it again and again. A replica that is lost, or
// too slow, is in good standing no more. It returns how many have it.
func (n *Node) replicasHave(ctx context.Context, least int) (held int, err error) {
	end := n.repl.Mark(n.repl.Term())
	for {
		k := max(least, n.goodReplicas())
		if k == 0 {
			return 0, nil
		}
		look, cancel := context.WithTimeout(ctx, replicaWait)
		held, err = n.repl.WaitAcked(look, end, k)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return held, err
		}
	}
}

// replicasKnow returns when each replica in good standing, and least at least, hold the
// stream up to now.
func (n *Node) replicasKnow(ctx context.Context, least int) error {
	k := n.goodReplicas()
	if k < least {
		return fmt.Errorf("%d replicas have to know, as many as writes in them have been confirmed by, and %d are in "+
			"good standing: bring them back, or add some (CLUSTER REPLICATE)",
			least, k)
	}
	if k == 0 {
		return nil
	}
	look, cancel := context.WithTimeout(ctx, replicaWait)
	defer cancel()
	got, err := n.repl.WaitAcked(look, n.repl.Mark(n.repl.Term()), k)
	if err != nil && ctx.Err() == nil && look.Err() != nil {
		return fmt.Errorf("of %d replicas %d confirmed within %v that they know; try again, and if one stays behind "+
			"(INFO replication), restart it: %w",
			k, got, replicaWait, err)
	}
	return err
}
