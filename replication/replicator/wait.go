package replicator

import (
	"context"
	"math"
	"net"
	"time"
)

// eager is how long after a wait replicas are still asked to acknowledge each message.
const eager = time.Second

// waiting is a waiter with the channel that wakes its goroutine.
type waiting struct {
	waiter
	ch chan struct{}
}

// newWaiting returns one from the pool, which is the Replicator's own: under
// testing/synctest a channel must not leave its bubble.
func (r *Replicator) newWaiting() *waiting {
	if w, ok := r.waitings.Get().(*waiting); ok {
		return w
	}
	w := &waiting{ch: make(chan struct{}, 1)}
	w.wake = func() { w.ch <- struct{}{} }
	return w
}

// Mark is a place in the stream that this node writes, or wrote, in one of its terms as a
// master.
type Mark struct {
	Term   uint64
	Offset int64
}

// endOfTerm is the Offset of a Mark that covers all that was written in its term. The
// real offset is lost: a full sync may have moved it back.
const endOfTerm = math.MaxInt64

// Mark returns a place that covers the writes that this node has carried out since Term
// returned term. Term must be read before the write: between the write and Mark the node
// may have become a replica, and then the offset is another stream's.
func (r *Replicator) Mark(term uint64) Mark {
	m := Mark{Term: term | 1, Offset: r.cfg.Log.Offset()} // a replica's writes come after its promotion
	if r.term.Load() > m.Term {
		m.Offset = endOfTerm
	}
	return m
}

// WaitAcked waits until k replicas hold the stream up to a Mark that was made after a
// write: then the write survives the loss of this node if one of them is promoted. It
// returns how many replicas hold it when it returns. The error, an *AmbiguousError,
// matches ErrAmbiguous and either ctx.Err() or ErrDemoted: the write has been carried out
// here, but may or may not survive a failover. There is no error if k replicas held the
// write when this node became a replica, as in a manual failover. A node that has become
// a master again cannot confirm writes of an earlier term: its stream may have gone on
// without them.
//
// WAIT (docs/spec.md §9.3) is this with a time-out and without the error.
func (r *Replicator) WaitAcked(ctx context.Context, to Mark, k int) (int, error) {
	return r.wait(ctx, &r.held, to, k)
}

// WaitDurable is WaitAcked for replicas that have the stream in their logs on disk. A
// replica without a log has none of it.
func (r *Replicator) WaitDurable(ctx context.Context, to Mark, k int) (int, error) {
	return r.wait(ctx, &r.durable, to, k)
}

func (r *Replicator) wait(ctx context.Context, c *copies, to Mark, k int) (int, error) {
	w := r.newWaiting()
	defer r.waitings.Put(w)
	w.offset, w.want, w.err = to.Offset, k, nil
	r.mu.Lock()
	err := r.mayWaitLocked(to.Term)
	registered := err == nil && c.acks.wait(&w.waiter)
	n := r.countLocked(c, to)
	r.mu.Unlock()
	if err == ErrDemoted && n >= k {
		return n, nil
	}
	if err != nil {
		return n, &AmbiguousError{Mark: to, Want: k, Got: n, Cause: err}
	}
	if !registered {
		return n, nil
	}
	r.askForAcks()
	select {
	case <-w.ch:
		err = w.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	r.mu.Lock()
	if err != nil && w.err == nil {
		c.acks.leave(&w.waiter)
	}
	n = r.countLocked(c, to)
	r.mu.Unlock()
	select {
	case <-w.ch: // woken while it gave up
		if w.err == nil {
			err = nil
		}
	default:
	}
	if err != nil {
		return n, &AmbiguousError{Mark: to, Want: k, Got: n, Cause: err}
	}
	return max(n, k), nil
}

// countLocked returns how many replicas hold the stream up to a Mark. On a node that was
// a master until the last Follow, it is how many held it then: if they were enough, the
// wait might as well have ended before.
func (r *Replicator) countLocked(c *copies, to Mark) int {
	switch r.term.Load() {
	case to.Term:
		return c.acks.count(to.Offset)
	case to.Term + 1:
		return c.sealed.count(to.Offset)
	}
	return 0
}

// goneLocked forgets what the replica on a link that has ended holds.
func (r *Replicator) goneLocked(link uint64) {
	r.held.acks.gone(link)
	r.durable.acks.gone(link)
}

// mayWaitLocked returns an error if replicas will acknowledge nothing more of a term.
func (r *Replicator) mayWaitLocked(term uint64) error {
	switch {
	case r.closed:
		return net.ErrClosed
	case r.term.Load() != term:
		return ErrDemoted
	}
	return nil
}

// askForAcks makes replicas acknowledge without delay, now and for a while: one wait is
// usually followed by others, and those are then asked for together with the data.
func (r *Replicator) askForAcks() {
	now := r.clock()
	was := r.askedAcks.Load()
	if was > now+int64(eager/2) {
		return
	}
	r.askedAcks.Store(now + int64(eager))
	if was > now {
		return
	}
	for _, p := range *r.replicas.Load() {
		select {
		case p.poke <- struct{}{}:
		default:
		}
	}
}

// GoodReplicas returns how many replicas are online and have acknowledged within maxLag:
// what min-replicas-to-write asks for (docs/spec.md §9.3). It takes no lock.
func (r *Replicator) GoodReplicas(maxLag time.Duration) int {
	n, since := 0, r.clock()-int64(maxLag)
	for _, p := range *r.replicas.Load() {
		if p.online.Load() && p.heard.Load() >= since {
			n++
		}
	}
	return n
}
