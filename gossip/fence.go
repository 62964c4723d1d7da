package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Restart fencing. A master that comes back soon enough is never declared failed, so no
// replica succeeds it. If it comes back without its data, or with an old snapshot, it
// would serve that, and make its replicas throw away what they hold. So a restarted
// master with slots is fenced: it serves nothing, and its host brings no replica up to
// date. In everything else it is a member like the others: it answers, votes and counts
// for the majority. Its record says that it is fenced and what data it has, so the news
// reaches every replica and every voter, by whatever path.
//
// The fence ends in one of three ways:
//
//   - Every replica that may stand for election has told its data, and none holds more:
//     the master serves, startDelay after its start at the earliest.
//   - A replica holds more: it stands for election as if the master had failed
//     (maySucceed), however old its data is. The master votes for it and follows it.
//   - All replicas that hold more, or have not told, have failed, as a majority agrees
//     within 2T: then the master stands for election itself (continueElection). Its new
//     config epoch, and the new term of its data, rank what it writes from now on above
//     whatever such a replica brings back.

// Shortfall is a replica that has, or may have, data that its restarted master lacks.
type Shortfall struct {
	Replica slots.NodeID
	Data    Data // as it told last
	Told    bool // false: it has not told since the master's start
}

// beginFence is called once, when the node starts with what it saved.
func (c *Core) beginFence() {
	if c.self.rec.claims() && len(c.list) > 1 {
		c.self.rec.Fenced, c.self.rec.Data = true, c.cfg.Data
		c.event(Fenced{On: true})
	}
}

// endFence lets the node serve, or be what it has become. The caller tells the new
// record.
func (c *Core) endFence(how Fenced) {
	if c.self.rec.Fenced {
		c.election = nil // for its own slots
		c.self.rec.Fenced, c.self.rec.Data = false, Data{}
		c.mapDirty, c.yieldsTo = true, slots.NodeID{}
		c.event(how)
	}
}

// tendFence decides whether this node stays fenced.
func (c *Core) tendFence() {
	if !c.self.rec.Fenced {
		return
	}
	if !c.self.hasSlots() {
		c.endFence(Fenced{}) // it has lost its slots: there is nothing to serve
		c.selfChanged()
		return
	}
	wait, better, lacks := c.askReplicas()
	switch {
	case wait:
		c.election = nil
		if better != nil && c.yieldsTo != better.rec.ID {
			c.yieldsTo = better.rec.ID
			c.warn(better.rec.ID, "this master restarted with less data than its replica holds, and lets it take over")
		}
	case c.now.Before(c.serveFrom):
	case len(lacks) == 0:
		c.endFence(Fenced{})
		c.selfChanged()
	default:
		c.continueElection()
	}
}

// askReplicas reports whether there is a replica to wait for, which of those holds most
// if it holds more than this master, and which replicas have failed, or must not stand
// for election, that hold more or have not told.
func (c *Core) askReplicas() (wait bool, better *node, lacks []Shortfall) {
	for _, n := range c.list {
		told := !n.dataAt.IsZero()
		more := n.data.after(c.self.rec.Data)
		switch {
		case !c.follows(n, c.self) || told && (n.data.Missing || !more):
		case n.rec.NoFailover && !told: // not asked
		case n.rec.NoFailover || n.health == slots.Failed || !told && c.owesFor(n, 2*c.cfg.NodeTimeout):
			lacks = append(lacks, Shortfall{Replica: n.rec.ID, Data: n.data, Told: told})
		default:
			wait = true
			if more && (better == nil || n.data.after(better.data)) {
				better = n
			}
		}
	}
	return wait, better, lacks
}

// follows reports whether n is a replica of master, or will be as soon as it has heard of
// the latest failovers: its record makes it a replica of a former master of the shard, or
// a former master.
func (c *Core) follows(n, master *node) bool {
	for range maxLineage {
		if n.owned != nil {
			return false // a master itself, perhaps this one
		}
		if n.rec.claims() {
			if master.owned == nil {
				return false
			}
			lost := *n.rec.Slots
			lost.Intersect(master.owned)
			return !lost.Empty()
		}
		next := c.nodes[n.rec.Master]
		if next == nil || next == master {
			return next == master
		}
		n = next
	}
	return false
}

// maxLineage is how many failovers a replica may have missed while it was away.
const maxLineage = 16

// owesFor reports whether n has owed an answer for longer than d.
func (c *Core) owesFor(n *node, d time.Duration) bool {
	return !n.pingSent.IsZero() && c.now.Sub(n.pingSent) > d
}

// continueElection makes this fenced master a candidate for its own slots.
func (c *Core) continueElection() {
	if c.election == nil {
		line := c.failedBefore(c.self.rec.ID) * int(shardDelay)
		c.election = &election{master: c.self.rec.ID, created: c.now, start: c.now.Add(time.Duration(line))}
	}
	c.runElection(c.election)
}

// continues makes this fenced master serve again, after the others have agreed.
func (c *Core) continues(e *election) {
	_, _, lacks := c.askReplicas()
	c.election = nil
	c.serveFrom, c.minoritySeen = time.Time{}, time.Time{} // as in promote
	c.endFence(Fenced{Epoch: e.epoch, Lacks: lacks})
	c.setConfigEpoch(e.epoch, "goes on with less data than its shard may have had")
}

// yields reports whether master is fenced and the candidate, whose data is has, may take
// its place: it has more, or is the master itself.
func yields(master, candidate *node, has Data) bool {
	return master.rec.Fenced && (candidate == master || has.after(master.rec.Data))
}
