package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// maxCalls bounds the calls under way on a connection; more of them wait.
const maxCalls = 4096

// Conn is the calling end of a connection. It is safe for concurrent use.
type Conn struct {
	conn   net.Conn
	quiet  time.Duration
	tokens chan struct{} // one for each call under way
	wake   chan struct{} // something to write
	closed chan struct{}
	idle   sync.Pool // of *waiter
	wg     sync.WaitGroup

	mu    sync.Mutex // guards the fields below; not held across I/O
	calls map[uint64]*waiter
	last  uint64        // id
	taken uint64        // the last id that may have left
	out   []byte        // to be written
	spare []byte        // the buffer last written, for reuse
	room  chan struct{} // closed when out has been taken; nil if no call waits for it
	heard bool          // since the last look of watch
	asked bool          // a ping is under way
	watch *time.Timer   // runs while there are calls
	err   error

	retired bool // ends when there are no calls
}

// waiter is a call under way.
type waiter struct {
	done  chan struct{} // holds one token when the answer is there
	reply []byte
	err   error
}

// NewConn makes the calling end of an open connection, which it closes. If there are calls
// and nothing is heard for quiet, a ping included, it ends.
func NewConn(conn net.Conn, quiet time.Duration) *Conn {
	c := &Conn{
		conn: conn, quiet: quiet,
		tokens: make(chan struct{}, maxCalls), wake: make(chan struct{}, 1), closed: make(chan struct{}),
		calls: make(map[uint64]*waiter),
	}
	c.idle.New = func() any { return &waiter{done: make(chan struct{}, 1)} }
	c.wg.Go(c.read)
	c.wg.Go(c.write)
	return c
}

// Call sends a request and waits for its answer. The reply is the caller's. The error is
// what the other end answered (*Failure, *slots.MovedError, *slots.AskError), or matches
// ErrNotSent or ErrLost; if ctx ended it also matches ctx.Err().
func (c *Conn) Call(ctx context.Context, r *Request) ([]byte, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-c.tokens }()
	w := c.idle.Get().(*waiter)
	id, err := c.send(ctx, r, w)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if c.abandon(id) {
			return nil, fmt.Errorf("%w: %w", ErrLost, ctx.Err())
		}
		<-w.done // the answer came at the same moment
	}
	reply, err := w.reply, w.err
	w.reply, w.err = nil, nil
	c.idle.Put(w)
	return reply, err
}

// enter waits for a place among the calls.
func (c *Conn) enter(ctx context.Context) error {
	select {
	case c.tokens <- struct{}{}:
		return nil
	default:
	}
	select {
	case c.tokens <- struct{}{}:
		return nil
	case <-c.closed:
		return c.notSent()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
	}
}

// send queues the request.
func (c *Conn) send(ctx context.Context, r *Request, w *waiter) (id uint64, err error) {
	left := uint64(0)
	if at, ok := ctx.Deadline(); ok {
		left = uint64(max(1, time.Until(at).Milliseconds()))
	}
	c.mu.Lock()
	for len(c.out) > maxPending && c.err == nil {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
		case <-c.closed:
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
		}
		c.mu.Lock()
	}
	if c.err != nil {
		c.mu.Unlock()
		return 0, c.notSent()
	}
	c.last++
	id = c.last
	c.calls[id] = w
	c.out = appendRequest(c.out, &call{Request: *r, id: id, left: left})
	if len(c.calls) == 1 {
		c.startWatchLocked()
	}
	c.mu.Unlock()
	c.signal()
	return id, nil
}

func (c *Conn) notSent() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Errorf("%w: %w", ErrNotSent, c.err)
}

func (c *Conn) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// abandon gives a call up and tells the other end; false if its answer is there.
func (c *Conn) abandon(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, waiting := c.calls[id]; !waiting {
		return false
	}
	delete(c.calls, id)
	if c.err == nil {
		c.out = appendCancel(c.out, id)
		c.signal()
		c.retireLocked()
	}
	return true
}

func (c *Conn) write() {
	for {
		select {
		case <-c.wake:
		case <-c.closed:
			return
		}
		c.mu.Lock()
		b := c.out
		c.out, c.spare = c.spare[:0], nil
		c.taken = c.last
		if c.room != nil {
			close(c.room)
			c.room = nil
		}
		c.mu.Unlock()
		if len(b) == 0 {
			continue
		}
		if _, err := c.conn.Write(b); err != nil {
			c.fail(err)
			return
		}
		if cap(b) <= keepBuffer {
			c.mu.Lock()
			c.spare = b[:0]
			c.mu.Unlock()
		}
	}
}

func (c *Conn) read() {
	frames := frame.NewReader(c.conn, MaxMessage)
	frames.Bound(c.conn, frame.ProgressTimeout)
	for {
		payload, err := frames.Next()
		if err == nil {
			err = c.receive(payload)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// receive takes in one message.
func (c *Conn) receive(payload []byte) error {
	msg := newReader(payload)
	k, n := head(&msg)
	if k == kindPong || msg.Err() != nil {
		c.mu.Lock()
		c.heard = true
		c.mu.Unlock()
		return msg.Err()
	}
	a, err := decodeAnswer(&msg, k, n)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.heard = true
	w := c.calls[a.id]
	delete(c.calls, a.id)
	c.retireLocked()
	c.mu.Unlock()
	if w == nil {
		return nil // given up
	}
	if a.kind == kindReply {
		w.reply = append(make([]byte, 0, len(a.reply)), a.reply...)
	} else {
		w.err = a.err()
	}
	w.done <- struct{}{}
	return nil
}

var errQuiet = errors.New("the other node is silent")

func (c *Conn) startWatchLocked() {
	c.heard, c.asked = true, false
	if c.watch == nil {
		c.watch = time.AfterFunc(c.quiet/2, c.watchdog)
	} else {
		c.watch.Reset(c.quiet / 2)
	}
}

// watchdog runs every half of quiet while there are calls.
func (c *Conn) watchdog() {
	c.mu.Lock()
	silent := false
	switch {
	case len(c.calls) == 0 || c.err != nil:
	case c.heard:
		c.heard, c.asked = false, false
		c.watch.Reset(c.quiet / 2)
	case !c.asked:
		c.asked = true
		c.out = appendSignal(c.out, kindPing)
		c.signal()
		c.watch.Reset(c.quiet / 2)
	default:
		silent = true
	}
	c.mu.Unlock()
	if silent {
		c.fail(errQuiet)
	}
}

// fail ends the connection and all its calls.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if !first {
		c.mu.Unlock()
		return
	}
	c.err = err
	calls, taken := c.calls, c.taken
	c.calls = make(map[uint64]*waiter)
	if c.watch != nil {
		c.watch.Stop()
	}
	c.mu.Unlock()
	close(c.closed)
	c.conn.Close()
	for id, w := range calls {
		if w.err = fmt.Errorf("%w: %w", ErrLost, err); id > taken {
			w.err = fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		w.done <- struct{}{}
	}
}

// Retire ends the connection when the calls under way have ended. A later call may fail,
// with ErrNotSent.
func (c *Conn) Retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
	c.retireLocked()
}

// retireLocked ends a retired connection that has no calls.
func (c *Conn) retireLocked() {
	if c.retired && len(c.calls) == 0 && c.err == nil {
		c.wg.Go(func() { c.fail(errRetired) })
	}
}

var errRetired = errors.New("the connection was replaced by a new one")

// Broken is closed when the connection has ended.
func (c *Conn) Broken() <-chan struct{} { return c.closed }

// Close ends the connection, and the calls under way with ErrNotSent or ErrLost.
func (c *Conn) Close() {
	c.fail(net.ErrClosed)
	c.wg.Wait()
}
