package forming

import (
	"maps"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// TickEvery is how often a driver calls Tick.
const TickEvery = 50 * time.Millisecond

// RequestTimeout is how long a Core waits for the answer to a request. Later ones are
// ignored.
const RequestTimeout = time.Second

// AliveFor is for how long a fresh node counts as being there after it was heard.
const AliveFor = 2 * time.Second

const (
	helloEvery = 250 * time.Millisecond // to an address that answers
	minBackoff = 100 * time.Millisecond // to one that does not; it doubles
	maxBackoff = 2 * time.Second
	refusalFor = 10 * time.Second
	joinEvery  = 2 * time.Second // a node that knows a member is told again to join it
)

// Core is one node's part in the forming of a cluster. It holds no goroutine, socket,
// clock or lock. Its driver calls it from one goroutine at a time: see the package
// comment.
type Core struct {
	cfg Config
	now time.Time // of the latest input

	self    Peer
	targets []*target // one for each address, sorted
	fresh   map[slots.NodeID]heard
	have    int // the greatest number of fresh nodes that a node at an address told within AliveFor
	haveAt  time.Time
	member  *Peer // of a cluster of this name, which has slots; nil if none was heard of
	joinAt  time.Time

	state State // what is durable, or in the Save of the next Output

	proposal  *proposal // this node's, nil if none is under way
	waiting   bool      // for its turn to propose, at proposeAt
	proposeAt time.Time
	failed    int    // proposals that failed since the last that did not
	round     uint64 // the greatest that was heard of

	seq      uint64
	refusals map[string]refusal // of an address, or of the announced one of a node that asked
	out      Output
	dirty    bool
	told     bool // the decision is, or was, in an Output
}

// heard is when a fresh node was heard last, and what it said of itself.
type heard struct {
	Peer
	at time.Time
}

// Output is what a driver has to do, in this order.
type Output struct {
	// Save, if it is not nil, must be durable before anything else of this Output is done,
	// and before a reply leaves that Handle has returned since the last Output. If it cannot
	// be saved the Core must not be used any more.
	Save *State
	// Sends are requests to send. Each one is answered by Answer or Failed, or by nothing
	// within RequestTimeout.
	Sends []Send
	// Decision is set at a founder, once in the life of a Core, when the decision is known:
	// at once if it was in the State. A node that is no founder waits for a Join.
	Decision *Value
	// Join is a member of an existing cluster, which this node is to join. It is set again
	// every two seconds until SetCluster says that the node has joined.
	Join *Peer
	// Refused are new reasons for which a node does not form a cluster with this one.
	Refused []Refusal
}

// Send is a request to the node at an address.
type Send struct {
	Address string
	Request Request
}

// Refusal says why this node and the one at an address (or one that has asked, by its
// announced address) cannot form a cluster together.
type Refusal struct {
	Address string
	Text    string
}

// New returns the Core of a node that has saved st, nil for nothing.
func New(cfg Config, st *State, now time.Time) (*Core, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	c := &Core{cfg: cfg, now: now, self: cfg.Self, fresh: make(map[slots.NodeID]heard),
		refusals: make(map[string]refusal)}
	c.state.Terms = cfg.Terms
	if st != nil {
		if err := st.fits(&cfg.Terms); err != nil {
			return nil, err
		}
		c.state = *st
		c.state.Terms = cfg.Terms
		c.round = st.Promised.Round
	}
	if !cfg.Dynamic() {
		c.SetAddresses(now, cfg.List)
	}
	return c, nil
}

// SetAddresses says which addresses a dynamic list names at this moment. Those of a static
// one are its entries, and need not be set.
func (c *Core) SetAddresses(now time.Time, addresses []string) {
	c.now = now
	addresses = slices.Compact(slices.Sorted(slices.Values(addresses)))
	if slices.EqualFunc(c.targets, addresses, func(t *target, a string) bool { return t.address == a }) {
		return
	}
	targets := make([]*target, 0, len(addresses))
	for _, a := range addresses {
		t := c.target(a)
		if t == nil {
			t = &target{address: a, helloAt: now}
		}
		targets = append(targets, t)
	}
	c.targets = targets
	c.proposal = nil // its quorum was that of other addresses
}

// SetSelf says under which address and zone the node announces itself from now on.
func (c *Core) SetSelf(addr slots.Addr, zone string) {
	c.self.Addr, c.self.Zone = addr, zone
}

// SetCluster says that the node is a member of a cluster, and whether slots of that have
// owners. A node that is one has nothing to form, but answers others.
func (c *Core) SetCluster(now time.Time, id gossip.ClusterID, serving bool) {
	c.now = now
	c.self.Cluster, c.self.Serving = id, serving
	if !id.IsZero() {
		c.proposal = nil
	}
}

// Decision returns the decision, nil while it is not known.
func (c *Core) Decision() *Value {
	if c.state.Decided {
		return c.state.Value
	}
	return nil
}

// founder reports whether this node is a founder of the cluster that was decided.
func (c *Core) founder() bool {
	if !c.state.Decided {
		return false
	}
	_, _, ok := c.state.Value.Founder(c.self.ID)
	return ok
}

// done reports whether there is nothing left to find out: the node is a founder of the
// cluster that was decided, or a member of one.
func (c *Core) done() bool { return !c.self.Fresh() || c.founder() }

// Tick lets time pass. Call it every TickEvery.
func (c *Core) Tick(now time.Time) {
	c.now = now
	if c.done() {
		return
	}
	c.expire()
	c.sendHellos()
	if c.member != nil && !now.Before(c.joinAt) {
		c.joinAt = now.Add(joinEvery)
		c.out.Join = c.member
	}
	c.tendProposal()
}

// Output returns what there is to do since the last call.
func (c *Core) Output() Output {
	out := c.out
	c.out = Output{}
	if c.dirty {
		st := c.state
		out.Save, c.dirty = &st, false
	}
	if !c.told && c.founder() {
		out.Decision, c.told = c.state.Value, true
	}
	return out
}

// Phase is how far the forming is.
type Phase uint8

const (
	PhaseGathering Phase = iota // waits for Expect fresh nodes
	PhaseDeciding               // they are there, and agree
	PhaseJoining                // there is a cluster, of which the node is no founder
	PhaseDone                   // the node is a founder, or the member of a cluster
)

// Status tells how far the forming is.
type Status struct {
	Phase      Phase
	Have, Want int       // fresh nodes that are there, this one included; how many found a cluster
	Refusals   []Refusal // reasons that still hold, by address
}

// Status returns how far the forming is, for people.
func (c *Core) Status() Status {
	s := Status{Have: c.count(), Want: c.cfg.Expect}
	switch {
	case c.done():
		s.Phase = PhaseDone
	case c.member != nil || c.state.Decided:
		s.Phase = PhaseJoining
	case s.Have >= s.Want && s.Want > 0:
		s.Phase = PhaseDeciding
	}
	for _, a := range slices.Sorted(maps.Keys(c.refusals)) {
		s.Refusals = append(s.Refusals, Refusal{a, c.refusals[a].text})
	}
	return s
}
