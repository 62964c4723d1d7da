package gossip

import (
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// vote is the last one this node gave. Only its epoch must survive a crash: that is
// State.LastVoteEpoch.
type vote struct {
	epoch     uint64
	candidate slots.NodeID
}

// onVoteRequest is the voter's side of docs/spec.md §6.5. A vote is saved before it is
// sent: Output.Save goes before Output.Sends.
func (c *Core) onVoteRequest(n *node, l *link, m *Message) {
	if !c.isVoter(c.self) {
		return
	}
	subject := c.nodes[m.Subject]
	if subject == nil || n.rec.Master != m.Subject && n != subject {
		c.deny(l, m) // only a replica may take its master's place
		return
	}
	switch {
	case m.Fenced:
		for i := range m.Records {
			if m.Records[i].ID == m.Subject { // what it relies on: this voter may not have heard it yet
				c.merge(&m.Records[i], n)
			}
		}
		c.resolveClaims()
	case !m.Forced:
		c.onFail(n, m.Subject) // a candidate's word that the majority agreed, as good as a FAIL
	}
	n.stoodAt = c.now
	c.hearData(n, m)
	if m.Electorate != c.electorate() {
		// The candidate would count a majority of other voters. It asks again when both nodes
		// know the same ones.
		c.sendSummary(l)
		return
	}
	again := c.lastVote == vote{m.Epoch, n.rec.ID} // its copy, or the answer was lost
	c.decide()
	if !again && !c.grants(n, l, m) || len(c.undecided) >= maxUndecided {
		c.deny(l, m)
		return
	}
	if !again {
		c.lastVoteEpoch, c.lastVote = m.Epoch, vote{m.Epoch, n.rec.ID}
		c.nodes[m.Subject].votedAt = c.now
		c.nodes[m.Subject].votedFor = n.rec.ID
		c.noteVote(n, m)
		c.dirty = true
		if m.Subject == c.self.rec.ID {
			c.election = nil // of its own, if it is fenced
		}
	}
	answer := c.message(TypeVote)
	c.report(answer, n, m)
	answer.ConfigEpoch, answer.Electorate = m.Epoch, m.Electorate
	c.send(l, answer)
}

// deny answers a request for a vote that is not given.
func (c *Core) deny(l *link, request *Message) {
	m := c.message(TypeDeny)
	m.ConfigEpoch = request.Epoch
	c.send(l, m)
}

// awaits reports whether the vote is kept for another replica of the failed master, which
// this node hears: one that holds more than the candidate, which may be cut off from it,
// or one that has not told its data since this node was started. That replica will ask
// for votes itself, and again as long as too few answer. If it does not, the candidate
// will do.
func (c *Core) awaits(master, candidate *node, m *Message) bool {
	if master.askedAt.IsZero() {
		master.askedAt = c.now
	}
	has, early := m.data(), c.now.Sub(master.askedAt) <= voteWait
	return slices.ContainsFunc(c.list, func(n *node) bool {
		ofShard := c.follows(n, master)
		switch {
		case n == candidate || n.health != slots.Online || !n.mayStand():
			return false
		case n == c.self: // a replica that votes
			return early && ofShard && n.data.after(has)
		case n.dataAt.IsZero():
			// A fenced master may have missed, before its restart, that a node became its replica.
			return early && (ofShard || master == c.self && !n.hasSlots())
		case !ofShard || has.after(n.data):
			return false
		}
		asks := !n.stoodAt.IsZero() && c.now.Sub(n.stoodAt) <= c.voteTimeout()+voteWait
		if n.data.after(has) {
			return early || asks
		}
		// equals would take each other's votes for ever
		return asks && candidate != master && before(n.rec.ID, candidate.rec.ID)
	})
}

func (c *Core) grants(n *node, l *link, m *Message) bool {
	master := c.nodes[m.Subject]
	switch {
	case m.Epoch < c.currentEpoch || m.Epoch <= c.lastVoteEpoch:
		return false
	case m.Epoch > c.currentEpoch:
		return false // not believed, see raiseEpoch
	case master == nil || n.rec.Master != m.Subject && n != master || m.Slots == nil:
		return false
	case (master.health != slots.Failed || n == master) && !m.Forced && !yields(master, n, m.data()):
		return false
	case master.votedFor != n.rec.ID && !master.votedAt.IsZero() && c.now.Sub(master.votedAt) < c.cfg.NodeTimeout/2 &&
		!m.Forced:
		return false // the one it voted for may have won: its claim is on the way
	}
	if !m.Forced && c.awaits(master, n, m) {
		return false
	}
	// No node with a later right may own what the candidate claims.
	var later []Record
	for _, o := range c.list {
		if o.owned == nil || o.rec.ConfigEpoch <= m.ConfigEpoch {
			continue
		}
		both := *o.owned
		both.Intersect(m.Slots)
		if !both.Empty() {
			later = append(later, o.rec)
		}
	}
	if len(later) > 0 {
		c.reply(l, later, nil) // docs/spec.md §4.3
		return false
	}
	return true
}
