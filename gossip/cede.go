package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// The stock tools end a move by SETSLOT NODE at every master, in an order of their own:
// the source may be told before the target (docs/spec.md §13.10). Only the target can
// claim the slot, under a config epoch of its own (docs/spec.md §4.2). So the source
// cedes it: its map shows the target as the owner at once, while its record keeps the
// claim until the target's wins. Other nodes never see the slot without an owner. Clients
// that they redirect to the source are redirected from there by ASK, which the target
// obeys whether it has claimed the slot or still imports it.
//
// The source also offers the slot to the target until the target claims it. So the move
// ends even if the tool that began it dies before it tells the target, or if a node
// crashes in between.

// offerEvery is how often a slot that is still not claimed is offered again.
const offerEvery = time.Second

// cede gives a slot of this node to another master.
func (c *Core) cede(slot slots.Slot, to *node) {
	if c.ceded[slot] == to.rec.ID {
		return
	}
	c.ceded[slot] = to.rec.ID
	c.nextOffer = time.Time{}
	c.dirty, c.mapDirty = true, true
}

// reclaim takes back a slot that was ceded.
func (c *Core) reclaim(slot slots.Slot) {
	if _, ok := c.ceded[slot]; ok {
		delete(c.ceded, slot)
		c.dirty, c.mapDirty = true, true
	}
}

// withoutCeded returns the slots of set that are not ceded.
func (c *Core) withoutCeded(set slots.Set) slots.Set {
	for slot := range c.ceded {
		set.Remove(slot)
	}
	return set
}

// resolveCeded updates the ceded slots after a change of their owners, or of the nodes
// that are to own them. A slot whose new owner was forgotten is this node's again: its
// keys cannot come back in any other way.
func (c *Core) resolveCeded() {
	for slot, id := range c.ceded {
		if c.self.owned == nil || !c.self.owned.Has(slot) {
			delete(c.ceded, slot) // claimed
			c.mapDirty = true
			c.saveSoon() // if a crash undoes it, the claim will come again
			continue
		}
		switch to := c.successorOf(c.nodes[id]); {
		case to == nil:
			c.reclaim(slot)
		case to.rec.ID != id:
			c.cede(slot, to)
		}
	}
}

// successorOf returns the master of n's shard: n itself, or the node that took its place;
// nil if there is none, or if it is this node.
func (c *Core) successorOf(n *node) *node {
	switch {
	case n == nil:
		return nil
	case !n.rec.Master.IsZero():
		n = c.nodes[n.rec.Master]
	case n.owned == nil && n.rec.claims(): // failed, and a replica was promoted
		if w := c.winnerOf(n, n.rec.Slots); w != nil {
			n = w
		}
	}
	if n == nil || n == c.self || !n.rec.Master.IsZero() {
		return nil
	}
	return n
}

// offerCeded tells the new owners of ceded slots that these are theirs to claim.
func (c *Core) offerCeded() {
	if len(c.ceded) == 0 || c.now.Before(c.nextOffer) {
		return
	}
	c.nextOffer = c.now.Add(offerEvery)
	sets := c.cededTo()
	for _, n := range c.list {
		if set, l := sets[n.rec.ID], n.link(); set != nil && l != nil {
			m := c.message(TypeCede)
			m.Slots = set
			c.send(l, m)
		}
	}
}

// cededTo returns the ceded slots by their new owners.
func (c *Core) cededTo() map[slots.NodeID]*slots.Set {
	sets := make(map[slots.NodeID]*slots.Set)
	for slot, id := range c.ceded {
		if sets[id] == nil {
			sets[id] = new(slots.Set)
		}
		sets[id].Add(slot)
	}
	return sets
}

// onCede claims slots that their owner offers. A refused offer is repeated. A master that
// hands over to a replica refuses, as it must not claim slots that the replica does not
// know of; so does a fenced master, which may have less data than its replicas.
func (c *Core) onCede(from *node, m *Message) {
	c.resolveClaims()
	if m.Slots == nil || from.owned == nil || c.isReplica() || c.self.rec.Witness || c.pause != nil || c.self.rec.Fenced {
		return
	}
	ours := *m.Slots
	if ours.Intersect(from.owned); ours.Empty() {
		return
	}
	c.bumpEpoch("was given slots at the end of a move")
	c.claim(&ours, nil)
}

// showCeded makes a view show ceded slots as those of their new owners.
func (c *Core) showCeded(t *slots.Topology) {
	sets := c.cededTo()
	t.Ceded = new(slots.Set)
	for _, set := range sets {
		t.Ceded.Union(set)
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		gained := sets[n.ID]
		switch {
		case n.ID == t.Self:
			left := *n.Slots
			left.Subtract(t.Ceded)
			n.Slots = &left
		case gained != nil:
			if n.Slots != nil {
				gained.Union(n.Slots)
			}
			n.Slots = gained
		}
	}
}
