package gossip

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// merge takes over a record that a member told. The subject of a record numbers its
// versions, so it does not matter which way, how often or in which order they come. It
// reports whether the record is known now, in this version or a later one.
func (c *Core) merge(r *Record, from *node) (known bool) {
	n := c.nodes[r.ID]
	if n != nil && n != c.self && !r.Gone && r.newer(&n.rec) && !c.believesOf(n, r, from) {
		c.mergeDoubtful(n, r, from)
		return false
	}
	if !c.believes(r, from.rec.ID) {
		return false
	}
	switch {
	case n == c.self:
		c.mergeSelf(r, from)
	case r.Gone:
		if n != nil && r.Gen < n.rec.Gen {
			return true // of an earlier membership
		}
		if n != nil || !c.gone.covers(r.ID, r.Gen) {
			c.addTombstone(r.ID, r.Gen)
			c.tell(newsItem{id: r.ID, from: from.rec.ID})
		}
	case n != nil:
		if c.mergeKnown(n, r) {
			c.tell(newsItem{id: r.ID, from: from.rec.ID})
		}
	case c.gone.covers(r.ID, r.Gen):
		// The peer missed that the node was forgotten.
		if l := from.link(); l != nil {
			gone, _ := c.recordOf(r.ID)
			c.reply(l, []Record{gone}, nil)
		}
	case c.full():
		c.refuseMember(r.ID)
		return false
	default:
		c.add(r)
		c.tell(newsItem{id: r.ID, from: from.rec.ID})
	}
	return true
}

func (c *Core) refuseMember(id slots.NodeID) {
	c.refuse(refusedMember, id, "node %s cannot be a member: the cluster has %d, the most there may be; FORGET "+
		"those that do not exist",
		id.Short(), maxMembers)
}

// add makes r's subject a member. It owes a sign of life from now on.
func (c *Core) add(r *Record) {
	n := &node{rec: *r, pingSent: c.now, nextDial: c.now.Add(dialCourtesy)}
	if before(c.self.rec.ID, r.ID) {
		n.nextDial = c.now
	}
	if g := c.gone.byID[r.ID]; g != nil {
		n.gens = g.gens
	}
	c.gone.remove(r.ID)
	c.insert(n)
	if !c.established {
		c.established, c.dirty = true, true
	}
	c.saveSoon()
	c.event(NodeAdded{Node: r.ID})
	for _, l := range c.loose {
		if _, guest := c.guests[r.ID]; l.peer == r.ID && l.meet == nil && !guest {
			c.bind(l, n)
			n.lastHeard = c.now
			c.contact(n)
			break
		}
	}
	if len(n.links) == 0 {
		c.dial(n)
	}
}

// mergeKnown takes another version of a member's record; it reports whether that changed
// anything.
func (c *Core) mergeKnown(n *node, r *Record) bool {
	changed := r.Gen > n.rec.Gen
	gen := max(r.Gen, n.rec.Gen)
	if r.newer(&n.rec) {
		changed = true
		was := n.rec
		n.hadReplicas = n.hadReplicas || !n.rec.Master.IsZero() // itself, see tendOrphans
		switch n.rec = *r; {
		case !n.rec.Master.IsZero():
			n.former = slots.NodeID{}
		case !was.Master.IsZero():
			n.former = was.Master
		}
		c.followRecord(n, &was)
	}
	if !changed {
		return false
	}
	n.rec.Gen = gen
	c.rehash(n)
	c.mapDirty = true
	c.saveSoon()
	return true
}

// followRecord updates what this node keeps of n after its record changed.
func (c *Core) followRecord(n *node, was *Record) {
	if n.rec.Addr != was.Addr || n.rec.Incarnation != was.Incarnation {
		n.noAddr = false
		n.nextDial, n.dialWait = c.now, 0
	}
	if n.rec.Incarnation != was.Incarnation {
		n.askedAt, n.stoodAt = time.Time{}, time.Time{} // elections of it, or of its successor, begin anew
	}
	if n.rec.Addr != was.Addr {
		c.event(AddrChanged{Node: n.rec.ID, Was: was.Addr, Now: n.rec.Addr})
	}
	if n.rec.Master != was.Master {
		c.event(RoleChanged{Node: n.rec.ID, Master: n.rec.Master})
		if n.rec.Master == c.self.rec.ID {
			c.dirty = true // at once: after a restart this node must know which replicas to ask, see fence.go
		}
	}
	before, now := was.claimed(), n.rec.claimed()
	c.claimsChanged(n, before, now)
	if before != nil {
		dropped := *before
		if now != nil {
			dropped.Subtract(now)
		}
		c.givenUp.Union(&dropped)
		if !n.rec.Master.IsZero() {
			c.noteSuccession(was.ConfigEpoch, before)
		}
	}
}

// mergeSelf hears what others know about this node: that it was forgotten, was met again,
// or had a later record before it restarted with an older state file.
func (c *Core) mergeSelf(r *Record, from *node) {
	self := &c.self.rec
	switch {
	case r.Gone && r.Gen >= self.Gen:
		if !c.departed(from.rec.ID) {
			c.expelled(from.rec.ID, r.Gen)
		}
		return
	case r.Gone:
		return
	case r.Gen > self.Gen:
		self.Gen = r.Gen
		c.rehash(c.self)
		c.dirty = true
		c.tellAll(self.ID)
	}
	if r.newer(self) {
		c.refuse(foundTwin, from.rec.ID, "peers know a later word of this node than itself: its state file is an old "+
			"copy, or another process uses its id")
		c.resolveClaims()
		c.withdrawLost()
		self.Incarnation = next(r.Incarnation)
		self.ConfigEpoch = max(self.ConfigEpoch, r.ConfigEpoch)
		c.claimsChanged(c.self, self.claimed(), self.claimed())
		c.selfChanged()
	}
}

// addTombstone removes a node and remembers that its membership gen has ended.
func (c *Core) addTombstone(gone slots.NodeID, gen uint64) {
	t := tombstone{gen: gen, at: c.now}
	if g := c.gone.byID[gone]; g != nil {
		t.gens, t.known = g.gens, g.known
	}
	if n := c.nodes[gone]; n != nil {
		t.gens, t.known = n.gens, true
		for len(n.links) > 0 {
			l := n.links[0]
			notice := c.message(TypeForgotten)
			notice.Records = []Record{{ID: gone, Gen: gen, Gone: true}}
			c.send(l, notice)
			c.closeLink(l)
		}
		c.erase(n)
		c.forgetUndecided(func(u Undecided) bool { return u.Candidate == gone })
		c.event(NodeRemoved{Node: gone})
	}
	c.gone.add(gone, t)
	c.saveSoon()
}

// expelled ends this node's membership after the cluster forgot it. It forgets its peers
// without a ban, keeps its slots and data, and waits to be met again; alone, it covers
// too few slots to serve them.
func (c *Core) expelled(by slots.NodeID, gen uint64) {
	c.event(Expelled{By: by})
	c.forgetAll()
	c.self.rec.Gen, c.self.rec.Leaving, c.departing = next(gen), false, nil
	c.selfChanged()
}

// forgetAll empties the list of peers, without tombstones.
func (c *Core) forgetAll() {
	for _, n := range append([]*node(nil), c.list...) {
		if n == c.self {
			continue
		}
		for len(n.links) > 0 {
			c.closeLink(n.links[0])
		}
		c.erase(n)
		c.event(NodeRemoved{Node: n.rec.ID})
	}
	for len(c.handshakes) > 0 {
		c.endMeet(c.handshakes[0], ErrNoAnswer)
	}
	for len(c.loose) > 0 {
		c.closeLink(c.loose[0])
	}
	c.dials = nil
	c.serveFrom, c.minoritySeen = time.Time{}, time.Time{}
}
