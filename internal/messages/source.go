package messages

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	firstPause = 50 * time.Millisecond // before a source dials again
	lastPause  = 5 * time.Second
	// idleAfter is how long a node keeps its links to others while it wants nothing.
	idleAfter = time.Minute
)

// Source is another member of the cluster, to a node that wants its messages.
type Source struct {
	m    *Messenger
	id   slots.NodeID
	link interest.LinkID
	ctx  context.Context // ends with the membership, too
	stop context.CancelFunc
	kick chan struct{} // holds a token when it is to dial now

	// Guarded by Messenger.mu.
	addr   slots.Addr
	local  bool    // of the same shard
	failed bool    // says the map
	out    *outbox // nil while there is no link

	heard  atomic.Bool // something, since the last ping
	silent atomic.Bool // check has closed the link
}

func (m *Messenger) newSource(n *slots.Node, link interest.LinkID, local bool) *Source {
	s := &Source{m: m, id: n.ID, link: link, addr: n.Addr, local: local, failed: n.Health == slots.Failed,
		kick: make(chan struct{}, 1)}
	s.ctx, s.stop = context.WithCancel(m.ctx)
	return s
}

// poke makes the writer of the link ask what the member is to be told. Messenger.mu is held.
func (s *Source) poke() {
	if s.out != nil {
		s.out.poke()
	}
}

// redial makes the source dial now, if it waits until it does so again.
func (s *Source) redial() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run keeps a link to the member.
func (s *Source) run() {
	defer s.stop()
	pause := firstPause
	for s.ctx.Err() == nil {
		began := time.Now()
		err := s.connect()
		s.m.cfg.Logger.Debug("a link for messages ended, will dial again", "node", s.id, "error", err, "in", pause)
		if time.Since(began) > lastPause {
			pause = firstPause
		}
		if s.backOff(pause/2 + rand.N(pause/2)) {
			pause = firstPause
		} else {
			pause = min(2*pause, lastPause)
		}
	}
}

// backOff waits until the source has to dial again, and reports whether something has changed.
func (s *Source) backOff(pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return false
	case <-s.kick:
		return true
	case <-s.ctx.Done():
		return true
	}
}

// connect dials, and uses the link until its end.
func (s *Source) connect() error {
	conn, frames, err := s.dial()
	if err != nil {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.teller.Expect(s.link, false)
		s.m.releaseLocked()
		return err
	}
	out := &outbox{conn: conn, spawn: s.m.spawn, more: s.tell}
	if !s.attach(out) {
		conn.Close()
		return net.ErrClosed
	}
	defer s.detach(out)
	defer context.AfterFunc(s.ctx, func() { conn.Close() })()
	return s.use(out, frames)
}

// dial opens a connection to the member, and makes sure that it is this one.
func (s *Source) dial() (net.Conn, *frame.Reader, error) {
	s.m.mu.Lock()
	addr := s.addr
	s.m.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, s.m.cfg.Silence)
	defer cancel()
	conn, err := s.m.cfg.Dial(ctx, addr)
	if err != nil {
		return nil, nil, err
	}
	frames := frame.NewReader(bufio.NewReaderSize(conn, chunkSize), maxFrame)
	err = peer.Handshake(ctx, conn, func() error { return s.greet(conn, frames) })
	if err != nil {
		return nil, nil, err
	}
	return conn, frames, nil
}

func (s *Source) greet(conn net.Conn, frames *frame.Reader) error {
	h := hello{wanted: s.id, incarnation: s.m.cfg.Incarnation()}
	if _, err := conn.Write(h.append(nil)); err != nil {
		return err
	}
	b, err := frames.Next()
	if err != nil {
		return fmt.Errorf("it is another node, or does not take this one for a member: %w", err)
	}
	_, err = decodeWelcome(b)
	return err
}

// attach makes out the link of the source.
func (s *Source) attach(out *outbox) bool {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.sources[s.id] != s {
		return false
	}
	s.out = out
	s.m.teller.Up(s.link, s.local)
	out.poke()
	return true
}

func (s *Source) detach(out *outbox) {
	out.close()
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.out = nil
	if s.m.sources[s.id] == s {
		s.m.teller.Down(s.link)
	}
}

// tell appends a frame with what the member is to be told next. It is the outbox' more.
func (s *Source) tell(b []byte) []byte {
	b, start := frame.Begin(b[:0])
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	b, ok := s.m.teller.Next(s.link, append(b, typeInterest))
	if !ok {
		s.m.releaseLocked() // there may have been nothing that concerns the member
		return b[:0]
	}
	return frame.Finish(b, start)
}

// use reads the link until its end.
func (s *Source) use(out *outbox, frames *frame.Reader) error {
	s.heard.Store(true)
	s.silent.Store(false)
	unheard := 0
	stop := every(s.m.cfg.Silence/pingsPerSilence, s.m.spawn, func() bool { return s.check(out, &unheard) })
	defer stop()
	frames.Bound(out.conn, frame.ProgressTimeout)
	for {
		b, err := frames.Next()
		if err != nil {
			if s.silent.Load() {
				err = errSilent
			}
			return err
		}
		s.heard.Store(true)
		if err := s.step(b); err != nil {
			s.m.cfg.Logger.Warn("closing a link for messages", "node", s.id, "error", err)
			return err
		}
	}
}

// step takes in a frame of the member.
func (s *Source) step(b []byte) error {
	if len(b) == 0 {
		return malformed("it is empty")
	}
	switch t, b := b[0], b[1:]; {
	case t == typeChannel || t == typeShard:
		channel, payload, err := cutMessage(b)
		if err != nil {
			return err
		}
		s.m.deliver(t, channel, payload)
		return nil
	case t == typeKnown:
		position, err := number(b)
		if err != nil {
			return err
		}
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.teller.Acknowledged(s.link, position)
		s.m.releaseLocked()
		return nil
	case t == typePong:
		return nil // it has been heard
	default:
		return malformed(fmt.Sprintf("type %q", t))
	}
}

// deliver passes on a message of another node.
func (m *Messenger) deliver(t byte, channel, payload []byte) {
	if t == typeShard {
		m.counts.receivedShard.Add(1)
		m.cfg.Deliver(interest.Shard, channel, payload)
		return
	}
	m.counts.received.Add(1)
	m.cfg.Deliver(interest.Channel, channel, payload)
}
