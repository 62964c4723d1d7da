package gossip

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Every node says in its own record which slots it claims, under which config epoch. The
// owner of a slot is a function of all records alone: the claimer with the greatest
// config epoch; of two equal ones the smaller id, which is the one that will get a
// greater epoch (docs/spec.md §4.2, §4.4). Equal records give equal owners, whatever the
// order in which they came.

// resolveClaims recomputes the owners if a claim changed. A claim of this node that lost
// is withdrawn from its record with the next Tick. So the record, of which all nodes
// hear, changes ten times a second while slots move away, and not with each of them. No
// node is misled meanwhile: the claim has lost wherever the winner's is known. It is
// withdrawn at once where it would win again by a new config epoch, see setConfigEpoch,
// and with the last slot, for then the node changes its role.
func (c *Core) resolveClaims() {
	for c.claimsStale {
		c.claimsStale = false
		c.recomputeOwners()
		c.reportLost()
		if c.self.owned == nil {
			c.withdrawLost()
		}
	}
	if len(c.ceded) > 0 {
		c.resolveCeded()
	}
	if len(c.migrating)+len(c.importing) > 0 {
		c.closeMoved()
	}
}

func (c *Core) recomputeOwners() {
	claimers := make([]*node, 0, len(c.list))
	for _, n := range c.list {
		if n.rec.claims() {
			claimers = append(claimers, n)
		} else if n.owned != nil {
			n.owned = nil
			c.mapDirty, c.recount = true, true
		}
	}
	slices.SortFunc(claimers, func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.rec.ConfigEpoch, a.rec.ConfigEpoch), bytes.Compare(a.rec.ID[:], b.rec.ID[:]))
	})
	c.assigned, c.contested = slots.Set{}, false
	for _, n := range claimers {
		won := *n.rec.Slots
		won.Subtract(&c.assigned)
		c.assigned.Union(&won)
		was := n.owned
		switch {
		case won == *n.rec.Slots:
			n.owned = n.rec.Slots
		case won.Empty():
			n.owned, c.contested = nil, true
		default:
			owned := won // a copy of its own: the others need no allocation
			n.owned, c.contested = &owned, true
		}
		if !sameSet(was, n.owned) {
			c.mapDirty, c.recount = true, true
		}
	}
}

// claimsChanged updates the owners after a change of n's claims or epoch, or after n came
// or went (then was or is is nil). As long as no two nodes claim the same slot, no claim
// can lose, and the other nodes need not be looked at: without this shortcut, the
// creation of a cluster would cost each node the square of their number.
func (c *Core) claimsChanged(n *node, was, is *slots.Set) {
	if c.claimsStale || c.contested {
		c.claimsStale = true
		return
	}
	if sameSet(was, is) {
		return
	}
	var added slots.Set
	if is != nil {
		added = *is
	}
	if was != nil {
		added.Subtract(was)
	}
	if added.Intersect(&c.assigned); !added.Empty() {
		c.claimsStale = true
		return
	}
	if was != nil {
		c.assigned.Subtract(was)
	}
	if is != nil {
		c.assigned.Union(is)
	}
	n.owned = is
	c.mapDirty, c.recount = true, true
}

func sameSet(a, b *slots.Set) bool {
	if a == nil || b == nil {
		return (a == nil || a.Empty()) && (b == nil || b.Empty())
	}
	return a == b || *a == *b
}

// reportLost tells the host which claims of this node have lost or won again since it was
// told last.
func (c *Core) reportLost() {
	var lost slots.Set
	if claimed := c.self.rec.claimed(); claimed != nil {
		lost = *claimed
	}
	if c.self.owned != nil {
		lost.Subtract(c.self.owned)
	}
	if lost == c.lost {
		return
	}
	fresh, again := lost, c.lost
	fresh.Subtract(&c.lost)
	again.Subtract(&lost)
	c.lost = lost
	c.slotsChanged(&again, &fresh, c.areLeaving(&fresh))
}

// withdrawLost gives up the slots that another node claims with a better right, as far as
// resolveClaims has found them.
func (c *Core) withdrawLost() {
	self := c.self
	if c.claimsStale || !self.rec.claims() || sameSet(self.owned, self.rec.Slots) {
		return
	}
	lost := *self.rec.Slots
	if self.owned != nil {
		lost.Subtract(self.owned)
	}
	self.rec.Slots, c.lost = self.owned, slots.Set{}
	c.tellOwners(&lost, newsItem{all: true})
	c.selfChanged()
	c.followWinner(&lost)
}

// owner returns the node that owns slot, nil if none does.
func (c *Core) owner(slot slots.Slot) *node {
	c.resolveClaims()
	for _, n := range c.list {
		if n.owned != nil && n.owned.Has(slot) {
			return n
		}
	}
	return nil
}

// claim adds slots to this node's record, or takes them away.
func (c *Core) claim(add, remove *slots.Set) {
	var set slots.Set
	if c.self.rec.Slots != nil {
		set = *c.self.rec.Slots
	}
	was, before := set, c.self.rec.claimed()
	if add != nil {
		set.Union(add)
	}
	if remove != nil {
		set.Subtract(remove)
	}
	if set == was {
		return
	}
	c.self.rec.Slots = &set
	if set.Empty() {
		c.self.rec.Slots = nil
	} else if c.cluster.IsZero() {
		c.adopt(newClusterID(c.cfg.Rand)) // the first owner of slots founds the cluster
	}
	c.claimsChanged(c.self, before, c.self.rec.claimed())
	gained, lost := set, was
	gained.Subtract(&was)
	lost.Subtract(&set)
	lost.Subtract(&c.lost)
	c.lost.Intersect(&set)
	c.slotsChanged(&gained, &lost, true)
	c.selfChanged()
}

// areLeaving reports whether all of these slots are on their way to another node.
func (c *Core) areLeaving(set *slots.Set) bool {
	for slot := range set.All() {
		_, migrating := c.migrating[slot]
		_, ceded := c.ceded[slot]
		if !migrating && !ceded {
			return false
		}
	}
	return true
}

func (c *Core) slotsChanged(gained, lost *slots.Set, planned bool) {
	var e SlotsChanged
	if gained != nil && !gained.Empty() {
		e.Acquired = gained
	}
	if lost != nil && !lost.Empty() {
		e.Lost, e.Planned = lost, planned
	}
	if e.Acquired != nil || e.Lost != nil {
		c.event(e)
	}
}

// setConfigEpoch puts the claims that this node has not lost under another config epoch.
func (c *Core) setConfigEpoch(epoch uint64, reason string) {
	c.resolveClaims()
	c.withdrawLost()
	c.self.rec.ConfigEpoch = epoch
	c.useEpoch(epoch)
	c.claimsChanged(c.self, c.self.rec.claimed(), c.self.rec.claimed())
	c.event(EpochChanged{ConfigEpoch: epoch, Reason: reason})
	c.selfChanged()
}

// useEpoch makes epoch this node's own: it will not vote for another node in it.
func (c *Core) useEpoch(epoch uint64) {
	c.currentEpoch = max(c.currentEpoch, epoch)
	c.lastVoteEpoch = max(c.lastVoteEpoch, epoch)
	c.dirty = true
}

// resolveCollision gives this node a config epoch of its own if a master with a greater
// id has the same (docs/spec.md §4.4). Of k masters with one epoch, all of which see
// this, the greatest id keeps it and the others take the next k-1 in order: after the
// creation of a cluster they would otherwise collide again and again.
//
// No other node has agreed to that epoch. While others may take this node for failed, the
// voters may be giving the same epoch to its successor. This node waits until then: the
// collision does no harm.
func (c *Core) resolveCollision() {
	if !c.self.hasSlots() {
		return
	}
	greater := uint64(0)
	for _, n := range c.list {
		if n.hasSlots() && n.health == slots.Online && n.rec.ConfigEpoch == c.self.rec.ConfigEpoch &&
			before(c.self.rec.ID, n.rec.ID) {
			greater++
		}
	}
	if greater > 0 && !c.maybeSucceeded() {
		c.setConfigEpoch(min(c.currentEpoch+greater, maxCounter), "another master had the same")
	}
}

// maybeSucceeded reports whether this node was cut off, or not there, a moment ago.
// Others may take it for failed until 2T after they hear it again (docs/spec.md §3.5).
func (c *Core) maybeSucceeded() bool {
	reunion := !c.reunited.IsZero() && c.now.Sub(c.reunited) <= 2*c.cfg.NodeTimeout
	return reunion || c.self.rec.Fenced || c.now.Before(c.serveFrom)
}

// bumpEpoch takes a config epoch greater than all without asking, unless this node has it
// already (docs/spec.md §4.5).
func (c *Core) bumpEpoch(reason string) {
	highest := c.currentEpoch
	for _, n := range c.list {
		highest = max(highest, n.rec.ConfigEpoch)
	}
	if e := c.self.rec.ConfigEpoch; e == 0 || e != highest {
		c.setConfigEpoch(next(highest), reason)
	}
}

// answerStaleClaims sends a node whose claims have lost the records that won them, in
// case it does not know: the UPDATE of docs/spec.md §4.3. It is repeated until the
// loser's record follows.
func (c *Core) answerStaleClaims() {
	if !c.contested {
		return
	}
	for _, n := range c.list {
		if n == c.self || !n.rec.claims() || sameSet(n.owned, n.rec.Slots) || len(n.links) == 0 ||
			c.now.Sub(n.toldWinner) < time.Second {
			continue
		}
		n.toldWinner = c.now
		lost := *n.rec.Slots
		if n.owned != nil {
			lost.Subtract(n.owned)
		}
		var winners []Record
		for _, o := range c.list {
			if o.owned == nil {
				continue
			}
			both := *o.owned
			both.Intersect(&lost)
			if !both.Empty() {
				winners = append(winners, o.rec)
			}
		}
		c.reply(n.link(), winners, nil)
	}
}
