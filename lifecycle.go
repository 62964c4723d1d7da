package slotmesh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/internal/guard"
)

// lifecycle is the start and the end of a node. What holds of it:
//
//   - The node is started at most once, and not after its end has begun.
//   - It is torn down at most once, on one goroutine: that of the first Close, or that of
//     Start if Start failed before any Close. The teardown of a node begins only when a
//     Start under way has returned; Close ends the context of that Start.
//   - ctx ends when the teardown begins, and not before: while a closing master hands
//     over to a replica, the node works as ever.
//   - wait, in the middle of the teardown, waits for what spawn and trySpawn run. The parts
//     of the node call spawn, and each of them has ended before wait, or is itself waited
//     for; the host reaches trySpawn (Node.Go), which refuses once the end has begun. So
//     nothing is added to a group that is being waited for.
//   - closed is closed last, when nothing of the node runs any more. Every Close waits for
//     it, whichever of them tears down.
type lifecycle struct {
	ctx   context.Context
	end   context.CancelFunc // ends ctx
	runID string             // differs from start to start

	mu       sync.Mutex // guards the fields below
	started  bool
	endStart context.CancelFunc // ends the context of Start
	closing  bool

	begun   chan struct{} // closed when Start has done what it does
	closed  chan struct{}
	err     error // of the teardown; set before closed is closed
	failure atomic.Pointer[PanicError]
	leaving atomic.Bool // by Node.Leave
	unlock  func()      // gives back Config.Disk; Start sets it, the teardown calls it last
	group   sync.WaitGroup
}

func newLifecycle() *lifecycle {
	l := &lifecycle{runID: rand.Text(), begun: make(chan struct{}), closed: make(chan struct{})}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// start runs run, once, and tears down if that fails.
func (l *lifecycle) start(ctx context.Context, run func(context.Context) error, teardown func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := l.begin(ctx, cancel); err != nil {
		return err
	}
	err := run(ctx)
	l.mu.Lock()
	closing := l.closing // then it is Close that tears down
	l.closing = closing || err != nil
	l.mu.Unlock()
	close(l.begun)
	switch {
	case closing:
		return ErrClosed
	case err != nil:
		l.finish(teardown)
	}
	return err
}

// begin makes sure that the node is started once.
func (l *lifecycle) begin(ctx context.Context, cancel context.CancelFunc) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.closing {
		return errors.New("slotmesh: a node can be started only once; make a new one with New")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.started, l.endStart = true, cancel
	return nil
}

// close tears down, unless another one does, and returns when that is done. A node that was
// started hands over first.
func (l *lifecycle) close(handOver func(), teardown func() error) error {
	l.mu.Lock()
	first, started := !l.closing, l.started
	l.closing = true
	if first && started {
		l.endStart()
	}
	l.mu.Unlock()
	if first {
		if started {
			<-l.begun
			handOver()
		}
		l.finish(teardown)
	}
	<-l.closed
	return l.err
}

func (l *lifecycle) finish(teardown func() error) {
	l.end()
	l.err = teardown()
	close(l.closed)
}

// spawn runs fn on a goroutine that wait waits for.
func (l *lifecycle) spawn(fn func()) { l.group.Go(fn) }

// trySpawn is spawn for callers that may come at any time. It reports false, and runs
// nothing, once the end has begun.
func (l *lifecycle) trySpawn(fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.spawn(fn)
	return true
}

// wait returns when what was spawned has ended. Only the teardown calls it.
func (l *lifecycle) wait() { l.group.Wait() }

// hasStarted reports whether Start is through: what it sets may be read.
func (l *lifecycle) hasStarted() bool {
	select {
	case <-l.begun:
		return true
	default:
		return false
	}
}

// over reports whether the teardown has begun.
func (l *lifecycle) over() bool { return l.ctx.Err() != nil }

// beforeStart runs fn, which registers something by the method of the given name, unless
// the node has been started. Start waits for fn.
func (l *lifecycle) beforeStart(method string, fn func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		return fmt.Errorf("slotmesh: %s must be called before Start", method)
	}
	return fn()
}

// Start opens the client port and the bus, loads what an earlier start saved, and
// returns once the node listens; it then runs until Close. ctx bounds the start
// only. A node can be started once. Close makes a Start that is under way return
// ErrClosed.
func (n *Node) Start(ctx context.Context) error { return n.life.start(ctx, n.start, n.teardown) }

// Close ends the node: no new clients, no new peers, everything it started is gone when
// it returns. Calls under way and later ones return ErrClosed. What it had saved stays.
// Closing again does nothing. The error says that the last snapshot could not be saved:
// what was written since the one before is lost.
//
// A master with a replica in step lets that take over first, so that clients wait for
// milliseconds and not for the node timeout; it gives up after 600 ms.
func (n *Node) Close() error { return n.life.close(n.handOver, n.teardown) }

// Done is closed when the node is closed, by Close, by a client's SHUTDOWN, or because of
// a bug: see Err.
func (n *Node) Done() <-chan struct{} { return n.life.closed }

// Go runs fn on a goroutine that belongs to the node: Close ends ctx and waits for fn to
// return. It reports false, and does not run fn, if the node is closed.
func (n *Node) Go(fn func(ctx context.Context)) bool {
	return n.life.trySpawn(func() { fn(n.life.ctx) })
}

// PanicError is the panic that ended a node: a bug of this module, of a logger, or of
// the Network or Disk that the host brought. Please report it with its Stack.
type PanicError = guard.Panic

// Err returns why the node ended, or is ending, by itself: a *[PanicError]. It is nil
// while the node works, and after Close and SHUTDOWN.
func (n *Node) Err() error {
	if p := n.life.failure.Load(); p != nil {
		return p
	}
	return nil
}

// fail ends the node after a panic on one of its goroutines. Half a node, one that serves
// clients and is deaf on the bus, would be worse than none, and to end the host program
// is not this module's to decide. The keys are saved as on Close; of the cluster's state
// all that was promised to others is on the disk already.
func (n *Node) fail(err error) {
	p, ok := err.(*PanicError)
	if !ok {
		p = &PanicError{Where: "the node", Value: err}
	}
	if !n.life.failure.CompareAndSwap(nil, p) {
		return
	}
	n.log.Error("a bug ends this node, and nothing else of the program; please report it", "where", p.Where, "panic",
		p.Value, "stack", p.Stack)
	go n.Close() // it waits for the goroutine that panicked
}
