package gossip

import (
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// A change of the electorate is agreed on as a single decision of Paxos, one for each
// version, by the voters of the version before. Its ballots are epochs, and its promises
// are votes: State.LastVoteEpoch is both. So an epoch serves one election or one change,
// and a voter that crashes has forgotten neither.
//
//   - Prepare asks for the vote in an epoch of the proposer's own. A Promise gives it, and
//     says which electorate the voter has accepted as the next one, if any.
//   - With most votes, and that of the node that is to be added, the proposer asks all to
//     Accept: what was accepted in the greatest epoch, or else what it wants itself.
//   - When as many have Accepted, the electorate is agreed on, and all nodes are told. A
//     node that was not told finds out by the version in the messages of the others.
//
// A node of a release before this one answers none of these, and so never becomes a voter.

// change is an attempt of this node to change the electorate.
type change struct {
	from     uint64 // hash of the electorate that decides
	next     Electorate
	started  time.Time
	accept   bool // the second round is on
	promises map[slots.NodeID]bool
	accepted map[slots.NodeID]bool
	found    *Electorate // accepted by a voter already
}

const (
	changeTimeout = time.Second
	// changePause is how long a proposer waits at least after an attempt that failed.
	changePause = 500 * time.Millisecond
)

// tendElectorate lets the voter with the smallest id that works begin a change.
func (c *Core) tendElectorate() {
	if c.change != nil && (c.change.from != c.electorate() || c.now.Sub(c.change.started) > changeTimeout) {
		c.change = nil
		c.nextChange = c.now.Add(changePause + time.Duration(c.cfg.Rand.Int64N(int64(2*changePause))))
	}
	if c.now.Before(c.nextElectors) || c.now.Before(c.nextChange) || c.change != nil {
		return
	}
	c.nextElectors = c.now.Add(electorateEvery)
	if !c.electors.explicit() && c.owners() >= leastVoters {
		c.wanted = nil
		return
	}
	wanted := c.wantedVoters()
	c.warnUndecidable(wanted)
	if c.wanted == nil || !slices.Equal(wanted, c.wanted) {
		c.wanted, c.wantedSince = wanted, c.now
		return
	}
	if c.now.Sub(c.wantedSince) < electorateDelay || !c.proposes() {
		return
	}
	if next, ok := c.nextVoters(wanted); ok {
		c.propose(next)
	}
}

// proposes reports whether this node is the one to begin a change: it is the first voter
// that works, hears most of the others, and no master is missed, of which an election may
// be under way.
func (c *Core) proposes() bool {
	for _, n := range c.list {
		if n.hasSlots() && n.health != slots.Online {
			return false
		}
	}
	for _, n := range c.list {
		if c.isVoter(n) && n.health == slots.Online {
			return n == c.self && c.hearsMajority()
		}
	}
	return false
}

// wantedVoters returns who should vote: the masters with slots if these are three or more,
// or if all members that hold data, and the witnesses, are fewer than three; else these.
func (c *Core) wantedVoters() []slots.NodeID {
	all, masters := make([]slots.NodeID, 0, leastVoters), make([]slots.NodeID, 0, leastVoters)
	for _, n := range c.list {
		if n.hasSlots() {
			masters = append(masters, n.rec.ID)
		}
		if n.hasSlots() || c.mayVote(n) {
			all = append(all, n.rec.ID)
		}
	}
	if len(masters) >= leastVoters || len(all) < leastVoters {
		return masters
	}
	return all
}

// mayVote reports whether n, which has no slots, should vote where there are fewer than
// three masters. One that does already stays during a short absence.
func (c *Core) mayVote(n *node) bool {
	voter := c.electors.has(n.rec.ID)
	if n.rec.Leaving {
		return false
	}
	if n.health != slots.Online {
		limit := max(voterAbsence, 4*c.cfg.NodeTimeout)
		return voter && (n.health == slots.Suspected || c.now.Sub(n.failedAt) < limit)
	}
	if n.rec.Master.IsZero() {
		return n.rec.Witness || voter && n.rec.claims() // it was succeeded, and will be a replica soon
	}
	return c.owns(n.rec.Master) || voter
}

// nextVoters returns the electorate that follows the present one on the way to the wanted
// voters: nil for the masters with slots.
func (c *Core) nextVoters(wanted []slots.NodeID) (next []slots.NodeID, ok bool) {
	masters := c.owners()
	if !c.electors.explicit() {
		// Only the owners of all slots know that there is no other master.
		if masters >= leastVoters || len(wanted) < leastVoters || c.assigned.Len() < slots.Count || !c.served {
			return nil, false
		}
		for _, n := range c.list {
			if n.hasSlots() {
				next = append(next, n.rec.ID)
			}
		}
		return next, true
	}
	next = slices.Clone(c.electors.Voters)
	for range c.step {
		changed, ok := c.oneChange(next, wanted)
		if !ok {
			break
		}
		next = changed
	}
	if !slices.Equal(next, c.electors.Voters) {
		return next, true
	}
	return nil, masters >= leastVoters && slices.Equal(next, wanted)
}

// oneChange adds a voter that is missing and works, or else takes one away that should not
// vote: one that is failed first.
func (c *Core) oneChange(from, wanted []slots.NodeID) (to []slots.NodeID, ok bool) {
	for _, id := range wanted {
		n := c.nodes[id]
		if i, is := slices.BinarySearchFunc(from, id, compareID); !is && n.health == slots.Online {
			return slices.Insert(slices.Clone(from), i, id), true
		}
	}
	leaves := -1
	for i, id := range from {
		if _, stays := slices.BinarySearchFunc(wanted, id, compareID); stays {
			continue
		}
		n := c.nodes[id]
		if leaves < 0 || n == nil || n.health != slots.Online {
			leaves = i
		}
	}
	if leaves < 0 || len(from) == 1 {
		return nil, false
	}
	return slices.Delete(slices.Clone(from), leaves, leaves+1), true
}

// mayFollow reports whether the electorate next may follow the present one. Between a set
// and the masters with slots the voters stay the same; but one that was accepted before
// may have been agreed on, so that it must follow even if the masters have changed since.
func (c *Core) mayFollow(next *Electorate, before bool) bool {
	if next.Version != c.electors.Version+1 || !ascending(next.Voters) {
		return false
	}
	switch now := c.electors.explicit(); {
	case now && next.explicit():
		return distance(c.electors.Voters, next.Voters) <= c.step
	case now:
		return before || c.owners() >= leastVoters && c.areOwners(c.electors.Voters)
	}
	return next.explicit() && (before || c.owners() < leastVoters && c.areOwners(next.Voters))
}

// areOwners reports whether these are the masters with slots, for certain.
func (c *Core) areOwners(ids []slots.NodeID) bool {
	return c.decide() && len(ids) == c.owners() &&
		!slices.ContainsFunc(ids, func(id slots.NodeID) bool { return !c.owns(id) })
}

// distance returns how many ids are in one of the two sets only.
func distance(a, b []slots.NodeID) int {
	both := 0
	for _, id := range a {
		if _, ok := slices.BinarySearchFunc(b, id, compareID); ok {
			both++
		}
	}
	return len(a) + len(b) - 2*both
}

// propose begins a change, in an epoch of its own.
func (c *Core) propose(voters []slots.NodeID) {
	c.currentEpoch = next(c.currentEpoch)
	c.mapDirty = true
	ch := &change{
		from: c.electorate(), started: c.now,
		next:     Electorate{Version: next(c.electors.Version), Epoch: c.currentEpoch, Voters: voters},
		promises: make(map[slots.NodeID]bool), accepted: make(map[slots.NodeID]bool),
	}
	c.change = ch
	c.promise(c.self, ch.next.Epoch)
	c.sendChange(TypePrepare)
	c.countPromise(c.self, c.proposal)
}

// sendChange asks the present voters, and those of the next electorate.
func (c *Core) sendChange(t Type) {
	m := c.message(t)
	e := c.change.next
	m.ConfigEpoch, m.Electorate, m.Voters, m.Forced = e.Epoch, c.change.from, &e, c.change.found != nil
	c.sendTo(m, func(n *node) bool { return c.isVoter(n) || e.has(n.rec.ID) })
}

// promise gives this node's vote in an epoch to a change, if it has not given it.
func (c *Core) promise(by *node, epoch uint64) bool {
	v := vote{epoch, by.rec.ID}
	switch {
	case epoch > c.currentEpoch || epoch <= c.electors.Epoch:
		return false
	case c.lastVote == v:
		return true
	case epoch <= c.lastVoteEpoch:
		return false
	}
	c.lastVoteEpoch, c.lastVote, c.dirty = epoch, v, true
	return true
}

// onPrepare answers a request for a vote for a change.
func (c *Core) onPrepare(n *node, l *link, m *Message) {
	if m.Electorate != c.electorate() || !c.promise(n, m.ConfigEpoch) {
		return
	}
	answer := c.message(TypePromise)
	answer.ConfigEpoch, answer.Electorate, answer.Voters = m.ConfigEpoch, m.Electorate, c.proposal
	c.send(l, answer)
}

// onPromise counts a vote for this node's change.
func (c *Core) onPromise(n *node, m *Message) {
	if ch := c.change; ch != nil && !ch.accept && m.ConfigEpoch == ch.next.Epoch && m.Electorate == ch.from &&
		ch.from == c.electorate() {
		c.countPromise(n, m.Voters)
	}
}

func (c *Core) countPromise(n *node, has *Electorate) {
	ch := c.change
	ch.promises[n.rec.ID] = true
	if has != nil && (ch.found == nil || has.Epoch > ch.found.Epoch) && c.mayFollow(has, true) {
		ch.found = has
	}
	if !c.agreed(ch.promises) {
		return
	}
	if ch.found != nil {
		ch.next.Voters = ch.found.Voters
	}
	ch.accept = true
	c.sendChange(TypeAccept)
	if c.accept(c.self, &ch.next, ch.found != nil) {
		c.countAccepted(c.self)
	}
}

// agreed reports whether most of the present voters are among these nodes, and as many of
// the next electorate as will be needed to elect, with the one that it adds.
func (c *Core) agreed(by map[slots.NodeID]bool) bool {
	now, then := 0, 0
	for _, n := range c.list {
		if c.isVoter(n) && by[n.rec.ID] {
			now++
		}
	}
	next := c.change.next.Voters
	for _, id := range next {
		if by[id] {
			then++
		} else if c.electors.explicit() && !c.electors.has(id) {
			return false
		}
	}
	return now > c.voters()/2 && (then > len(next)/2 || len(next) == 0)
}

// accept makes e the electorate that this voter holds for the next one.
func (c *Core) accept(by *node, e *Electorate, before bool) bool {
	if !c.mayFollow(e, before) || !c.promise(by, e.Epoch) {
		return false
	}
	held := *e
	c.proposal, c.dirty = &held, true
	return true
}

func (c *Core) onAccept(n *node, l *link, m *Message) {
	if m.Voters == nil || m.Electorate != c.electorate() || m.Voters.Epoch != m.ConfigEpoch ||
		!c.accept(n, m.Voters, m.Forced) {
		return
	}
	answer := c.message(TypeAccepted)
	answer.ConfigEpoch, answer.Electorate = m.ConfigEpoch, m.Electorate
	c.send(l, answer)
}

// onAccepted counts an agreement to this node's change.
func (c *Core) onAccepted(n *node, m *Message) {
	if ch := c.change; ch != nil && ch.accept && m.ConfigEpoch == ch.next.Epoch && m.Electorate == ch.from &&
		ch.from == c.electorate() {
		c.countAccepted(n)
	}
}

func (c *Core) countAccepted(n *node) {
	ch := c.change
	ch.accepted[n.rec.ID] = true
	if !c.agreed(ch.accepted) {
		return
	}
	c.adoptElectorate(ch.next)
	c.nextElectors = c.now
	c.sendTo(c.electorateMessage(), func(*node) bool { return true })
}

// forceElectorate replaces the electorate without asking, as an administrator's command
// that this node obeys without the others.
func (c *Core) forceElectorate(voters []slots.NodeID) {
	c.currentEpoch = next(c.currentEpoch)
	c.adoptElectorate(Electorate{Version: next(c.electors.Version), Epoch: c.currentEpoch, Voters: voters})
	c.sendTo(c.electorateMessage(), func(*node) bool { return true })
}

// forgetVoter leaves a node that an administrator forgets out of the electorate at once,
// if it is missed and too few of the voters are left to agree on that.
func (c *Core) forgetVoter(n *node) {
	if c.electors.has(n.rec.ID) && n.health != slots.Online && !c.hearsMajority() && len(c.electors.Voters) > 1 {
		c.forceElectorate(slices.DeleteFunc(slices.Clone(c.electors.Voters), func(id slots.NodeID) bool {
			return id == n.rec.ID
		}))
	}
}

// takeOverElectorate leaves out the voters that this node does not hear, if these are the
// most: a takeover by command asks no other node, and is to serve.
func (c *Core) takeOverElectorate() {
	if !c.electors.explicit() || c.hearsMajority() {
		return
	}
	var voters []slots.NodeID
	for _, n := range c.list {
		if n == c.self || c.isVoter(n) && c.hears(n) {
			voters = append(voters, n.rec.ID)
		}
	}
	c.forceElectorate(voters)
}

// warnUndecidable says once that no replica can succeed a master that fails.
func (c *Core) warnUndecidable(wanted []slots.NodeID) {
	if len(wanted) >= leastVoters || !c.served || !slices.ContainsFunc(c.list, func(n *node) bool {
		return c.owns(n.rec.Master)
	}) {
		c.warnedVoters = time.Time{}
		return
	}
	switch {
	case c.warnedVoters.IsZero():
		c.warnedVoters = c.now.Add(max(2*electorateDelay, c.cfg.NodeTimeout))
	case c.now.After(c.warnedVoters) && !c.undecidable:
		c.undecidable = true
		c.warn(slots.NodeID{}, Undecidable)
	}
}
