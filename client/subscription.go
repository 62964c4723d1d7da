package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// subscription is one of a Client. Its goroutine sees to it that each name is
// subscribed to at some node: channels and patterns at any one, sharded channels at the
// owners of their slots. It has connections of its own, at most one to each node, each with
// a goroutine that reads; these hand messages over themselves.
type subscription struct {
	t       *respTransport
	ctx     context.Context
	kind    ChannelKind
	deliver func(Message, error)
	begun   chan error // how the first attempt has ended

	names  map[string]*subscribedName
	conns  map[Endpoint]*subscriptionConn
	events chan subscriptionEvent
	ready  bool          // all names were subscribed to at the same time
	gaveUp time.Time     // when the first attempt gives up
	pause  time.Duration // after the last failure, 0 if nothing failed since
	last   error         // that failure
	hops   int           // redirects that were followed
}

// subscribedName is a name to subscribe to.
type subscribedName struct {
	conn  *subscriptionConn // where it is subscribed to, or has been asked for; nil: nowhere
	live  bool              // it is subscribed to
	lost  error             // why it is not any more; nil the first time
	moved *Endpoint         // where a redirect has sent it
}

// subscriptionEvent is what the reader of a connection tells.
type subscriptionEvent struct {
	conn  *subscriptionConn
	names []string // concerned; nil: all of the connection
	live  bool     // they are subscribed to
	err   error    // they are not, any more or after all
	ended bool     // the connection has broken
}

// Subscribe implements MessageTransport.
func (t *respTransport) Subscribe(ctx context.Context, kind ChannelKind, names []string,
	deliver func(Message, error)) error {
	s := &subscription{t: t, ctx: ctx, kind: kind, deliver: deliver, begun: make(chan error, 1),
		names: make(map[string]*subscribedName), conns: make(map[Endpoint]*subscriptionConn),
		events: make(chan subscriptionEvent, 64), gaveUp: time.Now().Add(retryBudget)}
	for _, name := range names {
		s.names[name] = &subscribedName{}
	}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return ErrClosed
	}
	t.wg.Go(s.run)
	t.mu.Unlock()
	return <-s.begun
}

// run keeps the subscription until its end.
func (s *subscription) run() {
	err := s.keep()
	for _, c := range s.conns {
		c.conn.Close()
	}
	if s.ready && s.ctx.Err() == nil {
		s.deliver(Message{}, err)
	} else if !s.ready {
		s.begun <- err
	}
}

// keep returns what ends the subscription.
func (s *subscription) keep() error {
	ping := time.NewTicker(s.t.cfg.Silence / 3)
	defer ping.Stop()
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-retry.C:
			if err := s.ask(); err != nil {
				return err
			}
		case e := <-s.events:
			if err := s.handle(e); err != nil {
				return err
			}
		case <-ping.C:
			for _, c := range s.conns {
				c.ping()
			}
			continue
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-s.t.life.Done():
			return ErrClosed
		}
		switch waiting, idle := s.waiting(); {
		case waiting == 0:
			s.begin()
			s.pause, s.last, s.hops = 0, nil, 0
		case idle && !s.ready && time.Now().After(s.gaveUp):
			return fmt.Errorf("slotmesh: gave up subscribing after %v: %w", retryBudget, s.last)
		case idle:
			retry.Reset(s.pause/2 + rand.N(s.pause/2+1))
		}
	}
}

// begin tells Subscribe that the subscription is in force.
func (s *subscription) begin() {
	if !s.ready {
		s.ready = true
		s.begun <- nil
	}
}

// waiting returns how many names are not subscribed to, and whether one of them has been
// asked for nowhere.
func (s *subscription) waiting() (n int, idle bool) {
	for _, name := range s.names {
		if !name.live {
			n++
			idle = idle || name.conn == nil
		}
	}
	return n, idle
}

// handle takes in what a connection tells. The error ends the subscription.
func (s *subscription) handle(e subscriptionEvent) error {
	if e.ended {
		delete(s.conns, e.conn.node)
		s.failed(e.err)
	}
	var concerned []*subscribedName
	for text, name := range s.names {
		if name.conn == e.conn && (e.ended || slices.Contains(e.names, text)) {
			concerned = append(concerned, name)
		}
	}
	for _, name := range concerned {
		switch {
		case e.live:
			name.live, name.lost = true, nil
			continue
		case name.live:
			name.lost = e.err
		}
		name.conn, name.live = nil, false
	}
	if e.live || e.ended {
		return nil
	}
	return s.redirect(concerned, s.t.locate(s.ctx, e.err, e.conn.node))
}

// redirect looks at why names are not subscribed to where they were asked for.
func (s *subscription) redirect(names []*subscribedName, err error) error {
	var moved *slots.MovedError
	switch {
	case errors.As(err, &moved):
		s.t.Learn(moved)
		for _, name := range names {
			name.moved = &Endpoint{Addr: moved.Addr}
		}
		if s.hops++; s.hops%maxHops == 0 {
			s.failed(err)
		}
	case errors.Is(err, errSlotLeft):
		s.failed(err)
		s.pause = 0 // the node that has it now is known to the one that has lost it
	case errors.Is(err, slots.ErrTryAgain), errors.Is(err, slots.ErrClusterDown), isTransient(err):
		s.failed(err)
	default:
		return err
	}
	return nil
}

// failed makes the next attempt wait, with another map if there is a newer one.
func (s *subscription) failed(err error) {
	s.last = err
	s.pause = min(max(2*s.pause, firstPause), lastPause)
	s.t.Refresh(s.ctx)
}

// ask subscribes to all names that are subscribed to nowhere. The error ends the
// subscription: a node does not let this client in.
func (s *subscription) ask() error {
	groups := make(map[Endpoint][]string)
	for text, name := range s.names {
		if name.conn != nil {
			continue
		}
		if node, ok := s.choose(text, name); ok {
			groups[node] = append(groups[node], text)
		} else {
			s.failed(slots.ErrSlotNotServed)
		}
	}
	for node, names := range groups {
		c, err := s.connect(node)
		var refusal ReplyError
		switch {
		case errors.As(err, &refusal) && !s.ready && !isTransient(err):
			return err
		case err != nil:
			s.failed(err)
			continue
		}
		for _, group := range s.split(names) {
			var lost error
			for _, text := range group {
				s.names[text].conn = c
				if s.names[text].lost != nil {
					lost = s.names[text].lost
				}
			}
			c.subscribe(s.kind, group, lost)
		}
	}
	return nil
}

// choose returns the node at which a name is to be subscribed to.
func (s *subscription) choose(text string, name *subscribedName) (Endpoint, bool) {
	if s.kind == ShardChannels {
		if moved := name.moved; moved != nil {
			name.moved = nil
			return *moved, true
		}
		return s.t.Owner(slots.OfString(text))
	}
	for node := range s.conns {
		return node, true
	}
	known := slices.Concat(s.t.Masters(), s.t.seeds)
	return known[rand.IntN(len(known))], true
}

// split returns the names that one command may have: sharded channels must be of one slot.
func (s *subscription) split(names []string) [][]string {
	if s.kind != ShardChannels {
		return [][]string{names}
	}
	bySlot := make(map[slots.Slot][]string)
	for _, text := range names {
		slot := slots.OfString(text)
		bySlot[slot] = append(bySlot[slot], text)
	}
	groups := make([][]string, 0, len(bySlot))
	for _, group := range bySlot {
		groups = append(groups, group)
	}
	return groups
}

// connect returns the connection to a node.
func (s *subscription) connect(node Endpoint) (*subscriptionConn, error) {
	if c := s.conns[node]; c != nil {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, peer.DialTimeout)
	defer cancel()
	conn, err := s.t.dial(ctx, peer.Target{Addr: node.Addr})
	if err != nil {
		return nil, err
	}
	c := newSubscriptionConn(s, node, conn)
	s.conns[node] = c
	s.t.wg.Go(c.read)
	return c, nil
}
