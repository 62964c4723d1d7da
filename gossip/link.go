package gossip

import (
	"net/netip"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// LinkID names a connection. The driver chooses ids, each greater than those before.
type LinkID uint64

// link is a connection. Both ends send on it, no matter which dialled.
type link struct {
	id          LinkID
	dialled     bool
	host        string       // of the other end
	expect      slots.NodeID // the node that was dialled
	meet        *handshake   // or the handshake
	peer        slots.NodeID // the sender, zero before the first message
	incarnation uint64       // of the peer
	node        *node        // nil while the peer is not a member
	warned      bool         // that its Meet was refused
	up, heard   time.Time
}

type pendingDial struct {
	addr slots.Addr
	node slots.NodeID
	meet *handshake
}

const (
	maxDials     = 64   // at a time
	maxLoose     = 1024 // strangers at a time
	firstRedial  = 250 * time.Millisecond
	dialCourtesy = time.Second // how long the node with the greater id leaves dialling to the other
)

// LinkUp says that a connection is open: one that was asked for by Output.Dials (dialled
// is the address given there), or an accepted one (dialled is zero). host is the other
// end's IP address as this end sees it.
func (c *Core) LinkUp(now time.Time, id LinkID, dialled slots.Addr, host string) {
	c.now = now
	l := &link{id: id, dialled: !dialled.IsZero(), host: host, up: now, heard: now}
	if l.dialled {
		d, ok := c.removeDial(dialled)
		n := c.nodes[d.node]
		if !ok || d.meet == nil && n == nil {
			c.out.Closes = append(c.out.Closes, id) // given up or forgotten meanwhile
			return
		}
		l.expect, l.meet = d.node, d.meet
	} else if len(c.loose) >= maxLoose {
		c.out.Closes = append(c.out.Closes, id)
		return
	}
	c.links[id] = l
	c.loose = append(c.loose, l)
	switch {
	case l.meet != nil:
		l.meet.link = l
		c.sendMeet(l)
	case l.dialled:
		c.sendPing(c.nodes[l.expect], l)
	}
}

// LinkDown says that a connection has ended; err tells why, nil if the peer closed it.
func (c *Core) LinkDown(now time.Time, id LinkID, err error) {
	c.now = now
	if l := c.links[id]; l != nil {
		if l.meet != nil {
			l.meet.lost(err)
		}
		c.drop(l)
	}
}

// DialFailed says that an address of Output.Dials could not be reached.
func (c *Core) DialFailed(now time.Time, addr slots.Addr, err error) {
	c.now = now
	d, ok := c.removeDial(addr)
	if !ok {
		return
	}
	if d.meet != nil {
		d.meet.dialling, d.meet.nextDial, d.meet.err = false, now.Add(firstRedial), err
		return
	}
	if n := c.nodes[d.node]; n != nil {
		n.dialling = false
		c.backOff(n)
	}
}

// backOff doubles the pause before the next dial, up to the time in which a returning
// node should be noticed.
func (c *Core) backOff(n *node) {
	limit := min(max(c.cfg.NodeTimeout/2, time.Second), 5*time.Second)
	n.dialWait = min(max(2*n.dialWait, firstRedial), limit)
	n.nextDial = c.now.Add(n.dialWait/2 + time.Duration(c.cfg.Rand.Int64N(int64(n.dialWait/2)+1)))
}

func (c *Core) removeDial(addr slots.Addr) (pendingDial, bool) {
	for i, d := range c.dials {
		if d.addr == addr {
			c.dials = slices.Delete(c.dials, i, i+1)
			return d, true
		}
	}
	return pendingDial{}, false
}

// dial asks for a connection to n if that is due and possible.
func (c *Core) dial(n *node) {
	addr := n.rec.Addr
	if addr.Host == "" {
		addr.Host = n.seenAt // it has not learnt its own address yet
	}
	if n.dialling || n.noAddr || addr.Host == "" || c.now.Before(n.nextDial) || len(c.dials) >= maxDials {
		return
	}
	n.dialling = true
	c.dials = append(c.dials, pendingDial{addr: addr, node: n.rec.ID})
	c.out.Dials = append(c.out.Dials, addr)
}

// drop forgets a link that is closed already or about to be.
func (c *Core) drop(l *link) {
	delete(c.links, l.id)
	c.loose = without(c.loose, l)
	if h := l.meet; h != nil && h.link == l {
		if h.err == nil {
			h.err = ErrNoBus // it was given up for its silence
		}
		h.link, h.dialling, h.nextDial = nil, false, c.now.Add(firstRedial)
	}
	n := l.node
	if n == nil {
		if n = c.nodes[l.expect]; n != nil {
			n.dialling = false
			c.backOff(n) // closed before the first word: do not insist
		}
		return
	}
	l.node = nil
	n.links = without(n.links, l)
	if len(n.links) > 0 {
		return
	}
	// The peer owes a sign of life from now on: a broken connection is the first sign of a
	// crash.
	if n.pingSent.IsZero() {
		n.pingSent = c.now
	}
	n.nextDial, n.dialWait = c.now, 0
	if before(n.rec.ID, c.self.rec.ID) {
		n.nextDial = c.now.Add(firstRedial)
	}
}

func without(list []*link, l *link) []*link {
	if i := slices.Index(list, l); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// closeLink asks for the end of a connection, and forgets it.
func (c *Core) closeLink(l *link) {
	if c.links[l.id] != l {
		return
	}
	c.out.Closes = append(c.out.Closes, l.id)
	c.drop(l)
}

// tendLinks keeps one working link to n.
func (c *Core) tendLinks(n *node) {
	if len(n.links) == 0 {
		c.dial(n)
		return
	}
	if len(n.links) > 1 {
		for _, l := range slices.Clone(n.links) {
			if c.now.Sub(l.heard) > 2*c.cfg.NodeTimeout {
				c.closeLink(l) // a spare one that its dialler has lost
			}
		}
	}
	half := c.cfg.NodeTimeout / 2
	l := n.link()
	if n.pingSent.IsZero() {
		// One exchange serves both ends. The node with the greater id leaves the first word to
		// the other.
		due := half
		if before(n.rec.ID, c.self.rec.ID) {
			due += min(200*time.Millisecond, half/2)
		}
		if c.now.Sub(n.lastHeard) >= due {
			c.sendPing(n, l)
		}
		return
	}
	if c.now.Sub(n.pingSent) > half && c.now.Sub(l.up) > c.cfg.NodeTimeout && c.now.Sub(l.heard) > half {
		c.closeLink(l) // docs/spec.md §3.2
	}
}

// tendLoose closes connections that never became a member's.
func (c *Core) tendLoose() {
	limit := max(c.cfg.NodeTimeout, time.Second)
	for id, g := range c.guests {
		if c.now.Sub(g.since) > 2*limit {
			delete(c.guests, id)
		}
	}
	for _, l := range slices.Clone(c.loose) {
		if c.now.Sub(l.heard) > limit {
			c.closeLink(l)
		}
	}
}

// bind makes l a link of the member n.
func (c *Core) bind(l *link, n *node) {
	if l.node == n {
		return
	}
	c.loose = without(c.loose, l)
	l.node, n.seenAt = n, l.host
	n.links = append(n.links, l)
	c.askLate(n)
	if l.expect == n.rec.ID {
		n.dialling = false
	}
	if len(n.links) == 1 {
		n.dialWait = 0
		return
	}
	c.dropLinks(n)
	for _, o := range slices.Clone(n.links) {
		if o.incarnation < l.incarnation {
			c.closeLink(o) // the process at its other end is gone
		}
	}
	best := l
	for _, o := range n.links {
		if c.preferred(o, best) {
			best = o
		}
	}
	if best.dialled && len(n.links) > 1 {
		c.sendPing(n, best) // hearing it, the peer gives up its own
	}
}

// preferred orders the links of one pair of nodes so that both ends agree which one to
// keep: the one dialled by the node with the smaller id; of several dialled by the same
// node, the newest.
func (c *Core) preferred(a, b *link) bool {
	smaller := before(c.self.rec.ID, a.peer)
	if a.dialled != b.dialled {
		return a.dialled == smaller
	}
	return a.id > b.id
}

// dropSpares closes the links this node dialled that are worse than l, on which the peer
// was just heard. Only its dialler closes a link, so that the ends cannot close different
// ones.
func (c *Core) dropSpares(l *link) {
	if len(l.node.links) < 2 {
		return
	}
	for _, o := range slices.Clone(l.node.links) {
		if o != l && o.dialled && c.preferred(l, o) {
			c.closeLink(o)
		}
	}
}

// learnHost adopts the host under which a peer sees this node (docs/spec.md §2.7): the
// first one after a start, and one that replaces a loopback address, which is of no use
// to nodes on other machines.
func (c *Core) learnHost(host string) {
	if c.cfg.Addr.Host != "" || host == "" {
		return
	}
	have := c.self.rec.Addr.Host
	if c.hostLearned && (!isLoopback(have) || isLoopback(host)) {
		return
	}
	c.hostLearned = true
	if have != host {
		c.self.rec.Addr.Host = host
		c.selfChanged()
	}
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
