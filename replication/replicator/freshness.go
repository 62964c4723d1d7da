package replicator

import (
	"sync/atomic"
	"time"
)

// freshness is how a replica knows how far it is behind its master at most: an ack
// carries the time by the replica's own clock, and the master sends it back behind
// everything it had written when it got it. What has come back is here, and was all there
// was at that time. Neither the other's clock nor the way's length matters: news that
// spent an hour in a stalled connection are an hour old when they come.
type freshness struct {
	begin  time.Time     // stamps are nanoseconds since then, so that a step of the wall clock changes nothing
	asked  atomic.Int64  // the last stamp that was sent, 0 if none
	proven atomic.Int64  // the last one that came back
	wanted atomic.Bool   // somebody would like to know sooner than acks tell
	wake   chan struct{} // receives a value when wanted is set
}

func newFreshness() *freshness {
	return &freshness{begin: time.Now(), wake: make(chan struct{}, 1)}
}

func (f *freshness) now() int64 { return int64(time.Since(f.begin)) + 1 }

// stamp returns what the next ack is to carry, 0 for nothing: a stamp costs the master a
// message, so there is one each 100 ms at most, unless somebody waits for it.
func (f *freshness) stamp() uint64 {
	now, last := f.now(), f.asked.Load()
	if wanted := f.wanted.Swap(false); !wanted && last != 0 && now-last < int64(ackEvery) {
		return 0
	}
	f.asked.Store(now)
	return uint64(now)
}

// back notes a stamp that has come back.
func (f *freshness) back(stamp uint64) {
	if s := int64(stamp); s > f.proven.Load() && s <= f.asked.Load() {
		f.proven.Store(s)
	}
}

// fresherThan reports whether nothing is missing that is older than bound. If that is so
// for not much longer, or not at all, the master is asked anew, one question at a time.
func (f *freshness) fresherThan(bound time.Duration) bool {
	now, proven := f.now(), f.proven.Load()
	age := now - proven
	if asked := f.asked.Load(); age > int64(bound)/2 && (asked == proven || now-asked > int64(ackEvery)) &&
		!f.wanted.Swap(true) {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
	return proven != 0 && age <= int64(bound)
}

// FresherThan reports whether this node is a replica that has everything its master had
// bound ago. A replica in step knows to about a second when nothing happens, to 100 ms
// while writes come in; who asks for less gets false at first, and true a round trip
// later. False on a master.
func (r *Replicator) FresherThan(bound time.Duration) bool {
	f := r.fresh.Load()
	return f != nil && f.fresherThan(bound)
}
