package gossip

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// The voters are the nodes whose word counts for failures and elections. Where three
// masters or more have slots, they are these masters, as in Redis: nothing has to be
// agreed on, and nothing is sent. Where one master or two have slots, most of them are
// not left when one fails. There the voters are a set of ids that the cluster agrees on,
// the Electorate: all members that hold data, and the witnesses. Every node keeps it in
// its State.
//
// Why no two elections succeed in one epoch. Two majorities of one electorate meet, and a
// voter votes once in an epoch. An electorate follows another by a change of one member,
// so that majorities of neighbours meet as well. For electorates further apart, a change
// is a vote too (electorate_change.go): it takes an epoch b of its own, in which most of
// the present voters vote for it and in no election, and a node that knows of the change
// votes in no election of an epoch up to b. Let an election succeed under electorate v in
// epoch e, and another under v+2 or later in the same epoch. The change to v+2 was decided
// in some b < e by most of v+1, all of which knew v+1. One of them, x, also voted under v
// in e, and so before it knew v+1. But then x had voted in e when it was asked to vote in
// b < e, and a voter does not go back.

// Electorate is who votes. The zero value is where every cluster begins: the masters with
// slots vote.
type Electorate struct {
	Version uint64         // grows by one with each change
	Epoch   uint64         // in which it was agreed on
	Voters  []slots.NodeID // by ascending id; none: the masters with slots
}

const (
	// leastVoters is how many voters it takes for most of them to be left when one fails.
	leastVoters = 3
	// electorateEvery is how often a node looks whether the electorate should change.
	electorateEvery = 200 * time.Millisecond
	// electorateDelay is how long the members that should vote must have been the same.
	electorateDelay = time.Second
	// voterAbsence is how long a voter may be failed before it is left out, at least 4T. A
	// short absence is no reason: without it the others may be too few to outvote it.
	voterAbsence = time.Minute
)

// Undecidable is the text of the Warning of a cluster with replicas, but too few voters.
const Undecidable = "no replica takes over if a master fails: fewer than 3 members can vote, and most of them must " +
	"be left; add a replica, or a witness (a member without data, Config.Witness)"

// explicit reports whether the cluster has agreed on a set of voters.
func (e *Electorate) explicit() bool { return len(e.Voters) > 0 }

func (e *Electorate) has(id slots.NodeID) bool {
	_, ok := slices.BinarySearchFunc(e.Voters, id, compareID)
	return ok
}

// isVoter reports whether n's word counts for failures and elections.
func (c *Core) isVoter(n *node) bool {
	if c.electors.explicit() {
		return c.electors.has(n.rec.ID)
	}
	return n.hasSlots() // docs/spec.md §3.4, §6.5
}

// voters returns how many voters there are. Some may not be members any more.
func (c *Core) voters() int {
	if c.electors.explicit() {
		return len(c.electors.Voters)
	}
	return c.owners() + c.vacant(c.undecided)
}

// owners returns how many masters have slots.
func (c *Core) owners() int {
	count := 0
	for _, n := range c.list {
		if n.hasSlots() {
			count++
		}
	}
	return count
}

// electorate returns a hash of the electorate that this node knows. A vote counts only
// where voter and candidate agree on it: a majority of masters that were succeeded without
// the candidate's knowledge must not elect it.
func (c *Core) electorate() (sum uint64) {
	if c.electors.Version > 0 {
		var b [9]byte
		binary.LittleEndian.PutUint64(b[:], c.electors.Version)
		b[8] = boolByte(c.electors.explicit())
		sum = xxhash.Sum64(b[:])
	}
	if c.electors.explicit() {
		for _, id := range c.electors.Voters {
			sum ^= xxhash.Sum64(id[:])
		}
		return sum
	}
	for _, n := range c.list {
		if n.hasSlots() {
			sum ^= xxhash.Sum64(n.rec.ID[:])
		}
	}
	return sum
}

// hearsMajority reports whether this node hears enough voters to win. Without them an
// attempt would only use up an epoch, and the one that can succeed would begin late.
func (c *Core) hearsMajority() bool {
	heard := 0
	for _, n := range c.list {
		if c.isVoter(n) && (n == c.self || c.hears(n)) {
			heard++
		}
	}
	return heard > c.voters()/2
}

// adoptElectorate takes over what the cluster agreed on. From now on this node gives no
// vote in an epoch up to that of the change.
func (c *Core) adoptElectorate(e Electorate) {
	c.electors, c.proposal, c.change = e, nil, nil
	if c.lastVote.epoch <= e.Epoch {
		c.lastVote = vote{}
	}
	c.lastVoteEpoch = max(c.lastVoteEpoch, e.Epoch)
	c.dirty, c.mapDirty, c.recount = true, true, true
	if c.election != nil && c.election.epoch != 0 {
		c.election.askAgain = c.election.sent.Add(hurry)
	}
	c.event(ElectorateChanged{e})
}

// dropElectorate forgets what another cluster, or this node's former self, agreed on.
func (c *Core) dropElectorate() {
	c.electors, c.proposal, c.change, c.wanted, c.undecided = Electorate{}, nil, nil, nil, nil
}

// onElectorate takes over an electorate that a member says was agreed on. Of two with the
// same version, which only two foundings at once or a takeover by command can bring about,
// the one of the greater epoch stays everywhere.
func (c *Core) onElectorate(n *node, m *Message) {
	e := m.Voters
	if e == nil || e.Version < c.electors.Version || e.Epoch > c.currentEpoch || !ascending(e.Voters) {
		return
	}
	if e.Version == c.electors.Version {
		same := slices.Equal(e.Voters, c.electors.Voters)
		if same || e.Epoch < c.electors.Epoch ||
			e.Epoch == c.electors.Epoch && slices.CompareFunc(e.Voters, c.electors.Voters, compareID) <= 0 {
			return
		}
		c.warn(n.rec.ID, "two electorates were agreed on, by parts of the cluster that did not know of each other: the "+
			"later one stays")
	}
	if !c.versions.raise(c.now, c.electors.Version, e.Version) {
		c.refuse(refusedEpoch, n.rec.ID, "the electorate %d of node %s is ignored: no cluster gets there by itself",
			e.Version, n.rec.ID.Short())
		return
	}
	c.adoptElectorate(*e)
}

// compareElectorates tells a member that knows an earlier electorate the present one. Its
// messages say which it knows.
func (c *Core) compareElectorates(n *node, l *link, version uint64) {
	if version < c.electors.Version && !c.now.Before(n.nextVoters) {
		n.nextVoters = c.now.Add(askAfter)
		c.send(l, c.electorateMessage())
	}
}

func (c *Core) electorateMessage() *Message {
	m := c.message(TypeElectorate)
	e := c.electors
	m.Voters = &e
	return m
}

func compareID(a, b slots.NodeID) int { return slices.Compare(a[:], b[:]) }

func ascending(ids []slots.NodeID) bool {
	for i := 1; i < len(ids); i++ {
		if !before(ids[i-1], ids[i]) {
			return false
		}
	}
	return true
}
