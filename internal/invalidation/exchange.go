package invalidation

import (
	"bufio"
	"context"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Config is what an Exchange needs of its node.
type Config struct {
	// Dial opens a connection of this package's kind to a member.
	Dial func(ctx context.Context, to slots.Node) (net.Conn, error)
	// Watch makes the store call changed with each change: see [keyspace.Store.Watch]. It is
	// called when the first node asks for leases.
	Watch   func(changed func(slot slots.Slot, ops []keyspace.Op))
	Lease   time.Duration // see Lease
	Logger  hclog.Logger
	OnPanic func(error) // see package guard
}

// Exchange is both sides of one node, with the connections to other nodes: a Granter of its
// own keys, and a Holder of copies of others'. While nothing is watched, it dials no node.
type Exchange struct {
	cfg     Config
	granter *Granter
	holder  *Holder
	life    context.Context
	end     context.CancelFunc
	group   sync.WaitGroup
	watch   sync.Once

	mu       sync.Mutex // guards the fields below
	m        *slots.Map // nil outside a cluster
	closed   bool
	renewing bool
	links    map[slots.NodeID]context.CancelFunc // to members
}

const (
	// renewals is how often a lease is renewed while it lasts.
	renewals = 4
	// silence is how long either end may say nothing: leases are renewed all the time.
	silence = 10 * time.Second
	// firstPause and lastPause are how long the holder waits before it dials again.
	firstPause, lastPause = 20 * time.Millisecond, time.Second
	// farewell is how long the end of a node takes to give back its leases.
	farewell = 100 * time.Millisecond
)

// New returns the Exchange of a node that is in no cluster yet.
func New(cfg Config) *Exchange {
	x := &Exchange{cfg: cfg, granter: NewGranter(), holder: NewHolder(cfg.Lease, time.Now()),
		links: make(map[slots.NodeID]context.CancelFunc)}
	x.life, x.end = context.WithCancel(context.Background())
	return x
}

// Committed is for [keyspace.Store.Watch].
func (x *Exchange) Committed(slot slots.Slot, ops []keyspace.Op) {
	x.granter.Committed(slot, ops, time.Now)
}

// SetMap takes in a map that is about to come into force.
func (x *Exchange) SetMap(m *slots.Map) { x.granter.SetMap(m, time.Now()) }

// InForce says that the map of the latest SetMap is in force, m.
func (x *Exchange) InForce(m *slots.Map) {
	x.granter.InForce()
	x.holder.SetMap(m)
	x.mu.Lock()
	x.m = m
	x.mu.Unlock()
	x.connect()
}

// Watch is that of the Holder.
func (x *Exchange) Watch(prefix string, copies bool, changed func(Change)) (stop func()) {
	remove := x.holder.Watch(prefix, copies, changed)
	x.connect()
	x.holder.Renew(time.Now())
	return func() {
		remove()
		x.connect()
	}
}

// Covers reports whether copies of a slot's keys may be served: see [Holder.Covers].
func (x *Exchange) Covers(slot slots.Slot) bool { return x.holder.Covers(slot, time.Now()) }

// Mark returns what a write has to wait for that has just been carried out in slot, 0 if
// for nothing: see Await.
func (x *Exchange) Mark(slot slots.Slot) uint64 { return x.granter.Mark(slot) }

// Latest is Mark for a write that may have changed any slot.
func (x *Exchange) Latest() uint64 { return x.granter.Latest() }

// Touches reports whether a write of a key may have to wait.
func (x *Exchange) Touches(key []byte) bool { return x.granter.Touches(key) }

// Active reports whether any write may have to wait.
func (x *Exchange) Active() bool { return x.granter.Active() }

// Unsettled is that of the Granter.
func (x *Exchange) Unsettled() time.Duration { return x.granter.Unsettled(time.Now()) }

// Await waits until no node serves what a write has replaced whose Mark was mark: every
// holder with a lease has acknowledged, or its lease has run out. It takes as long as two
// leases at most. The error is ctx's.
func (x *Exchange) Await(ctx context.Context, mark uint64) error {
	for mark > 0 {
		until, progress, ok := x.granter.Pending(mark, time.Now())
		if ok {
			return nil
		}
		over := time.NewTimer(time.Until(until))
		select {
		case <-progress:
		case <-over.C:
		case <-ctx.Done():
			over.Stop()
			return ctx.Err()
		}
		over.Stop()
	}
	return nil
}

// Close gives the leases of this node back and ends its connections. No write waits for
// anything any more.
func (x *Exchange) Close() {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.end()
	x.group.Wait()
}

// spawnLocked runs fn on a goroutine that Close waits for, but not after Close. x.mu is held.
func (x *Exchange) spawnLocked(fn func()) {
	if x.closed {
		return
	}
	x.group.Go(func() {
		defer guard.Recover("invalidations", x.cfg.OnPanic)
		fn()
	})
}

// connect begins connections to members that have none, while anything is watched, and
// ends those to nodes that are members no more.
func (x *Exchange) connect() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.m == nil {
		return
	}
	wanted := x.holder.Watching()
	for id, end := range x.links {
		if !wanted || x.m.Node(id) == nil {
			end()
			delete(x.links, id)
		}
	}
	if !wanted || x.closed {
		return
	}
	for _, n := range x.m.Nodes() {
		if n.ID == x.m.Self().ID || x.links[n.ID] != nil {
			continue
		}
		ctx, end := context.WithCancel(x.life)
		x.links[n.ID] = end
		x.spawnLocked(func() { x.keep(ctx, n.ID) })
	}
	if !x.renewing {
		x.renewing = true
		x.spawnLocked(x.renew)
	}
}

// renew renews the leases until nothing is watched.
func (x *Exchange) renew() {
	tick := time.NewTicker(x.cfg.Lease / renewals)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-x.life.Done():
			return
		}
		x.mu.Lock()
		if len(x.links) == 0 {
			x.renewing = false
			x.mu.Unlock()
			return
		}
		x.mu.Unlock()
		x.holder.Renew(time.Now())
	}
}

// keep keeps a connection to a member until ctx ends.
func (x *Exchange) keep(ctx context.Context, id slots.NodeID) {
	pause := firstPause
	for {
		x.mu.Lock()
		n := x.m.Node(id)
		x.mu.Unlock()
		if n == nil {
			return // ctx ends in this moment
		}
		if conn, err := x.dial(ctx, *n); err != nil {
			x.cfg.Logger.Debug("no connection for invalidations", "node", id.Short(), "error", err, "again_in", pause)
		} else {
			pause = firstPause
			x.hold(ctx, conn, id)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		case <-ctx.Done():
			return
		}
	}
}

func (x *Exchange) dial(ctx context.Context, to slots.Node) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, lastPause)
	defer cancel()
	return x.cfg.Dial(ctx, to)
}

// hold is the holder's end of a connection.
func (x *Exchange) hold(ctx context.Context, conn net.Conn, id slots.NodeID) {
	p := x.holder.Attach(id)
	defer p.Detach()
	x.holder.Renew(time.Now())
	received := uint64(0)
	x.converse(ctx, conn, link{
		wake:  p.queue.wake,
		drain: p.Drain,
		last:  p.Release,
		receive: func(m *Message) bool {
			received = max(received, m.Number)
			return p.Receive(m, time.Now())
		},
		drained: func() {
			if received > 0 {
				p.Acknowledge(received)
				received = 0
			}
		},
	})
}

// Accept serves a holder that has dialled. It does not block.
func (x *Exchange) Accept(conn net.Conn, from slots.NodeID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		conn.Close()
		return
	}
	x.spawnLocked(func() {
		x.watch.Do(func() {
			x.cfg.Watch(func(slot slots.Slot, ops []keyspace.Op) { x.granter.Committed(slot, ops, time.Now) })
		})
		h := x.granter.Attach(from)
		x.converse(x.life, conn, link{
			wake:    h.queue.wake,
			drain:   h.Drain,
			receive: func(m *Message) bool { return h.Receive(m, time.Now()) },
		})
		h.Detach(time.Now())
		x.outlive()
	})
}

// outlive forgets a holder when its lease has ended.
func (x *Exchange) outlive() {
	for {
		next := x.granter.Sweep(time.Now())
		if next.IsZero() {
			return
		}
		select {
		case <-time.After(time.Until(next)):
		case <-x.life.Done():
			return
		}
	}
}

// link is one end of a connection.
type link struct {
	wake    <-chan struct{}
	drain   func(spare []byte) (b []byte, over bool)
	receive func(m *Message) bool
	drained func() // everything that has arrived was received; nil: no matter
	last    func() // puts what is said last into the queue; nil: nothing
}

// converse reads and writes until the connection or ctx ends.
func (x *Exchange) converse(ctx context.Context, conn net.Conn, l link) {
	ended := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		defer guard.Recover("invalidations", x.cfg.OnPanic)
		defer conn.Close() // which ends the reader
		write(ctx, conn, ended, &l)
	})
	in := bufio.NewReaderSize(conn, 8<<10)
	frames := frame.NewReader(in, maxMessage)
	for {
		if l.drained != nil && in.Buffered() == 0 {
			l.drained()
		}
		conn.SetReadDeadline(time.Now().Add(silence))
		payload, err := frames.Next()
		if err != nil {
			break
		}
		m, err := decode(payload)
		if err == nil && !l.receive(&m) {
			break
		}
		if err != nil {
			x.cfg.Logger.Warn("closing a connection for invalidations", "with", conn.RemoteAddr(), "error", err)
			break
		}
	}
	close(ended)
	conn.Close()
	writer.Wait()
}

// write writes what is in the queue until the connection has ended, or ctx: then it says
// the last.
func write(ctx context.Context, conn net.Conn, ended <-chan struct{}, l *link) {
	var spare []byte
	for {
		limit, done := silence, false
		select {
		case <-l.wake:
		case <-ended:
			return
		case <-ctx.Done():
			if l.last == nil {
				return
			}
			l.last()
			limit, done = farewell, true
		}
		b, over := l.drain(spare)
		if over {
			return
		}
		conn.SetWriteDeadline(time.Now().Add(limit))
		if _, err := conn.Write(b); err != nil || done {
			return
		}
		if spare = b; cap(b) > keepBuffer {
			spare = nil
		}
	}
}

// keepBuffer is the longest buffer that is kept for the next messages.
const keepBuffer = 16 << 10
