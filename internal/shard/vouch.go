package shard

import (
	"context"
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// errLeft is why a write is not acknowledged although this node's replicas have it all:
// they have its deletion, too.
var errLeft = errors.New("the key has moved to another node, fewer of whose replicas had it")

// Writes is what replicas are asked about.
type Writes struct {
	Slots    slots.Set // that were written to
	Departed uint64    // Acks.Departed before that
	// Earlier is how many replicas were confirmed to hold earlier writes of the same
	// writer; math.MaxInt: there are none.
	Earlier int
}

// Vouch waits until k replicas hold what was written up to a Mark, and promises that. It
// returns how many do, which is promised up to k; err is that of WaitAcked if they are
// fewer.
func (a *Acks) Vouch(ctx context.Context, w *Writes, to replicator.Mark, k int) (int, error) {
	held, err := a.repl().WaitAcked(ctx, to, k)
	promised := min(held, k)
	if promised <= 0 {
		return held, err
	}
	set, since := &w.Slots, w.Departed
	if promised > w.Earlier { // which are confirmed along with the others
		all := a.Served()
		set, since = &all, 0
	}
	end, raised := a.promises.Raise(set, promised)
	switch {
	case raised != nil: // this node is no master any more; its successor does not know
		held = 0
		for slot := range set.All() {
			held = min(promised, a.promises.Of(slot))
			if held < promised {
				break
			}
		}
	case end > to.Offset && to.Term == a.repl().Term():
		var unknown error
		held, unknown = a.awaitPromise(ctx, replicator.Mark{Term: to.Term, Offset: end}, promised)
		if err == nil {
			err = unknown
		}
	}
	if there := a.departures.Left(set, since); there < held {
		held, raised = there, errLeft
	}
	if err == nil && held < k {
		err = &replicator.AmbiguousError{Mark: to, Want: k, Got: held, Cause: raised}
	}
	return held, err
}

// promiseWait is long for replicas that are in step, and short for a client.
const promiseWait = 100 * time.Millisecond

// awaitPromise waits until k replicas know of a promise. Those that hold a write will in a
// moment, so that it is worth it even if ctx has ended, as for a WAIT that counts them.
func (a *Acks) awaitPromise(ctx context.Context, promise replicator.Mark, k int) (int, error) {
	if ctx.Err() != nil {
		moment, cancel := context.WithTimeout(a.cfg.Life, promiseWait)
		defer cancel()
		ctx = moment
	}
	return a.repl().WaitAcked(ctx, promise, k)
}

// Served returns the slots that clients may have written to here.
func (a *Acks) Served() (set slots.Set) {
	m := a.cfg.Map()
	if m == nil {
		return set
	}
	if own := m.Self().Slots; own != nil {
		set = *own
	}
	set.Union(m.Open())
	return set
}
