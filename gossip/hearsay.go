package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Any member passes records of others on, so any member could tell a lie about another
// one: a record with a greater incarnation, in which a master has no slots, is a replica
// or has another address. Its subject would outnumber that as soon as it heard of it, but
// too late: the slots of a master that works would have changed hands meanwhile.
//
// So a node is believed about itself first. While this node hears the subject of a record
// on a link of its own, what others say of it is only a reason to ask it. Nothing is lost
// by that: a node tells its news to all its links at once. Two things are different:
//
//   - A node that gives up slots may say which node has them now, even if that one has not
//     told yet. Otherwise the slots would be without an owner for a moment.
//   - The number of a membership is raised by others, see Record.Gen.
//
// What is said of a node that this one does not hear is believed. It may be long out of
// reach of this node, and of no other.

// askAfter is how long this node waits before it asks a node again whether what others say
// of it is true.
const askAfter = 100 * time.Millisecond

// speaks reports whether n tells its news itself, on a link of this node.
func (c *Core) speaks(n *node) bool {
	return n.health == slots.Online && len(n.links) > 0 && c.now.Sub(n.lastHeard) < c.cfg.NodeTimeout
}

// believesOf reports whether a newer record of the member n counts, which the member from
// has told.
func (c *Core) believesOf(n *node, r *Record, from *node) bool {
	return n == from || !c.speaks(n) || r.Incarnation == n.rec.Incarnation && from.gives(n, r)
}

// gives reports whether what n has more of by record r are slots that this node claims, and
// nothing else has changed, but that n may have become a master.
func (from *node) gives(n *node, r *Record) bool {
	claimed, is, was := from.rec.claimed(), r.claimed(), n.rec.claimed()
	if claimed == nil || is == nil || r.Addr != n.rec.Addr || r.Fenced != n.rec.Fenced ||
		r.NoFailover != n.rec.NoFailover {
		return false
	}
	gained := *is
	if was != nil {
		lost := *was
		if lost.Subtract(is); !lost.Empty() {
			return false
		}
		gained.Subtract(was)
	}
	given := gained
	given.Intersect(claimed)
	return given == gained && !given.Empty()
}

// ask asks a member for its own record.
func (c *Core) ask(n *node) {
	if c.now.Before(n.nextAsk) {
		return
	}
	n.nextAsk = c.now.Add(askAfter)
	m := c.message(TypeNews)
	m.Want = []uint64{prefix(n.rec.ID)}
	c.send(n.link(), m)
}

// mergeDoubtful takes of a record that does not count only the number of the membership.
// Its other numbers use up nothing of what the subject may raise.
func (c *Core) mergeDoubtful(n *node, r *Record, from *node) {
	c.ask(n)
	known := n.rec
	known.Gen = r.Gen
	if c.believes(&known, from.rec.ID) && c.mergeKnown(n, &known) {
		c.tell(newsItem{id: r.ID, from: from.rec.ID})
	}
}

// leavesGap reports whether the record of a member would leave slots of it without an owner
// that this node knows of.
func (c *Core) leavesGap(n *node, r *Record) bool {
	if n.owned == nil || !r.newer(&n.rec) {
		return false
	}
	left := *n.owned
	if is := r.claimed(); is != nil {
		left.Subtract(is)
	}
	for _, o := range c.list {
		if claimed := o.rec.claimed(); claimed != nil && o != n {
			left.Subtract(claimed)
		}
	}
	return !left.Empty()
}
