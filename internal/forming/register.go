package forming

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// target is an address of the list.
type target struct {
	address string
	id      slots.NodeID // of the node that answered last, zero if it does not answer
	tried   bool         // it has answered, or failed to, at least once
	helloAt time.Time    // when to say hello next
	backoff time.Duration
	pending uint64    // the hello that is not answered yet, 0 for none
	sentAt  time.Time // when it was sent
}

func (c *Core) target(address string) *target {
	i, ok := slices.BinarySearchFunc(c.targets, address, func(t *target, a string) int {
		return strings.Compare(t.address, a)
	})
	if !ok {
		return nil
	}
	return c.targets[i]
}

// sendHellos says hello where it is time to, and gives up waiting for answers.
func (c *Core) sendHellos() {
	for _, t := range c.targets {
		if t.pending != 0 && c.now.Sub(t.sentAt) >= RequestTimeout {
			c.noAnswer(t)
		}
		if t.pending != 0 || c.now.Before(t.helloAt) {
			continue
		}
		t.pending, t.sentAt = c.send(t.address, Request{Type: TypeHello}), c.now
	}
}

// send adds a request to the Output, and returns its number.
func (c *Core) send(address string, r Request) uint64 {
	c.seq++
	r.Seq, r.At, r.From, r.Terms = c.seq, address, c.self, c.cfg.Terms
	c.out.Sends = append(c.out.Sends, Send{address, r})
	return r.Seq
}

// noAnswer notes that the address does not answer, and tries again after a while.
func (c *Core) noAnswer(t *target) {
	t.id, t.tried, t.pending = slots.NodeID{}, true, 0
	t.backoff = min(max(2*t.backoff, minBackoff), maxBackoff)
	t.helloAt = c.now.Add(c.jitter(t.backoff))
}

// jitter returns a duration between half of d and d.
func (c *Core) jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(c.cfg.Rand.Int64N(int64(d/2)+1))
}

// Failed says that the request with this number could not be sent to the address, or was
// not answered.
func (c *Core) Failed(now time.Time, address string, seq uint64) {
	c.now = now
	if t := c.target(address); t != nil && t.pending == seq && seq != 0 {
		c.noAnswer(t)
	}
}

// Answer takes the reply of the node at an address. Before, the driver fills in
// Reply.From.Addr.Host, if it is empty, with the host of the address that it has dialled.
func (c *Core) Answer(now time.Time, address string, r Reply) {
	c.now = now
	t := c.target(address)
	if t == nil {
		return
	}
	if r.Type == TypeHello {
		if r.Seq != t.pending || r.Seq == 0 {
			return // too late: what it says may be outdated
		}
		t.pending, t.backoff = 0, 0
		t.id, t.tried = r.From.ID, true
		t.helloAt = now.Add(c.jitter(helloEvery))
	}
	if c.done() {
		return
	}
	if r.From.ID == c.self.ID {
		if c.self.Addr.Host == "" {
			c.self.Addr.Host = r.From.Addr.Host
		}
		c.agreed(t)
		return
	}
	difference := c.cfg.difference(&r.Terms, "at "+address)
	if c.cfg.Name != r.Terms.Name {
		c.refuse(address, difference)
		return
	}
	if r.Decided && r.Value != nil {
		c.decide(r.Value)
	}
	switch {
	case c.done():
	case r.From.Serving && !r.From.Fresh():
		c.foundMember(&r.From)
	case c.state.Decided: // not a founder: the members will serve soon, and can be joined then
	case difference != "":
		c.refuse(address, difference)
	default:
		c.agreed(t)
		c.hear(&r.From)
		if r.Have >= c.have || now.Sub(c.haveAt) > AliveFor {
			c.have, c.haveAt = r.Have, now
		}
		if r.Type != TypeHello {
			c.answered(t, &r)
		}
	}
}

// hear notes that a fresh node is there.
func (c *Core) hear(p *Peer) {
	if !p.Fresh() {
		delete(c.fresh, p.ID)
	} else if _, known := c.fresh[p.ID]; known || len(c.fresh) < MaxFounders {
		c.fresh[p.ID] = heard{*p, c.now}
	}
}

// expire forgets the nodes, and the refusals, that have not been heard for a while.
func (c *Core) expire() {
	for id, h := range c.fresh {
		if c.now.Sub(h.at) > AliveFor {
			delete(c.fresh, id)
		}
	}
	for address, r := range c.refusals {
		if c.now.Sub(r.at) > refusalFor {
			delete(c.refusals, address)
		}
	}
}

// alive returns the fresh nodes that are there, this one included, by id.
func (c *Core) alive() []Peer {
	list := make([]Peer, 0, len(c.fresh)+1)
	list = append(list, c.self)
	for id, h := range c.fresh {
		if id != c.self.ID && h.Addr.Host != "" && c.now.Sub(h.at) <= AliveFor {
			list = append(list, h.Peer)
		}
	}
	slices.SortFunc(list, compareID)
	return list
}

// count returns how many fresh nodes are there, as far as this node knows or has been
// told: only nodes at an address of the list hear of all.
func (c *Core) count() int {
	n := len(c.alive())
	if c.now.Sub(c.haveAt) <= AliveFor {
		n = max(n, c.have)
	}
	return n
}

// foundMember notes that there is a cluster already. It is not forgotten again: that its
// members cannot be reached for a while is no reason to found a second one.
func (c *Core) foundMember(p *Peer) {
	if c.member == nil {
		c.joinAt = c.now
	}
	member := *p
	c.member, c.proposal = &member, nil
	clear(c.refusals)
}

// refusal is why there is no cluster to be formed with a node, and when that was so last.
type refusal struct {
	text string
	at   time.Time
}

func (c *Core) refuse(address, text string) {
	if c.refusals[address].text != text {
		if len(c.refusals) >= 2*MaxList {
			return // there is enough to tell already
		}
		c.out.Refused = append(c.out.Refused, Refusal{address, text})
	}
	c.refusals[address] = refusal{text, c.now}
}

// agreed notes that the node at t can form a cluster with this one, unless the list is
// static and names that node twice: it would have two votes.
func (c *Core) agreed(t *target) {
	for _, o := range c.targets {
		if o != t && o.id == t.id && !c.cfg.Dynamic() {
			c.refuse(t.address, fmt.Sprintf("%s and %s of the list of addresses to join are the same node %s: leave one "+
				"of them out at all nodes", min(o.address, t.address), max(o.address, t.address), t.id.Short()))
			return
		}
	}
	delete(c.refusals, t.address)
}

// listedAt returns the address at which this node has found itself. Of a static list there
// must be one such address, and none that was not tried yet and might be the second.
func (c *Core) listedAt() (address string, ok bool) {
	for _, t := range c.targets {
		switch {
		case !t.tried && !c.cfg.Dynamic():
			return "", false
		case t.id != c.self.ID:
		case address != "" && !c.cfg.Dynamic():
			return "", false
		default:
			address = t.address
		}
	}
	return address, address != ""
}
