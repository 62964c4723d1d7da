package peer

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// fakeLink is a connection without a network.
type fakeLink struct {
	to     Target
	broken chan struct{}
	closed atomic.Bool
}

func (l *fakeLink) Close()                  { l.closed.Store(true) }
func (l *fakeLink) Broken() <-chan struct{} { return l.broken }

// newFakePool returns a pool whose connections take a second to open, and count themselves
// in dials; fail, if it returns an error, keeps one from opening.
func newFakePool(life context.Context, dials *atomic.Int32, fail func(Target) error) *Pool[*fakeLink] {
	return NewPool(life, func(ctx context.Context, to Target) (*fakeLink, error) {
		dials.Add(1)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := fail(to); err != nil {
			return nil, err
		}
		return &fakeLink{to: to, broken: make(chan struct{})}, nil
	})
}

func noFailure(Target) error { return nil }

// TestPoolSharesConnections: callers of one target share a connection, each other target
// has its own, and a broken one is replaced.
func TestPoolSharesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		var dials atomic.Int32
		pool := newFakePool(life, &dials, noFailure)
		node := Target{Addr: slots.Addr{Host: "10.0.0.1", Port: 7000}}
		got := make(chan *fakeLink)
		for range 10 {
			go func() {
				link, err := pool.Get(t.Context(), node)
				if err != nil {
					t.Error(err)
				}
				got <- link
			}()
		}
		first := <-got
		for range 9 {
			if link := <-got; link != first {
				t.Error("two callers have different connections")
			}
		}
		reads := node
		reads.ReadOnly = true
		if link, err := pool.Get(t.Context(), reads); err != nil || link == first || link.to != reads {
			t.Errorf("for reads of a replica: %+v, %v", link, err)
		}
		close(first.broken)
		second, err := pool.Get(t.Context(), node)
		if err != nil || second == first {
			t.Errorf("after the connection broke: %v, %v", second, err)
		}
		if n := dials.Load(); n != 3 {
			t.Errorf("%d connections were opened, want 3", n)
		}
		end()
		pool.Close()
		if first.closed.Load() || !second.closed.Load() {
			t.Error("Close must close the connection that is open, and no other")
		}
		if _, err := pool.Get(t.Context(), node); !errors.Is(err, ErrNotSent) || !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestPoolFailures: whatever keeps a connection from opening, nothing has been sent, and
// the next call tries anew.
func TestPoolFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		var dials atomic.Int32
		var refuse atomic.Bool
		refuse.Store(true)
		pool := newFakePool(life, &dials, func(Target) error {
			if refuse.Load() {
				return io.ErrClosedPipe
			}
			return nil
		})
		defer pool.Close()
		defer end()
		if _, err := pool.Get(t.Context(), Target{}); !errors.Is(err, ErrNotSent) || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("refused: %v", err)
		}
		refuse.Store(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := pool.Get(ctx, Target{}); !errors.Is(err, ErrNotSent) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up by the caller: %v", err)
		}
		began := time.Now()
		if _, err := pool.Get(t.Context(), Target{}); err != nil || time.Since(began) >= time.Second {
			t.Errorf("the attempt did not go on: %v after %v", err, time.Since(began))
		}
		if n := dials.Load(); n != 2 {
			t.Errorf("%d attempts, want 2", n)
		}
	})
}

// TestHandshakeEndsWithContext: a silent node does not hold a handshake up.
func TestHandshakeEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := Handshake(ctx, near, func() error {
			_, err := near.Read(make([]byte, 1))
			return err
		})
		if err == nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := near.Write(nil); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the connection is still open: %v", err)
		}
	})
}
