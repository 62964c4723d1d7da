package gossip

import (
	"math/bits"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// A master that is succeeded takes its vote with it: its successor has it from then on. So
// a voter that does not know who won an election could help the old master, and with it
// the side that it is on, to a majority of its own, while the winner is part of another
// majority on the other side. Therefore a voter remembers the elections that it voted in
// (Undecided), and a vote says which are open. The candidate does not count the vote of a
// master that may have been succeeded in one of them.
//
// Why no two elections succeed in one epoch, as long as no shard comes or goes and no node
// takes slots without votes. A node is aware of an election of epoch e if it knows owners
// of its slots with config epochs of e or later, or has an Undecided of these slots with
// such an epoch. A node that was aware stays so: noteSuccession makes an Undecided where an
// owner gives up its slots before the next one is known. A voter is aware of the elections
// that it voted in. Its votes tell all that the candidate must know to be aware of the
// same: the Undecided, and the owners' epochs if the views differ.
//
// Let election W succeed in epoch w, and election X in epoch x > w. Then the winner of X is
// aware of W when it counts the votes. The proof is by induction over the epochs. Each of
// the two counts the votes of more than half of the shards, so there is a shard whose vote
// both count.
//
//   - If both count it from the same node, that one voted in w before it voted in x. So it
//     is aware of W, and reports it to X.
//   - If W counts it from a node that won the shard after the one from which X counts it,
//     that was in an epoch before w: a vote counts only in an epoch later than that of the
//     voter's claims. So the winner of X is aware of that election, and does not count the
//     earlier owner. This case does not happen.
//   - If X counts it from a node that won the shard after the one from which W counts it,
//     let that be in epoch u < x. With u < w, the winner of W was aware of that, and did not
//     count the earlier owner. With u = w, the node is the winner of W, as epochs before x
//     have one winner; it reports that. With u > w, it was aware of W when it won, has been
//     since, and reports it: a candidate that votes in a later epoch meanwhile does not win.
//
// Let two elections succeed in one epoch. Again both count the vote of one shard. They do
// not have it from the same node, which votes once in an epoch. If from two, the later
// owner won the shard in an epoch before this one. Both winners are aware of that, and
// neither counts the earlier owner.

// Undecided is an election whose outcome a node does not know: one that it voted in, or
// that a voter of its own election voted in.
type Undecided struct {
	Epoch     uint64
	Candidate slots.NodeID // zero: there was a winner, but its record is not known (any more)
	Slots     *slots.Set   // what the candidate asked for
}

const (
	// outcomeDelay is how long after a vote the candidate is asked for the outcome. Nearly
	// always it has won and said so by then.
	outcomeDelay = 500 * time.Millisecond
	// outcomeEvery is how often it is asked.
	outcomeEvery = time.Second
	// maxUndecided bounds what a vote reports, and what a candidate takes over. A voter that
	// knows of more does not vote until it has heard of some outcomes.
	maxUndecided = 512
)

func (u *Undecided) same(o Undecided) bool {
	return u.Epoch == o.Epoch && u.Candidate == o.Candidate && *u.Slots == *o.Slots
}

// precedes reports whether n has slots that another node may have won since.
func (u *Undecided) precedes(n *node) bool {
	if n.owned == nil || n.rec.ConfigEpoch >= u.Epoch {
		return false
	}
	both := *n.owned
	both.Intersect(u.Slots)
	return !both.Empty()
}

// open reports whether the election may have had a winner that this node does not know:
// not all of the slots have an owner of that epoch or a later one.
func (c *Core) open(u *Undecided) bool {
	left := *u.Slots
	for _, n := range c.list {
		if n.owned != nil && n.rec.ConfigEpoch >= u.Epoch {
			left.Subtract(n.owned)
		}
	}
	return !left.Empty()
}

// vacant counts the shards whose former master said that it was succeeded, or may have
// been, and that have no owner as far as this node knows. They count for the majority: the
// masters that are left are not all that there are.
func (c *Core) vacant(lists ...[]Undecided) (count int) {
	var counted slots.Set
	for _, list := range lists {
		for i := range list {
			left := *list[i].Slots
			left.Subtract(&c.assigned)
			left.Subtract(&counted)
			if !left.Empty() {
				counted.Union(&left)
				count++
			}
		}
	}
	return count
}

// decide forgets the elections whose outcome is known, and reports whether that is all.
func (c *Core) decide() (all bool) {
	c.forgetUndecided(func(u Undecided) bool { return !c.open(&u) })
	return len(c.undecided) == 0
}

func (c *Core) forgetUndecided(which func(Undecided) bool) {
	was := len(c.undecided)
	c.undecided = slices.DeleteFunc(c.undecided, which)
	if len(c.undecided) < was {
		c.saveSoon() // together with the record that decides it
	}
}

// noteUndecided remembers an election, if it is open. State.Undecided says so before the
// vote is sent.
func (c *Core) noteUndecided(u Undecided) {
	if !slices.ContainsFunc(c.undecided, u.same) && c.open(&u) {
		c.undecided, c.dirty = append(c.undecided, u), true
		c.nextOutcome = c.now.Add(outcomeDelay)
	}
}

// noteVote remembers the election that this node now votes in. A candidate that stands in
// a later epoch, under an earlier config epoch, did not win an election that it stood in
// before.
func (c *Core) noteVote(n *node, m *Message) {
	c.forgetUndecided(func(u Undecided) bool {
		return u.Candidate == n.rec.ID && u.Epoch < m.Epoch && m.Self != nil && m.Self.ConfigEpoch < u.Epoch
	})
	c.noteUndecided(Undecided{Epoch: m.Epoch, Candidate: n.rec.ID, Slots: m.Slots})
}

// noteSuccession is called when n, which had these slots under a config epoch, says that
// it is a replica: it was succeeded. Until the successor's record comes, an earlier owner
// may seem to have them again, or none.
func (c *Core) noteSuccession(epoch uint64, had *slots.Set) {
	c.undecided = append(c.undecided, Undecided{Epoch: epoch, Slots: had})
}

// report adds to a vote for n the elections that are open for this voter, but not the one
// that it votes in. If the candidate's view is another than this node's, it may know earlier
// config epochs of the same masters: then these are told as well.
func (c *Core) report(vote *Message, n *node, request *Message) {
	for _, u := range c.undecided {
		if u.Candidate != n.rec.ID || u.Epoch != request.Epoch {
			vote.Undecided = append(vote.Undecided, u)
		}
	}
	if request.Digest == c.digest {
		return
	}
	for _, o := range c.list {
		if o.owned != nil {
			vote.Owners = append(vote.Owners, OwnerEpoch{prefix(o.rec.ID), o.rec.ConfigEpoch})
		}
	}
}

// hearReport takes over what a voter reports to this candidate, as far as it is open here,
// and reports whether that can be kept. That the voter does not know the outcome of an
// earlier attempt of this node is no news.
func (c *Core) hearReport(e *election, n *node, m *Message) bool {
	add := func(u Undecided) {
		if u.Epoch <= c.currentEpoch && c.open(&u) && !slices.ContainsFunc(e.undecided, u.same) {
			e.undecided = append(e.undecided, u)
		}
	}
	for _, u := range m.Undecided {
		if u.Candidate != c.self.rec.ID {
			add(u)
		}
	}
	behind, owners := false, m.Owners
	for _, known := range c.list { // both are in order of ids
		for len(owners) > 0 && bits.ReverseBytes64(owners[0].Node) < bits.ReverseBytes64(prefix(known.rec.ID)) {
			owners = owners[1:]
		}
		if len(owners) > 0 && owners[0].Node == prefix(known.rec.ID) && known.owned != nil &&
			known.rec.ConfigEpoch < owners[0].Epoch {
			add(Undecided{Epoch: owners[0].Epoch, Slots: known.owned})
			behind = true
		}
	}
	if l := n.link(); behind && l != nil {
		c.sendSummary(l)
	}
	return len(e.undecided) <= maxUndecided
}

// counts reports whether the vote of v counts in this node's election, and else whether it
// may count soon. It does not if v may have been succeeded, or if its claims are under a
// later epoch: then it voted before it had them.
func (c *Core) counts(e *election, v *node) (counts, soon bool) {
	if c.electors.explicit() {
		return true, true // who votes does not depend on elections
	}
	if v.rec.ConfigEpoch > e.epoch {
		return false, false
	}
	counts, soon = true, true
	for _, list := range [][]Undecided{c.undecided, e.undecided} {
		for i := range list {
			if u := &list[i]; u.precedes(v) {
				counts, soon = false, soon && u.Candidate.IsZero()
			}
		}
	}
	return counts, soon
}

// inherit takes over the elections that the voters reported: this node must not help a
// master either that may have been succeeded.
func (c *Core) inheritUndecided(e *election) {
	for _, u := range e.undecided {
		c.noteUndecided(u)
	}
}

// tendUndecided asks the candidates what became of their elections.
func (c *Core) tendUndecided() {
	if len(c.undecided) == 0 {
		return
	}
	c.decide()
	if c.now.Before(c.nextOutcome) {
		return
	}
	c.nextOutcome = c.now.Add(outcomeEvery)
	for _, u := range c.undecided {
		if n := c.nodes[u.Candidate]; n != nil && n != c.self && n.link() != nil {
			m := c.message(TypeOutcome)
			m.ConfigEpoch = u.Epoch
			c.send(n.link(), m)
		}
	}
}

// onOutcome says that this node did not win an election, and will not: it does not stand
// in that epoch any more, and never again. If it won, its record says so.
func (c *Core) onOutcome(l *link, m *Message) {
	epoch := m.ConfigEpoch
	if epoch > c.currentEpoch || c.self.rec.ConfigEpoch >= epoch || c.election != nil && c.election.epoch == epoch ||
		c.manual != nil && c.manual.epoch == epoch {
		return
	}
	answer := c.message(TypeWithdrawn)
	answer.ConfigEpoch = epoch
	c.send(l, answer)
}

// withdraw tells the voters that this node does not stand in an epoch any more. A voter that
// does not hear it asks.
func (c *Core) withdraw(epoch uint64) {
	m := c.message(TypeWithdrawn)
	m.ConfigEpoch = epoch
	c.sendTo(m, c.isVoter)
}

// onWithdrawn forgets an election that its candidate did not win.
func (c *Core) onWithdrawn(n *node, m *Message) {
	c.forgetUndecided(func(u Undecided) bool { return u.Candidate == n.rec.ID && u.Epoch == m.ConfigEpoch })
}
