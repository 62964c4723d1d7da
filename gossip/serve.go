package gossip

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// startDelay is how long a restarted master waits before it serves, to hear whether its
// slots have another owner by now (docs/spec.md §5.2). A node that never had a peer has
// no node to hear it from, and does not wait.
const startDelay = 2 * time.Second

// updateState decides whether the cluster may serve (docs/spec.md §5.1).
func (c *Core) updateState() {
	now, reason := c.evaluateState()
	if now == c.state {
		return
	}
	c.state, c.mapDirty = now, true
	if now == slots.OK {
		c.hasServed()
	}
	c.event(StateChanged{Now: now, Reason: reason})
}

// hasServed notes that clients may have written to this cluster: it may not be merged
// with another one any more.
func (c *Core) hasServed() {
	if !c.served {
		c.served, c.dirty = true, true
	}
}

func (c *Core) evaluateState() (slots.State, string) {
	size, reachable, failed := 0, 0, 0
	for _, n := range c.list {
		if n.hasSlots() {
			size++
			if n.health == slots.Failed {
				failed++
			}
		}
		if c.isVoter(n) && n.health == slots.Online {
			reachable++
		}
	}
	if voters := c.voters(); size > 0 && reachable < voters/2+1 {
		c.minoritySeen = c.now
		who := "masters"
		if c.electors.explicit() {
			who = "voters"
		}
		return slots.Down, fmt.Sprintf("only %d of %d %s can be reached", reachable, voters, who)
	}
	if !c.cfg.NoFullCoverage {
		if missing := slots.Count - c.assigned.Len(); missing > 0 {
			return slots.Down, fmt.Sprintf("%d slots have no owner", missing)
		}
		if failed > 0 {
			return slots.Down, fmt.Sprintf("%d masters with slots failed", failed)
		}
	}
	if size == 0 {
		return slots.Down, "nobody owns a slot"
	}
	if c.self.rec.Fenced && c.self.hasSlots() {
		return slots.Down, "fenced after its start: asking the replicas whether they hold more"
	}
	if c.state == slots.Down && c.self.hasSlots() {
		if c.now.Before(c.serveFrom) {
			return slots.Down, "just started"
		}
		if !c.minoritySeen.IsZero() && c.now.Sub(c.minoritySeen) < c.rejoinDelay() {
			return slots.Down, "just back from a minority"
		}
	}
	return slots.OK, "all is well"
}

// rejoinDelay is how long a master that was cut off waits before it serves: others may
// have taken its slots, and need time to tell it (docs/spec.md §5.2).
func (c *Core) rejoinDelay() time.Duration {
	return min(max(c.cfg.NodeTimeout, 500*time.Millisecond), 5*time.Second)
}
