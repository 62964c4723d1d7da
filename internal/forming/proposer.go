package forming

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

const (
	// rankDelay is how much later than the node before it, by id, a node begins to propose:
	// enough for both phases.
	rankDelay = 300 * time.Millisecond
	// proposalTimeout is how long a proposal may take. Answers come within RequestTimeout or
	// not at all, and there are two phases.
	proposalTimeout = 2 * RequestTimeout
	maxRetryDelay   = 2 * time.Second
)

// proposal is one ballot of this node.
type proposal struct {
	ballot Ballot
	value  *Value // nil in the first phase
	until  time.Time
	// votes are the nodes that have promised, in the second phase those that have accepted.
	votes map[slots.NodeID]bool
	// at is the node that answered at an address. Another one there ends the proposal: it
	// has not promised what its predecessor has.
	at map[string]slots.NodeID
	// accepted is the greatest ballot under which a voter has accepted a value, found, before.
	accepted Ballot
	found    *Value
}

// tendProposal begins a proposal when it is this node's turn, and ends one that has taken
// too long.
func (c *Core) tendProposal() {
	if p := c.proposal; p != nil {
		if c.now.Before(p.until) {
			return
		}
		c.abandon()
	}
	rank, ok := c.mayPropose()
	switch {
	case !ok:
		c.waiting, c.failed = false, 0
	case !c.waiting:
		c.waiting, c.proposeAt = true, c.now.Add(time.Duration(rank)*rankDelay)
		fallthrough
	default:
		if !c.now.Before(c.proposeAt) {
			c.propose()
		}
	}
}

// mayPropose reports whether this node may propose now, and how many of those that may
// come first. Enough nodes must be there, unless a proposal has come so far that this
// node accepted it.
func (c *Core) mayPropose() (rank int, ok bool) {
	if c.state.Decided || c.member != nil || c.self.Addr.Host == "" || c.round >= maxRound {
		return 0, false
	}
	if _, ok := c.listedAt(); !ok {
		return 0, false
	}
	alive := c.alive()
	if (len(alive) < c.cfg.Expect || c.cfg.Expect == 0) && c.state.Value == nil {
		return 0, false
	}
	for i := range alive {
		if compareID(alive[i], c.self) < 0 && c.listed(alive[i].ID) {
			rank++
		}
	}
	return rank, true
}

func (c *Core) listed(id slots.NodeID) bool {
	for _, t := range c.targets {
		if t.id == id {
			return true
		}
	}
	return false
}

// propose begins the first phase of a new ballot. This node is the first to promise: so
// the ballot is durable before anybody hears of it, and is never used again.
func (c *Core) propose() {
	p := &proposal{
		ballot: Ballot{c.round + 1, c.self.ID}, until: c.now.Add(proposalTimeout),
		votes: map[slots.NodeID]bool{c.self.ID: true}, at: make(map[string]slots.NodeID, len(c.targets)),
	}
	c.proposal, c.waiting = p, false
	c.promise(p.ballot)
	p.accepted, p.found = c.state.Accepted, c.state.Value
	for _, t := range c.targets {
		if t.id == c.self.ID {
			p.at[t.address] = t.id
		}
	}
	c.request(Request{Type: TypePrepare, Ballot: p.ballot})
	c.counted()
}

// request sends r to the other nodes of the list.
func (c *Core) request(r Request) {
	for _, t := range c.targets {
		if t.id != c.self.ID {
			c.send(t.address, r)
		}
	}
}

// answered takes the answer to a request of this node's proposal.
func (c *Core) answered(t *target, r *Reply) {
	c.round = max(c.round, r.Promised.Round)
	p := c.proposal
	if p == nil || r.Ballot != p.ballot || (r.Type == TypeAccept) != (p.value != nil) {
		return
	}
	if id, known := p.at[t.address]; known && id != r.From.ID {
		c.abandon()
		return
	}
	p.at[t.address] = r.From.ID
	if !r.OK {
		if r.Promised.Compare(p.ballot) > 0 {
			c.abandon()
		}
		return
	}
	p.votes[r.From.ID] = true
	if r.Type == TypePrepare && r.Value != nil && r.Accepted.Compare(p.accepted) > 0 {
		p.accepted, p.found = r.Accepted, r.Value
	}
	c.counted()
}

// counted goes on if the votes suffice.
func (c *Core) counted() {
	p := c.proposal
	if !c.quorum(p) {
		return
	}
	if p.value != nil {
		c.failed = 0
		c.decide(p.value)
		return
	}
	v := p.found
	if v == nil {
		alive := c.alive()
		if len(alive) < c.cfg.Expect {
			c.abandon()
			return
		}
		v = c.newValue(alive)
	}
	if !c.promised(p.ballot) {
		c.abandon()
		return
	}
	p.value = v
	clear(p.votes)
	p.votes[c.self.ID] = true
	c.accept(p.ballot, v)
	c.request(Request{Type: TypeAccept, Ballot: p.ballot, Value: v})
	c.counted()
}

// quorum reports whether the votes of p suffice: of a static list those of a majority of
// the addresses, by as many different nodes; of a dynamic one those of all addresses,
// because another node may see others at the same time.
func (c *Core) quorum(p *proposal) bool {
	if !c.cfg.Dynamic() {
		return len(p.votes) >= len(c.targets)/2+1
	}
	for _, t := range c.targets {
		if !p.votes[p.at[t.address]] {
			return false
		}
	}
	return true
}

// newValue plans a cluster of the nodes that are there.
func (c *Core) newValue(alive []Peer) *Value {
	if len(alive) > MaxFounders {
		alive = alive[:MaxFounders]
	}
	v := &Value{Founders: Plan(alive, c.cfg.Replicas)}
	for v.Cluster.IsZero() {
		for i := range v.Cluster {
			v.Cluster[i] = byte(c.cfg.Rand.Uint32())
		}
	}
	return v
}

// abandon ends the proposal. The next one waits, for longer and longer, a random time:
// two nodes that outbid each other again and again decide nothing.
func (c *Core) abandon() {
	c.proposal = nil
	c.failed++
	delay := min(rankDelay<<min(c.failed, 8), maxRetryDelay)
	c.waiting, c.proposeAt = true, c.now.Add(c.jitter(delay))
}
