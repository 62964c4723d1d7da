package slotmesh

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
)

// links holds one connection to each node that is called, made when it is first needed
// and kept open.
type links[C link] struct {
	life    context.Context // ends when all is over
	connect func(ctx context.Context, to linkKey) (C, error)

	mu     sync.Mutex // guards the fields below; not held across I/O
	open   map[linkKey]*linkState[C]
	closed bool
	wg     sync.WaitGroup // connecting
}

// link is an open connection.
type link interface {
	Close()
	Broken() <-chan struct{}
}

// linkKey says what a connection is for.
type linkKey struct {
	endpoint
	readOnly     bool          // READONLY has been said on it
	maxStaleness time.Duration // it is good for that only while the node is so little behind; 0: no matter
	sync         bool          // writes on it wait for replicas, and hold up what comes after them
}

// linkState is a connection, or the attempt to make it.
type linkState[C link] struct {
	ready chan struct{} // closed when conn or err is set
	conn  C
	err   error
}

// dialTimeout bounds the making of a connection, whatever waits for it.
const dialTimeout = 5 * time.Second

func newLinks[C link](life context.Context, connect func(context.Context, linkKey) (C, error)) *links[C] {
	return &links[C]{life: life, connect: connect, open: make(map[linkKey]*linkState[C])}
}

// get returns the connection to a node. Its error matches peer.ErrNotSent.
func (l *links[C]) get(ctx context.Context, to linkKey) (conn C, err error) {
	s, err := l.state(to)
	if err != nil {
		return conn, err
	}
	select {
	case <-s.ready:
	case <-ctx.Done():
		return conn, fmt.Errorf("%w: %w", peer.ErrNotSent, ctx.Err())
	}
	if s.err != nil {
		return conn, fmt.Errorf("%w: %w", peer.ErrNotSent, s.err)
	}
	return s.conn, nil
}

// state returns the connection to a node, begun if there is none.
func (l *links[C]) state(to linkKey) (*linkState[C], error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fmt.Errorf("%w: %w", peer.ErrNotSent, ErrClosed)
	}
	if s := l.open[to]; s != nil && !s.broken() {
		return s, nil
	}
	for at, s := range l.open { // others that have ended in the meantime
		if s.broken() {
			delete(l.open, at)
		}
	}
	s := &linkState[C]{ready: make(chan struct{})}
	l.open[to] = s
	l.wg.Go(func() {
		ctx, cancel := context.WithTimeout(l.life, dialTimeout)
		defer cancel()
		if s.conn, s.err = l.connect(ctx, to); s.err != nil {
			s.err = fmt.Errorf("slotmesh: connecting to %s: %w", to.addr, s.err)
		}
		close(s.ready)
	})
	return s, nil
}

// broken reports whether the connection is of no more use.
func (s *linkState[C]) broken() bool {
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

// close ends all connections, and the calls on them; life has ended.
func (l *links[C]) close() {
	l.mu.Lock()
	l.closed = true
	open := l.open
	l.open = nil
	l.mu.Unlock()
	l.wg.Wait()
	for _, s := range open {
		if s.err == nil {
			s.conn.Close()
		}
	}
}

// guarded makes ctx's end end the I/O of fn on conn, which is then closed, as it is when
// fn fails.
func guarded(ctx context.Context, conn net.Conn, fn func() error) error {
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
