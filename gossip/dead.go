package gossip

import "github.com/slotmesh/slotmesh/slots"

// forgetDead makes all forget the nodes that failed Config.ForgetAfter ago and have no
// slots. One node of the cluster does so: of the masters with slots that work the one with
// the smallest id, and T later the next one, which may know for longer: a node that restarts
// counts anew. It must itself be with the majority, and most must miss the node still: one
// that only this node cannot reach works.
func (c *Core) forgetDead() {
	if c.cfg.ForgetAfter <= 0 || c.state != slots.OK || !c.self.hasSlots() {
		return
	}
	after := c.cfg.ForgetAfter
	for _, n := range c.list { // in order of ids
		if n == c.self {
			break
		}
		if n.rec.Master.IsZero() && n.hasSlots() && n.health == slots.Online {
			after += c.cfg.NodeTimeout
		}
	}
	for _, n := range append([]*node(nil), c.list...) {
		if n.health != slots.Failed || n.owned != nil || c.now.Sub(n.failedAt) < after ||
			c.countReports(n)+1 < c.voters()/2+1 || c.isFollowed(n) {
			continue
		}
		if (ForgetNode{n.rec.ID}).do(c) == nil {
			c.warn(n.rec.ID, "node "+n.rec.ID.Short()+" is forgotten: it failed "+c.cfg.ForgetAfter.String()+
				" ago and has no slots; to bring it back, let it join again")
		}
	}
}

// isFollowed reports whether a node that works replicates n.
func (c *Core) isFollowed(n *node) bool {
	for _, r := range c.list {
		if r.rec.Master == n.rec.ID && r.health != slots.Failed {
			return true
		}
	}
	return false
}
