package messages

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/slots"
)

// Config says what a Messenger connects.
type Config struct {
	// Map returns the cluster as this node sees it now. It is called after Start only.
	Map func() *slots.Map
	// Incarnation returns the number of this start of the node.
	Incarnation func() uint64
	// Dial opens a connection for messages to another node.
	Dial func(ctx context.Context, addr slots.Addr) (net.Conn, error)
	// Deliver takes a message of another node. It must not block for long, and must not keep
	// the slices. It is called by a goroutine for each other node.
	Deliver func(kind interest.Kind, channel, payload []byte)
	// Silence is how long a link may say nothing until it is given up. Default: 5 s.
	Silence time.Duration
	// Outbox is how many bytes of messages may wait for one receiver. Default: 32 MiB.
	Outbox int
	Logger hclog.Logger
	// OnPanic is told of a panic in Deliver, as a *guard.Panic; with nil the
	// panic goes on.
	OnPanic func(error)
}

const (
	defaultSilence = 5 * time.Second
	defaultOutbox  = 32 << 20
)

// Messenger sends this node's messages to those that want them, and asks other nodes for
// theirs. Its methods are safe for concurrent use.
type Messenger struct {
	cfg  Config
	ctx  context.Context
	end  context.CancelFunc
	life life

	receivers atomic.Pointer[[]*Receiver] // never nil; replaced under mu
	counts    counts

	mu      sync.Mutex // guards the fields below
	teller  *interest.Teller
	sources map[slots.NodeID]*Source
	links   interest.LinkID // the last one given
	waiters []*waiter       // in the order of their positions
	// emptySince is when this node was first found to want nothing; zero while it does.
	emptySince time.Time
}

// counts are the counters of Stats.
type counts struct{ sent, dropped, received, sentShard, receivedShard atomic.Uint64 }

// Stats is what a Messenger has done so far.
type Stats struct {
	Sources       int    // members that this node has a link to
	Receivers     int    // members that have a link to this node
	Sent          uint64 // messages that were handed to a link, once for each receiver
	SentShard     uint64 // those to sharded channels
	Received      uint64 // messages of other nodes
	ReceivedShard uint64
	Dropped       uint64 // messages that a link did not take or was cut off with
}

// New makes a Messenger that neither dials nor sends before Start.
func New(cfg Config) *Messenger {
	if cfg.Silence <= 0 {
		cfg.Silence = defaultSilence
	}
	if cfg.Outbox <= 0 {
		cfg.Outbox = defaultOutbox
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	m := &Messenger{cfg: cfg, teller: interest.NewTeller(), sources: make(map[slots.NodeID]*Source)}
	m.ctx, m.end = context.WithCancel(context.Background())
	m.receivers.Store(&[]*Receiver{})
	return m
}

// Close ends all links, and returns when nothing of the Messenger runs any more.
func (m *Messenger) Close() {
	m.life.close()
	m.end()
	for _, r := range *m.receivers.Load() {
		r.out.conn.Close()
	}
	m.life.wait()
}

// life runs the goroutines of a Messenger.
type life struct {
	mu     sync.Mutex // guards closed
	closed bool
	group  sync.WaitGroup
}

func (l *life) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// wait returns when all goroutines have ended, after close.
func (l *life) wait() { l.group.Wait() }

// spawn runs fn on a goroutine that wait waits for, unless close has been called.
func (l *life) spawn(fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.group.Go(fn)
	}
	return !l.closed
}

func (m *Messenger) spawn(fn func()) bool {
	return m.life.spawn(func() {
		defer guard.Recover("messages between nodes", m.cfg.OnPanic)
		fn()
	})
}

// Want takes in that this node wants something from now on, or does not want it any more.
// It never blocks. See AwaitInterest.
func (m *Messenger) Want(kind interest.Kind, name string, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.teller.Position()
	m.teller.Want(kind, name, on)
	if m.teller.Position() == before {
		return
	}
	if len(m.sources) == 0 {
		m.followLocked()
	}
	for _, s := range m.sources {
		s.poke()
	}
}

// MapChanged tells that Config.Map returns another map from now on.
func (m *Messenger) MapChanged() {
	members := m.cfg.Map()
	for _, r := range *m.receivers.Load() {
		if members.Node(r.id) == nil {
			r.out.conn.Close()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.followLocked()
	m.releaseLocked()
}

// followLocked makes a source of each member, if this node wants anything.
func (m *Messenger) followLocked() {
	members := m.cfg.Map()
	if members == nil || m.ctx.Err() != nil {
		return
	}
	for id, s := range m.sources {
		if members.Node(id) == nil {
			m.dropLocked(s)
		}
	}
	if m.teller.Empty() {
		return
	}
	self := members.Self()
	for i := range members.Nodes() {
		if n := &members.Nodes()[i]; n.ID != self.ID {
			m.followNodeLocked(n, shardOf(n) == shardOf(self))
		}
	}
}

// dropLocked ends a source.
func (m *Messenger) dropLocked(s *Source) {
	m.teller.Remove(s.link)
	delete(m.sources, s.id)
	s.stop()
}

func (m *Messenger) followNodeLocked(n *slots.Node, local bool) {
	s := m.sources[n.ID]
	if s == nil {
		m.links++
		s = m.newSource(n, m.links, local)
		m.sources[n.ID] = s
		m.teller.Expect(s.link, n.Health == slots.Online)
		m.spawn(s.run)
		return
	}
	if s.local != local {
		s.local = local
		m.teller.SetLocal(s.link, local)
		s.poke()
	}
	if s.addr != n.Addr || s.failed && n.Health == slots.Online {
		s.redial()
		m.teller.Expect(s.link, true)
	}
	s.addr, s.failed = n.Addr, n.Health == slots.Failed
}

// shardOf names the shard of a node by its master.
func shardOf(n *slots.Node) slots.NodeID {
	if n.IsMaster() {
		return n.ID
	}
	return n.Master
}

// Stats returns the counters.
func (m *Messenger) Stats() Stats {
	st := Stats{
		Receivers:     len(*m.receivers.Load()),
		Sent:          m.counts.sent.Load(),
		SentShard:     m.counts.sentShard.Load(),
		Received:      m.counts.received.Load(),
		ReceivedShard: m.counts.receivedShard.Load(),
		Dropped:       m.counts.dropped.Load(),
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sources {
		if s.out != nil {
			st.Sources++
		}
	}
	return st
}
