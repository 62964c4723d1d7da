package gossip

import (
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// election is a replica's attempt to succeed its master.
type election struct {
	master  slots.NodeID
	manual  bool
	created time.Time
	start   time.Time // when to ask, if the siblings' data stays unknown (docs/spec.md §6.3)

	epoch    uint64 // of the votes asked for, 0 before that
	voters   uint64 // the electorate that was asked
	own      bool   // this node has given its own vote to itself
	claim    *slots.Set
	asked    time.Time
	sent     time.Time // the last request
	askAgain time.Time // when to ask the voters that have not answered
	votes    map[slots.NodeID]bool
	denials  map[slots.NodeID]bool
	attempts int

	undecided []Undecided // as the voters reported
}

const (
	electionDelay = 500 * time.Millisecond  // docs/spec.md §6.3
	electionRand  = 500 * time.Millisecond  // docs/spec.md §6.3: random(0..499 ms)
	rankDelay     = 1000 * time.Millisecond // docs/spec.md §6.3, for each better replica
	shardDelay    = 200 * time.Millisecond  // for each failed master with a smaller id
	askAgainAfter = time.Second
	hurry         = 20 * time.Millisecond // between two requests, if there is reason to repeat one soon
	pingPeriod    = 10 * time.Second      // docs/spec.md §6.2: replica ping period
)

// tendElection runs the candidate's side of docs/spec.md §6.
//
// Redis waits half a second to a second before it asks for votes, so that FAIL reaches
// the voters and the replicas of one shard do not split the votes. Here a request for
// votes says as well as a FAIL message that the majority agreed, and the replicas tell
// each other their data once their master has failed. When all have, their order is known
// and the best starts at once. The delay of docs/spec.md §6.3 remains for the case that a
// sibling does not answer.
func (c *Core) tendElection() {
	c.tendManual()
	e := c.election
	if e != nil && e.manual {
		c.runElection(e)
		return
	}
	m := c.nodes[c.self.rec.Master]
	if !c.maySucceed(m) {
		c.election = nil
		return
	}
	if e == nil || e.master != m.rec.ID {
		e = &election{master: m.rec.ID, created: c.now}
		e.start = c.now.Add(electionDelay + time.Duration(c.cfg.Rand.Int64N(int64(electionRand))))
		c.election = e
		for _, n := range c.siblings() {
			if l := n.link(); l != nil {
				c.sendPing(n, l) // its Pong tells its data
			}
		}
	}
	c.runElection(e)
}

// maySucceed reports whether this replica may stand for election (docs/spec.md §6.1). A
// replica that has more than its fenced master may, whatever the age of its data: no node
// has newer data.
func (c *Core) maySucceed(m *node) bool {
	switch {
	case m == nil || !m.hasSlots() || c.self.rec.NoFailover || c.departing != nil:
		return false
	case !c.self.data.Missing && yields(m, c.self, c.self.data):
		return true
	}
	return m.health == slots.Failed && c.dataValid(m)
}

// siblings returns the other replicas of this one's master that may stand for election.
func (c *Core) siblings() []*node {
	var list []*node
	m := c.nodes[c.self.rec.Master]
	for _, n := range c.list {
		if m != nil && m.owned != nil && n != c.self && n.health != slots.Failed && n.mayStand() && c.follows(n, m) {
			list = append(list, n)
		}
	}
	return list
}

// dataValid reports whether this replica heard its master's data recently enough
// (docs/spec.md §6.2), and whether it has any.
func (c *Core) dataValid(m *node) bool {
	if c.cfg.ReplicaValidity < 0 {
		return true
	}
	if c.self.data.Missing {
		return false
	}
	last := c.dataTime
	if last.IsZero() {
		last = m.lastHeard
	}
	age, t := c.now.Sub(last), c.cfg.NodeTimeout
	if age > t {
		age -= t
	}
	return age <= pingPeriod+time.Duration(c.cfg.ReplicaValidity)*t
}

func (c *Core) runElection(e *election) {
	switch {
	case e.epoch == 0:
		if !c.now.Before(c.startOf(e)) && (e.manual || c.hearsMajority()) {
			c.askForVotes(e)
		}
	case c.now.Sub(e.asked) > c.voteTimeout():
		// docs/spec.md §6.4 waits twice as long before it asks again: a voter that returns
		// meanwhile would be asked late.
		c.retry(e, "too few answers")
	case e.voters != c.electorate():
		// The votes so far stand for a majority of others: ask all again.
		c.sendFirstRequest(e)
	case !c.now.Before(e.askAgain):
		c.sendRequest(e)
	default:
		c.countVotes(e) // a voter that has failed meanwhile may decide it
	}
}

// hears reports whether n was heard lately, even if it counts as failed for a while
// longer (see contact).
func (c *Core) hears(n *node) bool {
	return n.health == slots.Online || c.now.Sub(n.lastHeard) < c.cfg.NodeTimeout
}

// voteTimeout is how long an attempt may take (docs/spec.md §6.4).
func (c *Core) voteTimeout() time.Duration { return max(2*c.cfg.NodeTimeout, 2*time.Second) }

// startOf tells when to ask for votes.
func (c *Core) startOf(e *election) time.Time {
	if e.manual || e.attempts > 0 || e.master == c.self.rec.ID {
		return e.start
	}
	rank, known := 0, true
	for _, n := range c.siblings() {
		if n.dataAt.Before(e.created) {
			known = false
		}
		if n.data.after(c.self.data) || !c.self.data.after(n.data) && before(n.rec.ID, c.self.rec.ID) {
			rank++
		}
	}
	start := e.start
	if known {
		start = e.created
	}
	return start.Add(time.Duration(rank)*rankDelay + time.Duration(c.failedBefore(e.master))*shardDelay)
}

// failedBefore counts the failed and the fenced masters with smaller ids: candidates of
// different shards that ask in the same epoch take each other's votes, so they line up.
func (c *Core) failedBefore(master slots.NodeID) int {
	count := 0
	for _, n := range c.list {
		if (n.health == slots.Failed || n.rec.Fenced) && n.hasSlots() && before(n.rec.ID, master) {
			count++
		}
	}
	return count
}

// askForVotes starts an attempt in an epoch of its own.
func (c *Core) askForVotes(e *election) {
	m := c.nodes[e.master]
	if m == nil || m.owned == nil {
		c.election = nil
		return
	}
	if c.epochSetAside(e) {
		c.manual.epoch = 0 // for one attempt only
	} else {
		c.currentEpoch = next(c.currentEpoch)
		c.dirty, c.mapDirty = true, true
	}
	claim := *m.owned
	e.epoch, e.claim, e.asked = c.currentEpoch, &claim, c.now
	c.event(ElectionStarted{Master: e.master, Epoch: e.epoch, Manual: e.manual})
	c.sendFirstRequest(e)
}

// sendFirstRequest asks all voters. The candidate may be one itself: a fenced master, or a
// replica where replicas vote.
func (c *Core) sendFirstRequest(e *election) {
	e.votes, e.denials, e.undecided = make(map[slots.NodeID]bool), make(map[slots.NodeID]bool), nil
	c.sendRequest(e)
	if !c.isVoter(c.self) || e.epoch <= c.electors.Epoch {
		return
	}
	if c.lastVoteEpoch < e.epoch {
		c.lastVoteEpoch, c.lastVote, c.dirty = e.epoch, vote{e.epoch, c.self.rec.ID}, true
		c.self.votedAt, c.self.votedFor = c.now, c.self.rec.ID
		e.own = true
	}
	if e.own { // perhaps it has voted for another one since, in a later epoch
		e.votes[c.self.rec.ID] = true
	}
	c.countVotes(e)
}

// epochSetAside reports whether the present epoch was made durable for this election
// before it began, and no node has taken it since.
func (c *Core) epochSetAside(e *election) bool {
	if !e.manual || c.manual == nil || c.manual.epoch != c.currentEpoch || e.attempts > 0 {
		return false
	}
	return !slices.ContainsFunc(c.list, func(n *node) bool { return n.rec.ConfigEpoch >= c.currentEpoch })
}

// sendRequest asks the voters that have not answered.
func (c *Core) sendRequest(e *election) {
	e.sent, e.askAgain, e.voters = c.now, c.now.Add(askAgainAfter), c.electorate()
	open := func(n *node) bool { return c.isVoter(n) && !e.votes[n.rec.ID] && !e.denials[n.rec.ID] }
	request := c.message(TypeVoteRequest)
	self := c.self.rec
	request.Self, request.Subject, request.Slots, request.Forced = &self, e.master, e.claim, e.manual
	request.Epoch = e.epoch // a repeated request asks for the same vote
	request.Electorate = e.voters
	request.addData(c.self.data)
	if m := c.nodes[e.master]; m != nil {
		request.ConfigEpoch = m.rec.ConfigEpoch
		if m.rec.Fenced && m.health != slots.Failed && !e.manual {
			request.Fenced, request.Records = true, []Record{m.rec}
		}
	}
	c.sendTo(request, open)
}

// askLate asks a voter that could not be asked before: it was just heard on a new link.
func (c *Core) askLate(n *node) {
	if e := c.election; e != nil && e.epoch != 0 && c.isVoter(n) && !e.votes[n.rec.ID] && !e.denials[n.rec.ID] {
		e.askAgain = e.sent.Add(hurry)
	}
}

// onVote counts a vote, or a denial.
func (c *Core) onVote(n *node, m *Message) {
	e := c.election
	if e == nil || e.epoch == 0 || m.ConfigEpoch != e.epoch || !c.isVoter(n) {
		return
	}
	if m.Type == TypeVote && (m.Electorate != e.voters || e.voters != c.electorate()) {
		return // it is asked again, see runElection
	}
	if m.Type == TypeDeny {
		e.denials[n.rec.ID] = true
	} else {
		if !c.hearReport(e, n, m) {
			return
		}
		e.votes[n.rec.ID] = true
		delete(e.denials, n.rec.ID)
	}
	c.countVotes(e)
}

// countVotes ends the attempt if its outcome is certain.
func (c *Core) countVotes(e *election) {
	if e.voters != c.electorate() {
		return // see runElection
	}
	if c.lastVoteEpoch > e.epoch && !c.electors.explicit() {
		c.retry(e, "voted in a later epoch") // see undecided.go: it was no winner then
		return
	}
	votes, open := 0, 0
	for _, v := range c.list {
		switch counts, soon := c.counts(e, v); {
		case !c.isVoter(v) || !counts && !soon:
		case e.votes[v.rec.ID]:
			if counts {
				votes++
			} else {
				open++
			}
		case !e.denials[v.rec.ID] && (v.health != slots.Failed || c.hears(v)):
			open++
		}
	}
	total := c.voters()
	if !c.electors.explicit() {
		total = c.owners() + c.vacant(c.undecided, e.undecided)
	}
	switch majority := total/2 + 1; {
	case votes >= majority:
		c.inheritUndecided(e)
		c.win(e)
	case votes+open < majority:
		c.retry(e, "too many denials")
	}
}

func (c *Core) win(e *election) {
	if e.master == c.self.rec.ID {
		c.continues(e)
		return
	}
	m := c.nodes[e.master]
	if m == nil || m.owned == nil || c.self.rec.Master != e.master {
		c.election = nil
		return
	}
	claim := *e.claim
	claim.Intersect(m.owned) // what another took meanwhile is lost
	c.promote(&claim, e.epoch, "won an election")
}

// retry prepares another attempt in another epoch, after a random pause, so that
// candidates do not ask at the same time again.
func (c *Core) retry(e *election, reason string) {
	c.event(ElectionLost{Epoch: e.epoch, Reason: reason})
	c.withdraw(e.epoch)
	e.attempts++
	e.epoch, e.claim, e.own = 0, nil, false
	if e.manual {
		// Candidates of several shards may have taken each other's votes in one epoch. Writes
		// are paused meanwhile, so there is no time to try for long.
		if e.attempts == manualAttempts {
			c.endManual(reason)
			return
		}
		e.start = c.now.Add(time.Duration(c.cfg.Rand.Int64N(int64(3 * hurry))))
		return
	}
	pause := min(electionDelay<<min(e.attempts-1, 3), max(electionDelay, c.cfg.NodeTimeout/2))
	e.start = c.now.Add(pause/5 + time.Duration(c.cfg.Rand.Int64N(int64(pause))))
}
