package forming

import "time"

// Handle answers a request. The reply may leave when the Save of the next Output is
// durable, and not before. The driver fills in Request.From.Addr.Host before, if it is
// empty, with the host from which the connection comes.
func (c *Core) Handle(now time.Time, r Request) Reply {
	c.now = now
	reply := Reply{Type: r.Type, Seq: r.Seq, From: c.self, Terms: c.cfg.Terms, Ballot: r.Ballot}
	if c.cfg.Name != r.Terms.Name {
		c.refuseRequest(&r)
		return reply
	}
	switch {
	case c.state.Decided || !c.self.Fresh() && c.state.Value == nil:
	case c.refuseRequest(&r):
	case r.Type == TypePrepare:
		reply.OK = c.mayVote(&r) && c.promise(r.Ballot)
		reply.Accepted, reply.Value = c.state.Accepted, c.state.Value
	case r.Type == TypeAccept && r.Value != nil:
		reply.OK = c.mayVote(&r) && c.promised(r.Ballot)
		if reply.OK {
			c.accept(r.Ballot, r.Value)
		}
	}
	if r.From.ID != c.self.ID && c.cfg.difference(&r.Terms, "") == "" {
		c.hear(&r.From)
	}
	reply.Have, reply.Promised = len(c.alive()), c.state.Promised
	if c.state.Decided {
		reply.Decided, reply.Accepted, reply.Value = true, c.state.Accepted, c.state.Value
	}
	return reply
}

// refuseRequest notes why there is no cluster to be formed with the sender, and reports
// whether that is so.
func (c *Core) refuseRequest(r *Request) bool {
	from := r.From.Addr.String()
	text := c.cfg.difference(&r.Terms, "at "+from)
	if text == "" {
		delete(c.refusals, from)
		return false
	}
	if !c.done() {
		c.refuse(from, text)
	}
	return true
}

// mayVote reports whether this node votes as the acceptor of the address at which it is
// asked. A node that knows of a cluster founds no second one, but still has to tell, and
// to vote for, what it has accepted before. An address has one vote, and a node has one
// address: of a static list it votes only as the one at which it has found itself, when
// it has tried all of them.
func (c *Core) mayVote(r *Request) bool {
	if c.state.Value == nil && (c.member != nil || !c.self.Fresh()) {
		return false
	}
	if c.cfg.Dynamic() {
		return true
	}
	address, ok := c.listedAt()
	return ok && address == r.At
}

// promise promises to accept nothing under a smaller ballot than b. It reports false if
// more than that has been promised already.
func (c *Core) promise(b Ballot) bool {
	c.round = max(c.round, b.Round)
	if b.Compare(c.state.Promised) > 0 {
		c.state.Promised, c.dirty = b, true
	}
	return c.promised(b)
}

// promised reports whether a proposal with ballot b may be accepted.
func (c *Core) promised(b Ballot) bool { return b.Compare(c.state.Promised) >= 0 }

// accept accepts v, unless a promise stands against it: see promised.
func (c *Core) accept(b Ballot, v *Value) {
	c.round = max(c.round, b.Round)
	c.state.Promised, c.state.Accepted, c.state.Value, c.dirty = b, b, v, true
}

// decide takes v as the decision. There is only one.
func (c *Core) decide(v *Value) {
	if c.state.Decided {
		return
	}
	c.state.Value, c.state.Decided, c.dirty = v, true, true
	c.proposal = nil
	clear(c.refusals)
}
