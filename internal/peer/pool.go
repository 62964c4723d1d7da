package peer

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Pool holds one connection to each node that is called, made when it is first needed and
// kept open. It is safe for concurrent use.
type Pool[C Link] struct {
	life    context.Context // of all connections
	connect func(ctx context.Context, to Target) (C, error)

	mu      sync.Mutex // guards the fields below; not held across I/O
	open    map[Target]*attempt[C]
	retired map[*attempt[C]]struct{} // replaced by Renew, and perhaps still open
	closed  bool
	wg      sync.WaitGroup // connecting
}

// Link is an open connection: a [Conn] or a [Pipe].
type Link interface {
	Close()
	Broken() <-chan struct{}
}

// Target says which node a connection leads to, and what for. There is one connection for
// each value.
type Target struct {
	ID   slots.NodeID // zero if only the address is known
	Addr slots.Addr
	// ReadOnly says that READONLY has been sent on the connection.
	ReadOnly bool
	// MaxStaleness bounds how far behind its master the node may be when it answers reads on
	// this connection; 0 is no bound.
	MaxStaleness time.Duration
	// Sync says that writes on the connection wait for replicas, and hold up what follows.
	Sync bool
}

// attempt is a connection, or the attempt to make it.
type attempt[C Link] struct {
	ready chan struct{} // closed when conn or err is set
	conn  C
	err   error
}

// DialTimeout bounds how long a connection may take to open, its handshake included.
const DialTimeout = 5 * time.Second

// NewPool makes an empty Pool. connect opens a connection, and must return when its context
// ends: after DialTimeout, or with life.
func NewPool[C Link](life context.Context, connect func(context.Context, Target) (C, error)) *Pool[C] {
	return &Pool[C]{life: life, connect: connect, open: make(map[Target]*attempt[C]),
		retired: make(map[*attempt[C]]struct{})}
}

// Get returns the connection to a node, which it opens if there is none. Its error matches
// ErrNotSent.
func (p *Pool[C]) Get(ctx context.Context, to Target) (conn C, err error) {
	s, err := p.state(to)
	if err != nil {
		return conn, err
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		return conn, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
	}
	if s.err != nil {
		return conn, fmt.Errorf("%w: %w", ErrNotSent, s.err)
	}
	return s.conn, nil
}

// state returns the connection to a node, begun if there is none.
func (p *Pool[C]) state(to Target) (*attempt[C], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	if s := p.open[to]; s != nil && !s.broken() {
		return s, nil
	}
	for at, s := range p.open { // others that have ended in the meantime
		if s.broken() {
			delete(p.open, at)
		}
	}
	s := &attempt[C]{ready: make(chan struct{})}
	p.open[to] = s
	p.wg.Go(func() {
		ctx, cancel := context.WithTimeout(p.life, DialTimeout)
		defer cancel()
		if s.conn, s.err = p.connect(ctx, to); s.err != nil {
			s.err = fmt.Errorf("slotmesh: connecting to %s: %w", to.Addr, s.err)
		}
		close(s.ready)
	})
	return s, nil
}

// broken reports whether the connection is of no more use.
func (s *attempt[C]) broken() bool {
	select {
	case <-s.ready:
	default:
		return false
	}
	if s.err != nil {
		return true
	}
	select {
	case <-s.conn.Broken():
		return true
	default:
		return false
	}
}

// Renew makes every connection be opened anew when it is next needed. retire is called
// with each of those that are open now; it should end them when their calls have ended.
func (p *Pool[C]) Renew(retire func(C)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for s := range p.retired {
		if s.broken() {
			delete(p.retired, s)
		}
	}
	for to, s := range p.open {
		delete(p.open, to)
		p.retired[s] = struct{}{}
		p.wg.Go(func() {
			<-s.ready
			if s.err == nil {
				retire(s.conn)
			}
		})
	}
}

// Close ends all connections, and the calls on them, once life has ended. Get then fails
// with ErrClosed.
func (p *Pool[C]) Close() {
	p.mu.Lock()
	p.closed = true
	all := slices.Collect(maps.Keys(p.retired))
	all = slices.AppendSeq(all, maps.Values(p.open))
	p.open = nil
	p.mu.Unlock()
	p.wg.Wait()
	for _, s := range all {
		if s.err == nil {
			s.conn.Close()
		}
	}
}

// Handshake runs fn, which exchanges the first bytes on conn. If ctx ends meanwhile or fn
// fails, conn is closed.
func Handshake(ctx context.Context, conn net.Conn, fn func() error) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err := fn()
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
	}
	return err
}
