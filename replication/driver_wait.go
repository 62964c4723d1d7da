package replication

import (
	"context"
	"net"
	"time"
)

// eager is for how long after a wait replicas are asked to acknowledge each message.
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

// WaitAcked waits until k replicas hold the stream up to offset, usually Offset() after
// a write: then the write survives the loss of this node if one of them is promoted. It
// returns how many replicas hold it when it returns. The error, an *UnknownFateError,
// matches ErrUnknownFate and either ctx.Err() or ErrDemoted: the write has been
// carried out here, but may or may not survive a failover. It is none if k replicas held the
// write when this node became a replica, as in a manual failover.
//
// WAIT (SPEC §9.3) is this with a time-out and without the error.
func (r *Replicator) WaitAcked(ctx context.Context, offset int64, k int) (int, error) {
	w := r.newWaiting()
	defer r.waitings.Put(w)
	w.offset, w.want, w.err = offset, k, nil
	r.mu.Lock()
	err := r.mayWaitLocked()
	registered := err == nil && r.acks.wait(&w.waiter)
	n := r.countLocked(offset)
	r.mu.Unlock()
	if err == ErrDemoted && n >= k {
		return n, nil
	}
	if err != nil {
		return n, &UnknownFateError{Offset: offset, Want: k, Got: n, Cause: err}
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
		r.acks.leave(&w.waiter)
	}
	n = r.countLocked(offset)
	r.mu.Unlock()
	select {
	case <-w.ch: // woken while it gave up
		if w.err == nil {
			err = nil
		}
	default:
	}
	if err != nil {
		return n, &UnknownFateError{Offset: offset, Want: k, Got: n, Cause: err}
	}
	return max(n, k), nil
}

// countLocked returns how many replicas hold the stream up to offset. On a node that was a master until
// lately, that is how many did then: enough of them is as good as an answer before.
func (r *Replicator) countLocked(offset int64) int {
	if r.pull != nil {
		return r.sealed.count(offset)
	}
	return r.acks.count(offset)
}

func (r *Replicator) mayWaitLocked() error {
	switch {
	case r.closed:
		return net.ErrClosed
	case r.pull != nil:
		return ErrDemoted
	}
	return nil
}

// askForAcks makes replicas acknowledge without delay, now and for a while: who waits
// once will wait again, and then the question travels with the data.
func (r *Replicator) askForAcks() {
	now := time.Now().UnixNano()
	was := r.askedAcks.Load()
	if was > now+int64(eager/2) {
		return
	}
	r.askedAcks.Store(now + int64(eager))
	if was > now {
		return
	}
	for _, p := range *r.feeds.Load() {
		select {
		case p.poke <- struct{}{}:
		default:
		}
	}
}

// GoodReplicas returns how many replicas are online and have acknowledged within
// maxLag: what min-replicas-to-write asks for (SPEC §9.3). It takes no lock.
func (r *Replicator) GoodReplicas(maxLag time.Duration) int {
	n, since := 0, time.Now().Add(-maxLag).UnixNano()
	for _, p := range *r.feeds.Load() {
		if p.online.Load() && p.heard.Load() >= since {
			n++
		}
	}
	return n
}
