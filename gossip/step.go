package gossip

import (
	"time"
)

// Step handles a message that arrived on a link.
func (c *Core) Step(now time.Time, from LinkID, m *Message) {
	c.now = now
	l := c.links[from]
	if l == nil {
		return // closed meanwhile
	}
	c.stats.Received[m.Type%typeCount]++
	if !c.identify(l, m) {
		return
	}
	switch {
	case m.Type == TypeMeet:
		c.onMeet(l, m)
	case l.meet != nil:
		c.onHandshake(l, m)
	case l.node == nil:
		c.onStranger(l, m)
	default:
		c.hear(l, m)
		if l.node != nil { // still a member
			c.dispatch(l, m)
		}
	}
	if c.isReplica() { // any message may be the one that its election waits for
		c.resolveClaims()
		c.tendElection()
	}
}

// identify checks that the sender is the node expected on the link, and finds the member.
func (c *Core) identify(l *link, m *Message) bool {
	if m.Sender == c.self.rec.ID {
		if l.meet != nil {
			c.endMeet(l.meet, ErrMetSelf)
		} else {
			c.wrongPeer(l)
		}
		return false
	}
	if l.peer != m.Sender {
		if !l.peer.IsZero() || !l.expect.IsZero() && l.expect != m.Sender {
			c.wrongPeer(l)
			return false
		}
		l.peer = m.Sender
	}
	l.heard, l.incarnation = c.now, m.Incarnation
	// A greater Gen means that the node was reset or forgotten since: to this node it is a
	// stranger until the news of its return, or a Meet, arrives.
	if n := c.nodes[m.Sender]; l.meet == nil && n != nil && m.Gen <= n.rec.Gen {
		c.bind(l, n)
	}
	return c.links[l.id] == l
}

// wrongPeer closes a link whose peer answers with another id (docs/spec.md §2.4).
func (c *Core) wrongPeer(l *link) {
	if n := c.nodes[l.expect]; n != nil && l.dialled && !n.noAddr {
		n.noAddr, c.mapDirty = true, true
		c.event(AddrChanged{Node: n.rec.ID, Was: n.rec.Addr})
	}
	c.closeLink(l)
}

func (c *Core) onHandshake(l *link, m *Message) {
	switch m.Type {
	case TypePong:
		c.onWelcome(l, m)
	case TypeRefuse:
		c.refused(l.meet, m.Reason)
	case TypePing:
		c.send(l, c.message(TypePong)) // it knows this node already
	}
}

type refusedError struct{ reason string }

func (e *refusedError) Error() string        { return ErrRefused.Error() + ": " + e.reason }
func (e *refusedError) Is(target error) bool { return target == ErrRefused }

// onStranger handles a message of a node that is not a member. Nothing in it is believed;
// the answer says that this node lives, or that the stranger was forgotten.
func (c *Core) onStranger(l *link, m *Message) {
	if g, ok := c.guests[m.Sender]; ok && c.mayEnter(&g.rec, m.Cluster) && !c.full() {
		c.admit(l, &g.rec)
		c.hear(l, m)
		c.sendAll(l)
		c.dispatch(l, m)
		return
	}
	if c.toldForgotten(l, m) || m.Type != TypePing {
		return
	}
	answer := c.message(TypePong)
	answer.Join = &Join{Established: c.established} // no member: see meetHalf
	c.send(l, answer)
}

// toldForgotten tells a stranger that its membership has ended, if it has.
func (c *Core) toldForgotten(l *link, m *Message) bool {
	g, dead := c.gone.byID[m.Sender]
	if !dead || m.Gen > g.gen {
		return false
	}
	notice := c.message(TypeForgotten)
	notice.Records = []Record{{ID: m.Sender, Gen: g.gen, Gone: true}}
	c.send(l, notice)
	return true
}

// hear takes over what every message of a member says.
func (c *Core) hear(l *link, m *Message) {
	n := l.node
	n.lastHeard = c.now
	c.dropSpares(l)
	if m.Cluster != c.cluster {
		c.agree(m.Cluster)
	}
	if m.Served {
		c.hasServed()
	}
	c.raiseEpoch(m.Epoch, m.Sender)
	n.digest = m.Digest
	c.compareElectorates(n, l, m.Electors)
	if m.Type == TypePing || m.Type == TypePong || m.Type == TypeSuspect {
		c.hearData(n, m)
	}
	c.learnHost(m.You)
	if m.Self != nil && m.Self.ID == m.Sender {
		c.merge(m.Self, n)
	}
	if l.node == n { // still a member
		c.contact(n)
	}
}

func (c *Core) dispatch(l *link, m *Message) {
	n := l.node
	switch m.Type {
	case TypePing:
		c.applyReports(n, m.Suspects)
		c.sendPong(l, m)
	case TypePong:
		if m.Join != nil && !m.Join.Member {
			c.meetHalf(n, l, m)
			return
		}
		c.applyReports(n, m.Suspects)
		c.compareViews(n, l)
	case TypeSuspect:
		c.applyReports(n, m.Suspects)
	case TypeFail:
		c.onFail(n, m.Subject)
	case TypeNews:
		c.onNews(n, l, m)
	case TypeSummary:
		c.onSummary(n, l, m)
	case TypeVoteRequest:
		c.resolveClaims()
		c.onVoteRequest(n, l, m)
	case TypeVote, TypeDeny:
		c.resolveClaims()
		c.onVote(n, m)
	case TypeHandOver:
		c.onHandOver(n)
	case TypePause:
		c.onPause(n)
	case TypePaused:
		c.onPaused(n, m)
	case TypeResume:
		if c.pause != nil && c.pause.by == n.rec.ID {
			c.endPause()
		}
	case TypePrepare:
		c.resolveClaims()
		c.onPrepare(n, l, m)
	case TypePromise:
		c.onPromise(n, m)
	case TypeAccept:
		c.resolveClaims()
		c.onAccept(n, l, m)
	case TypeAccepted:
		c.onAccepted(n, m)
	case TypeElectorate:
		c.onElectorate(n, m)
	case TypeOutcome:
		c.onOutcome(l, m)
	case TypeWithdrawn:
		c.onWithdrawn(n, m)
	case TypeCede:
		c.onCede(n, m)
	case TypeForgotten:
		for i := range m.Records {
			if m.Records[i].ID == c.self.rec.ID {
				c.merge(&m.Records[i], n)
			}
		}
	}
}

// message returns a message with the fields that all have.
func (c *Core) message(t Type) *Message {
	return &Message{
		Type: t, Cluster: c.cluster, Sender: c.self.rec.ID, Gen: c.self.rec.Gen,
		Incarnation: c.self.rec.Incarnation, Epoch: c.currentEpoch, Digest: c.digest, Served: c.served,
		Electors: c.electors.Version,
	}
}

// heartbeat returns a message that also says what this node sees of others.
func (c *Core) heartbeat(t Type) *Message {
	m := c.message(t)
	m.Suspects = c.listSuspects()
	m.addData(c.self.data)
	return m
}

// hello returns the first message on a link: it introduces the node.
func (c *Core) hello(t Type, l *link) *Message {
	m := c.heartbeat(t)
	self := c.self.rec
	m.Self, m.You = &self, l.host
	return m
}

func (c *Core) sendPing(n *node, l *link) {
	if n.pingSent.IsZero() {
		n.pingSent = c.now
	}
	if l.dialled && l.peer.IsZero() {
		c.send(l, c.hello(TypePing, l))
		return
	}
	c.send(l, c.heartbeat(TypePing))
}

func (c *Core) sendPong(l *link, ping *Message) {
	if ping.Self != nil {
		c.send(l, c.hello(TypePong, l))
		return
	}
	c.send(l, c.heartbeat(TypePong))
}

func (c *Core) send(l *link, m *Message) {
	c.stats.Sent[m.Type]++
	c.out.Sends = append(c.out.Sends, Send{l.id, m})
}

// sendTo sends to the members that want returns true for.
func (c *Core) sendTo(m *Message, want func(*node) bool) {
	for _, n := range c.list {
		if n == c.self || !want(n) {
			continue
		}
		if l := n.link(); l != nil {
			c.send(l, m)
		}
	}
}

func (m *Message) addData(d Data) { m.Term, m.Offset, m.Missing = d.Term, uint64(d.Offset), d.Missing }

// hearData notes how far the data of a node is, as it says. A term follows the config epoch
// of the master that began it, so that it is bounded as epochs are.
func (c *Core) hearData(n *node, m *Message) {
	if m.Term > min(c.currentEpoch+maxJump, maxCounter) || m.Offset > maxCounter {
		c.refuse(refusedData, n.rec.ID, "the data of node %s is ignored: offset %d in term %d is beyond what any node "+
			"of this cluster can have",
			n.rec.ID.Short(), m.Offset, m.Term)
		return
	}
	n.data, n.dataAt = m.data(), c.now
}

func (m *Message) data() Data { return Data{m.Term, int64(m.Offset), m.Missing} }

// SetData tells the peers with the next heartbeats how far this node's data is. A manual
// failover that waits for it goes on.
func (c *Core) SetData(d Data) {
	c.self.data = d
	if c.manual != nil {
		c.tendManual()
	}
}

// SetDataTime says when this replica last heard its master's data. Old data does not
// stand for election (docs/spec.md §6.2). Without it the master's heartbeats count.
func (c *Core) SetDataTime(t time.Time) { c.dataTime = t }
