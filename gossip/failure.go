package gossip

import (
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// maxSuspects bounds the list in a heartbeat.
const maxSuspects = 1000

// tendHealth suspects a peer that owes an answer for longer than T (docs/spec.md §3.4).
func (c *Core) tendHealth(n *node) {
	if n.health == slots.Online && !n.pingSent.IsZero() && c.now.Sub(n.pingSent) > c.cfg.NodeTimeout {
		c.setHealth(n, slots.Suspected)
		if c.isVoter(c.self) {
			// Only voters count reports and are counted: tell them at once instead of
			// with the next heartbeat.
			c.sendTo(c.heartbeat(TypeSuspect), c.isVoter)
		}
	}
	if n.health == slots.Suspected && c.recount {
		c.agreeOnFailure(n)
	}
}

// setHealth changes what this node believes about n.
func (c *Core) setHealth(n *node, h slots.Health) {
	c.event(HealthChanged{Node: n.rec.ID, Was: n.health, Now: h})
	if n.health = h; h == slots.Online {
		c.reunited = c.now
	}
	c.mapDirty, c.suspectsStale, c.recount = true, true, true
}

// listSuspects returns the list that heartbeats carry. It is made anew after a change:
// messages in flight keep theirs.
func (c *Core) listSuspects() []slots.NodeID {
	if !c.suspectsStale {
		return c.suspects
	}
	count := 0
	for _, n := range c.list {
		if n.health != slots.Online {
			count++
		}
	}
	c.suspects, c.suspectsStale = make([]slots.NodeID, 0, min(count, maxSuspects)), false
	for _, n := range c.list {
		if n.health != slots.Online && len(c.suspects) < maxSuspects {
			c.suspects = append(c.suspects, n.rec.ID)
		}
	}
	return c.suspects
}

// applyReports notes which nodes n takes for down.
func (c *Core) applyReports(n *node, suspects []slots.NodeID) {
	was := n.suspects
	if c.now.Sub(n.suspectsAt) > 2*c.cfg.NodeTimeout {
		was = nil // these reports did not count any more
	}
	n.suspectsAt = c.now
	if slices.Equal(was, suspects) {
		return // nearly always
	}
	n.suspects = suspects
	for _, id := range suspects {
		// Only a report that is new can make a majority. Both lists are in order of ids.
		for len(was) > 0 && before(was[0], id) {
			was = was[1:]
		}
		if len(was) > 0 && was[0] == id {
			continue
		}
		switch s := c.nodes[id]; {
		case s == nil || s == c.self:
		case s.health == slots.Suspected:
			c.agreeOnFailure(s)
		case s.health == slots.Online && c.now.Sub(s.failSaidAt) <= 2*c.cfg.NodeTimeout && c.seconded(s):
			c.fail(s)
		}
	}
}

// countReports counts the voters that reported n within 2T, without this node.
func (c *Core) countReports(n *node) int {
	count := 0
	for _, r := range c.list {
		if c.isVoter(r) && len(r.suspects) > 0 && c.now.Sub(r.suspectsAt) <= 2*c.cfg.NodeTimeout &&
			slices.Contains(r.suspects, n.rec.ID) {
			count++
		}
	}
	return count
}

// allReports is countReports for all nodes at once.
func (c *Core) allReports() map[slots.NodeID]int {
	counts := make(map[slots.NodeID]int)
	for _, r := range c.list {
		if c.isVoter(r) && c.now.Sub(r.suspectsAt) <= 2*c.cfg.NodeTimeout {
			for _, id := range r.suspects {
				counts[id]++
			}
		}
	}
	return counts
}

// agreeOnFailure declares a suspected node failed if a majority of the voters reports it
// (docs/spec.md §3.4).
func (c *Core) agreeOnFailure(n *node) {
	c.resolveClaims()
	count := c.countReports(n)
	if c.isVoter(c.self) {
		count++
	}
	if count < c.voters()/2+1 {
		return
	}
	c.fail(n)
	m := c.message(TypeFail)
	m.Subject = n.rec.ID
	c.sendTo(m, func(o *node) bool { return o != n })
}

func (c *Core) fail(n *node) {
	n.failedAt, n.askedAt = c.now, time.Time{}
	c.setHealth(n, slots.Failed)
}

// onFail takes the word of a member that a majority agreed. One member could say so of a
// master that works, so its word alone is not enough while this node hears that master: it
// counts once a second voter reports the same.
func (c *Core) onFail(by *node, id slots.NodeID) {
	n := c.nodes[id]
	if n == nil || n == c.self || n.health == slots.Failed {
		return
	}
	n.failSaidAt, n.failSaidBy = c.now, by.rec.ID
	if c.misses(n) || c.seconded(n) {
		c.fail(n)
	}
}

// misses reports whether n owes this node an answer, and has been silent for longer than
// any member is that works.
func (c *Core) misses(n *node) bool {
	return n.health == slots.Suspected || !n.pingSent.IsZero() && c.now.Sub(n.lastHeard) >= c.cfg.NodeTimeout*3/4
}

// seconded reports whether voters report n, beside the one that said that it
// failed: as many as a majority has, two at most.
func (c *Core) seconded(n *node) bool {
	count := 0
	for _, r := range c.list {
		if c.isVoter(r) && (r.rec.ID == n.failSaidBy || c.now.Sub(r.suspectsAt) <= 2*c.cfg.NodeTimeout &&
			slices.Contains(r.suspects, n.rec.ID)) {
			count++
		}
	}
	return count >= min(2, c.voters()/2+1)
}

// contact notes that n is alive: it has sent something. A failed master that still owns
// its slots stays failed for 2T, the time in which a replica may take them (docs/spec.md
// §3.5). The wait would protect nothing where no replica could take them, nor where the
// master is fenced: a replica that holds more succeeds it in any case, and no other
// should.
func (c *Core) contact(n *node) {
	n.pingSent = time.Time{}
	switch n.health {
	case slots.Suspected:
		c.setHealth(n, slots.Online)
	case slots.Failed:
		if !n.hasSlots() || c.now.Sub(n.failedAt) > 2*c.cfg.NodeTimeout || n.rec.Fenced || !c.hasSuccessor(n) {
			c.setHealth(n, slots.Online)
		}
	}
}

// hasSuccessor reports whether the master n has a replica that could stand for election
// (docs/spec.md §6.1).
func (c *Core) hasSuccessor(n *node) bool {
	for _, r := range c.list {
		if r.rec.Master == n.rec.ID && r.health != slots.Failed && r.mayStand() {
			return true
		}
	}
	return false
}
