package gossip

import (
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// vote is the last one this node gave. Only its epoch must survive a crash: that is
// State.LastVoteEpoch.
type vote struct {
	epoch     uint64
	candidate slots.NodeID
}

// onVoteRequest is the voter's side of SPEC §6.5. A vote is saved before it is sent:
// Output.Save goes before Output.Sends.
func (c *Core) onVoteRequest(n *node, l *link, m *Message) {
	if !c.self.votes() {
		return
	}
	if !m.Forced {
		c.onFail(m.Subject) // a candidate's word that the majority agreed, as good as a FAIL
	}
	if m.Electorate != c.electorate() {
		// Its majority would be one of other voters than ours. It asks again when
		// we know the same.
		c.sendSummary(l)
		return
	}
	again := c.lastVote == vote{m.Epoch, n.rec.ID} // its copy, or the answer was lost
	if !again && !c.grants(n, l, m) {
		deny := c.message(TypeDeny)
		deny.ConfigEpoch = m.Epoch
		c.send(l, deny)
		return
	}
	if !again {
		c.lastVoteEpoch, c.lastVote = m.Epoch, vote{m.Epoch, n.rec.ID}
		c.nodes[m.Subject].votedAt = c.now
		c.nodes[m.Subject].votedFor = n.rec.ID
		c.dirty = true
	}
	answer := c.message(TypeVote)
	answer.ConfigEpoch, answer.Electorate = m.Epoch, m.Electorate
	c.send(l, answer)
}

// electorate stands for the set of masters with slots that this node knows. A vote counts only
// where voter and candidate agree on it: a majority of masters that were succeeded
// without the candidate's knowledge must not elect anybody.
func (c *Core) electorate() (sum uint64) {
	for _, n := range c.list {
		if n.votes() {
			sum ^= xxhash.Sum64(n.rec.ID[:])
		}
	}
	return sum
}

// awaits reports whether a replica of the failed master that this node hears holds more than the candidate, which may be
// cut off from it. It will ask by itself; if it does not soon, another one will do.
func (c *Core) awaits(master, candidate *node, m *Message) bool {
	if master.askedAt.IsZero() {
		master.askedAt = c.now
	}
	if c.now.Sub(master.askedAt) > patience {
		return false
	}
	has := Data{Term: m.Term, Offset: int64(m.Offset)}
	return slices.ContainsFunc(c.list, func(n *node) bool {
		return n != candidate && n.rec.Master == master.rec.ID && n.health == slots.Online && n.mayStand() && n.data.after(has)
	})
}

func (c *Core) grants(n *node, l *link, m *Message) bool {
	master := c.nodes[m.Subject]
	switch {
	case m.Epoch < c.currentEpoch || m.Epoch <= c.lastVoteEpoch:
		return false
	case m.Epoch > c.currentEpoch:
		return false // not believed, see raiseEpoch
	case master == nil || n.rec.Master != m.Subject || m.Slots == nil:
		return false
	case master.health != slots.Failed && !m.Forced && !(master == c.self && c.standsBack):
		return false
	case master.votedFor != n.rec.ID && !master.votedAt.IsZero() && c.now.Sub(master.votedAt) < c.cfg.NodeTimeout/2 && !m.Forced:
		return false // the one it voted for may have won: its claim is on the way
	}
	if !m.Forced && c.awaits(master, n, m) {
		return false
	}
	// Nobody with a later right may own what the candidate claims.
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
		c.reply(l, later, nil) // SPEC §4.3
		return false
	}
	return true
}
