package commands

import (
	"context"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// released is the slots that DELSLOTS named a moment ago. Those that another node owns
// remain that node's, because only it can give them up. But the stock tools take a slot
// over by DELSLOTS, ADDSLOTS and BUMPEPOCH at its new owner, so an ADDSLOTS that follows
// takes it under a new epoch instead of finding it busy.
type released struct {
	mu  sync.Mutex // guards what follows
	set slots.Set
	at  time.Time
}

// releasedFor is about how long a Redis believes in its DELSLOTS before the owner's
// gossip corrects it.
const releasedFor = 2 * time.Second

func (r *released) add(set slots.Set, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.at) > releasedFor {
		r.set = slots.Set{}
	}
	r.set.Union(&set)
	r.at = now
}

// fresh returns the slots released not long before now.
func (r *released) fresh(now time.Time) slots.Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.at) > releasedFor {
		return slots.Set{}
	}
	return r.set
}

// claimSlots makes this node the owner of slots that have no owner in m, or were
// released.
func (n *Node) claimSlots(ctx context.Context, m *slots.Map, set slots.Set) error {
	var others slots.Set
	for slot := range set.All() {
		if m.Owner(slot) != nil {
			others.Add(slot)
		}
	}
	set.Subtract(&others)
	if !set.Empty() {
		if err := n.Cluster.AddSlots(ctx, set); err != nil {
			return err
		}
	}
	for slot := range others.All() {
		if err := n.Cluster.SetSlot(ctx, slot, SlotNode, m.Self().ID); err != nil {
			return err
		}
	}
	return nil
}
