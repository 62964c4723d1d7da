package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// orphanDelay is how long a master must be without replicas before another shard spares
// one (docs/spec.md §6.8).
const orphanDelay = 5 * time.Second

// orphanEvery is how often to look for such masters.
const orphanEvery = time.Second

// tendOrphans moves this replica to a master that lost all its replicas, if it is the one
// to go: of the best-covered shards' replicas the one with the lowest id. All nodes
// compute the same, so one goes.
func (c *Core) tendOrphans() {
	covered := make(map[slots.NodeID]int)
	for _, n := range c.list {
		if !n.rec.Master.IsZero() && n.health == slots.Online {
			covered[n.rec.Master]++
		}
	}
	var orphan *node
	most := 0
	for _, n := range c.list {
		if !n.hasSlots() {
			// A replica that takes its master's place has lost one: itself.
			n.hadReplicas, n.orphaned = !n.rec.Master.IsZero(), time.Time{}
			continue
		}
		have := covered[n.rec.ID]
		most = max(most, have)
		switch {
		case have > 0:
			n.hadReplicas, n.orphaned = true, time.Time{}
		case n.hadReplicas && n.orphaned.IsZero():
			n.orphaned = c.now
		case n.hadReplicas && n.health == slots.Online && c.now.Sub(n.orphaned) > orphanDelay && orphan == nil:
			orphan = n
		}
	}
	if orphan == nil || !c.isReplica() || most <= c.cfg.MigrationBarrier {
		return
	}
	for _, n := range c.list {
		if n.health == slots.Online && !n.rec.Master.IsZero() && covered[n.rec.Master] == most && c.owns(n.rec.Master) {
			if n == c.self {
				c.becomeReplica(orphan.rec.ID)
			}
			return // the list is in order of ids: this is the one to go
		}
	}
}

func (c *Core) owns(id slots.NodeID) bool {
	n := c.nodes[id]
	return n != nil && n.hasSlots()
}
