package replicator

import (
	"sync/atomic"
	"time"
)

// freshness bounds how far a replica is behind its master. An ack carries a stamp: the
// time by the replica's own clock. The master sends the stamp back after all that it had
// written when the stamp arrived. So when a stamp comes back, the replica has everything
// that its master had at that time. Neither the master's clock nor the delay of the
// network matters: data that spent an hour in a stalled connection are an hour old when
// they arrive.
type freshness struct {
	begin  time.Time     // stamps are nanoseconds since then, so that a step of the wall clock changes nothing
	asked  atomic.Int64  // the last stamp that was sent, 0 if none
	proven atomic.Int64  // the last one that came back
	wanted atomic.Bool   // a caller asked for a stamp sooner than acks bring one
	wake   chan struct{} // receives a value when wanted is set
}

func newFreshness() *freshness {
	return &freshness{begin: time.Now(), wake: make(chan struct{}, 1)}
}

func (f *freshness) now() int64 { return int64(time.Since(f.begin)) + 1 }

// stamp returns the stamp of the next ack, 0 for none. A stamp costs the master a
// message, so there is one each 100 ms at most, unless a caller waits for it.
func (f *freshness) stamp() uint64 {
	now, last := f.now(), f.asked.Load()
	if wanted := f.wanted.Swap(false); !wanted && last != 0 && now-last < int64(ackEvery) {
		return 0
	}
	f.asked.Store(now)
	return uint64(now)
}

// back notes that a stamp has come back.
func (f *freshness) back(stamp uint64) {
	if s := int64(stamp); s > f.proven.Load() && s <= f.asked.Load() {
		f.proven.Store(s)
	}
}

// fresherThan reports whether the replica has everything that its master had bound ago.
// If the latest stamp is older than half of bound, it asks the master for a new one; one
// such question is on its way at a time.
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
// while writes come in; for a smaller bound the first call returns false, and a call one
// round trip later true. On a master it returns false.
func (r *Replicator) FresherThan(bound time.Duration) bool {
	f := r.fresh.Load()
	return f != nil && f.fresherThan(bound)
}
