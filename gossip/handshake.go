package gossip

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// handshake is a Meet under way: an address without a known node (docs/spec.md §2.2).
type handshake struct {
	name     slots.NodeID // made up, shown until the peer tells its id
	addr     slots.Addr
	started  time.Time
	nextMeet time.Time
	link     *link
	dialling bool
	nextDial time.Time
	err      error // why it has not succeeded yet; nil if nothing is known

	// What the last Meet said of this node: the peer decides by that.
	saidCluster     ClusterID
	saidEstablished bool
	saidServed      bool
}

// guest is a stranger whose Meet was answered. It becomes a member once it speaks for
// this cluster, on any link.
type guest struct {
	rec   Record
	since time.Time
}

// meetAgain is the pause before an unanswered Meet is repeated.
const meetAgain = 500 * time.Millisecond

// hastyTime is how long a Meet is repeated although it was refused, see refused.
const hastyTime = 2 * time.Second

// Reasons of a refusal.
const (
	errFull       = "the cluster has as many members as there may be"
	errUnbelieved = "an epoch, incarnation or membership is out of all proportion; see the log of the node that refused"
)

// startMeet begins to make the node at addr a member.
func (c *Core) startMeet(addr slots.Addr) error {
	for _, h := range c.handshakes {
		if h.addr == addr {
			return nil
		}
	}
	switch {
	case c.full():
		return fmt.Errorf("%w: %d", ErrTooManyNodes, maxMembers)
	case len(c.handshakes) >= maxHandshakes:
		return fmt.Errorf("%w: %d", ErrTooManyMeets, maxHandshakes)
	}
	h := &handshake{name: newNodeID(c.cfg.Rand), addr: addr, started: c.now, nextDial: c.now}
	c.handshakes = append(c.handshakes, h)
	c.tendHandshake(h)
	return nil
}

func (c *Core) tendHandshakes() {
	for _, h := range slices.Clone(c.handshakes) {
		c.tendHandshake(h)
	}
}

func (c *Core) tendHandshake(h *handshake) {
	switch {
	case c.now.Sub(h.started) > max(c.cfg.NodeTimeout, time.Second):
		if h.err == nil && h.link != nil {
			h.err = ErrNoBus
		}
		err := ErrNoAnswer
		if errors.Is(h.err, ErrRefused) {
			err = h.err
		} else if h.err != nil {
			err = fmt.Errorf("%w: %w", err, h.err)
		}
		c.endMeet(h, err)
	case h.link != nil:
		if !c.now.Before(h.nextMeet) {
			c.sendMeet(h.link)
		}
	case !h.dialling && !c.now.Before(h.nextDial) && len(c.dials) < maxDials:
		h.dialling = true
		c.dials = append(c.dials, pendingDial{addr: h.addr, meet: h})
		c.out.Dials = append(c.out.Dials, h.addr)
	}
}

// lost notes that the connection of a handshake broke before there was an answer. An
// earlier refusal stays, as it says more.
func (h *handshake) lost(err error) {
	switch {
	case errors.Is(h.err, ErrRefused):
	case err == nil:
		h.err = ErrNoBus
	default:
		h.err = fmt.Errorf("%w (%w)", ErrNoBus, err)
	}
}

// MeetErr returns why a Meet that is under way has not succeeded yet, nil if nothing
// speaks against it so far.
func (c *Core) MeetErr(addr slots.Addr) error {
	for _, h := range c.handshakes {
		if h.addr == addr {
			return h.err
		}
	}
	return nil
}

// endMeet ends a handshake. With an error its link is closed; without one the link is the
// new member's.
func (c *Core) endMeet(h *handshake, err error) {
	i := slices.Index(c.handshakes, h)
	if i < 0 {
		return
	}
	c.handshakes = slices.Delete(c.handshakes, i, i+1)
	c.dials = slices.DeleteFunc(c.dials, func(d pendingDial) bool { return d.meet == h })
	if h.link != nil {
		h.link.meet = nil
		if err != nil {
			c.closeLink(h.link)
		}
	}
	if err != nil {
		c.event(MeetFailed{Addr: h.addr, Err: err})
	}
}

func (c *Core) sendMeet(l *link) {
	l.meet.nextMeet = c.now.Add(meetAgain)
	l.meet.saidCluster, l.meet.saidEstablished, l.meet.saidServed = c.cluster, c.established, c.served
	m := c.hello(TypeMeet, l)
	m.Join = c.joinInfo()
	c.send(l, m)
}

func (c *Core) joinInfo() *Join {
	c.resolveClaims()
	return &Join{Established: c.established, Slots: c.assigned}
}

// meetHalf meets a member again that does not know this node: the answer to a Meet got
// lost, and so did the ones after it. Without this, one of the two would know the other
// for ever, but not the other way round. (A node that was forgotten is told so instead,
// and one that was reset has a new Gen.)
func (c *Core) meetHalf(n *node, l *link, pong *Message) {
	if c.now.Before(n.nextMeet) || pong.Gen > n.rec.Gen {
		return
	}
	n.nextMeet = c.now.Add(meetAgain)
	meet := c.hello(TypeMeet, l)
	meet.Join = c.joinInfo()
	meet.Join.Member = true
	c.send(l, meet)
}

// onMeet answers a Meet: the only message that makes a stranger a member (docs/spec.md
// §2.3), if the two clusters may be one.
func (c *Core) onMeet(l *link, m *Message) {
	if m.Self == nil || m.Self.ID != m.Sender {
		return
	}
	if l.node == nil && m.Join != nil && m.Join.Member && c.toldForgotten(l, m) {
		return // it was not met again, and has not heard that it was forgotten
	}
	v, reason := c.vet(m)
	if l.node != nil {
		v = sameCluster // a member that is met again
		c.agree(m.Cluster)
	} else if taken := c.wouldTake(m.Self); v == sameCluster && !taken.Empty() {
		v = clustersRefuse
		reason = "slots " + taken.Short() + " have owners here, from which it would take them; CLUSTER RESET it first"
	}
	switch {
	case c.full() && c.nodes[m.Sender] == nil:
		v, reason = clustersRefuse, errFull
	case v != clustersRefuse && !c.believes(m.Self, m.Sender):
		v, reason = clustersRefuse, errUnbelieved
	}
	switch v {
	case clustersRefuse:
		if !l.warned {
			l.warned = true
			c.warn(m.Sender, fmt.Sprintf("refused MEET from %s at %s: %s", m.Sender, l.host, reason))
		}
		answer := c.message(TypeRefuse)
		answer.Reason = reason
		c.send(l, answer)
		return
	case theyAdopt:
		// The side that changes its id commits first: it joins by speaking for this cluster,
		// and may have joined another one by then.
		if len(c.guests) < maxLoose {
			c.guests[m.Sender] = guest{*m.Self, c.now}
		}
	case weAdopt:
		c.adopt(m.Cluster)
		c.admit(l, m.Self)
	case sameCluster:
		c.admit(l, m.Self)
	}
	c.learnHost(m.You)
	answer := c.hello(TypePong, l)
	answer.Join = c.joinInfo()
	answer.Join.Member = l.node != nil
	c.send(l, answer)
	if l.node != nil {
		c.hear(l, m)
		c.sendAll(l)
	}
}

// onWelcome takes the Pong that answers a Meet.
func (c *Core) onWelcome(l *link, m *Message) {
	if m.Self == nil || m.Self.ID != m.Sender || m.Join == nil {
		return // a Pong for something else
	}
	v, reason := c.vet(m)
	if c.full() && c.nodes[m.Sender] == nil {
		c.refused(l.meet, errFull)
		return
	}
	if v == clustersRefuse && m.Join.Member && !c.served {
		// The peer let this node in when both spoke for the same cluster. Since then this node
		// has joined another one in the making, which now joins as a whole.
		c.agree(m.Cluster)
		v = sameCluster
	}
	switch v {
	case clustersRefuse:
		c.refused(l.meet, reason)
		return
	case theyAdopt:
		// The peer decided by an earlier Meet: tell it what this node is now.
		if h := l.meet; h.saidCluster != c.cluster || h.saidEstablished != c.established || h.saidServed != c.served {
			c.sendMeet(l)
		}
		return
	}
	if !c.believes(m.Self, m.Sender) {
		c.refused(l.meet, errUnbelieved)
		return
	}
	if v == weAdopt {
		c.adopt(m.Cluster)
	}
	addr := l.meet.addr
	c.endMeet(l.meet, nil)
	c.admit(l, m.Self)
	c.event(Met{Addr: addr, Node: m.Sender})
	c.hear(l, m)
	c.sendPing(l.node, l)
	c.sendAll(l)
}

// refused ends a handshake by this node's verdict or the peer's. The verdict may be
// premature: while many nodes meet, one side may know a member of the other already, take
// its slots for owned twice, or serve already. So the Meet is repeated for a while.
func (c *Core) refused(h *handshake, reason string) {
	h.err = &refusedError{reason}
	if c.now.Sub(h.started) > hastyTime {
		c.endMeet(h, h.err)
	}
}

// admit makes a stranger a member, or renews the membership of one that was forgotten: an
// explicit MEET outweighs an earlier FORGET.
func (c *Core) admit(l *link, rec *Record) {
	r := *rec
	if g, dead := c.gone.byID[r.ID]; dead {
		r.Gen = max(r.Gen, next(g.gen)) // add removes the tombstone
	}
	if n := c.nodes[r.ID]; n != nil {
		c.mergeKnown(n, &r)
	} else {
		c.add(&r)
	}
	n := c.nodes[r.ID]
	n.noAddr = false
	c.bind(l, n)
	delete(c.guests, r.ID)
	c.dirty = true
	c.tellAll(r.ID)
}
