package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// What a writer was told, that k replicas hold what it wrote, has to hold where its slot
// moves to. Each slot's number is in the stream (replication.Promises), so that it
// outlives this node, and goes with the slot.

// errLeft is why a write is not acknowledged although this node's replicas have it all:
// they have its deletion, too.
var errLeft = errors.New("the key has moved to another node, fewer of whose replicas had it")

// replicasKnowOf waits until k replicas know of a promise. Those that hold a write will
// in a moment, so that it is worth it even if ctx has ended, as for a WAIT that counts
// them.
func (n *Node) replicasKnowOf(ctx context.Context, promise replication.Mark, k int) (int, error) {
	if ctx.Err() != nil {
		moment, cancel := context.WithTimeout(n.life, promiseWait)
		defer cancel()
		ctx = moment
	}
	return n.repl.WaitAcked(ctx, promise, k)
}

// promiseWait is long for replicas that are in step, and short for a client.
const promiseWait = 100 * time.Millisecond

// writes is what replicas are asked about.
type writes struct {
	slots slots.Set // that were written to
	left  uint64    // n.departures.Count before that
	// how many replicas were confirmed to hold earlier writes of the same writer;
	// math.MaxInt: there are none
	earlier int
}

// vouch waits until k replicas hold what was written up to a Mark, and promises that. It
// returns how many do, which is promised up to k; err is that of WaitAcked if they are
// fewer.
func (n *Node) vouch(ctx context.Context, w *writes, to replication.Mark, k int) (int, error) {
	held, err := n.repl.WaitAcked(ctx, to, k)
	promised := min(held, k)
	if promised <= 0 {
		return held, err
	}
	set, since := &w.slots, w.left
	if promised > w.earlier { // which are confirmed along with the others
		all := n.served()
		set, since = &all, 0
	}
	end, raised := n.promises.Raise(set, promised)
	switch {
	case raised != nil: // this node is no master any more; its successor does not know
		held = 0
		for slot := range set.All() {
			held = min(promised, n.promises.Of(slot))
			if held < promised {
				break
			}
		}
	case end > to.Offset && to.Term == n.repl.Term():
		var unknown error
		if held, unknown = n.replicasKnowOf(ctx, replication.Mark{Term: to.Term, Offset: end}, promised); err == nil {
			err = unknown
		}
	}
	if there := n.departures.Left(set, since); there < held {
		held, raised = there, errLeft
	}
	if err == nil && held < k {
		err = &replication.AmbiguousError{Mark: to, Want: k, Got: held, Cause: raised}
	}
	return held, err
}

// served returns the slots that clients may have written to here.
func (n *Node) served() (set slots.Set) {
	m := n.Map()
	if m == nil {
		return set
	}
	if own := m.Self().Slots; own != nil {
		set = *own
	}
	set.Union(m.Open())
	return set
}

// told is what migrations need to know of this: see migrate.Promises.
type told struct{ n *Node }

// Of returns how many replicas have to hold the keys of a slot, as many as writers were
// told or this node's settings ask for: but no more than its shard has members beside it,
// the failed among them. What only these held could be lost here as well; and a shard
// that was made smaller can give its slots away still.
func (t told) Of(slot slots.Slot) int {
	k := max(t.n.promises.Of(slot), t.n.replicasAsked())
	if k == 0 {
		return 0
	}
	return min(k, int(t.n.lineage.siblings.Load()))
}

func (t told) Raise(set *slots.Set, k int) error {
	_, err := t.n.promises.Raise(set, k)
	return err
}

func (t told) Leave(list []slots.Slot, held int) { t.n.departures.Leave(list, held) }

// replicasAsked returns how many replicas this node's own settings ask for.
func (n *Node) replicasAsked() int { return max(n.cfg.Replication.Sync, int(n.minReplicas.Load())) }

// holders are this node's replicas for its migrations: see migrate.Replicas.
type holders struct{ n *Node }

func (h holders) Standing(k int) (want, good int) {
	if want = max(k, h.n.replicasAsked()); want > 0 {
		good = h.n.goodReplicas()
	}
	return want, good
}

func (h holders) Hold(ctx context.Context, k int) (held int, err error) {
	return h.n.replicasHave(ctx, max(k, h.n.replicasAsked()))
}

// goodReplicas returns how many replicas are in good standing.
func (n *Node) goodReplicas() int { return n.repl.GoodReplicas(n.cfg.Replication.MaxLag) }

// copies are this node's replicas for changes of its slots: see ownership.Replicas.
type copies struct{ n *Node }

// OpenDepartures forgets what is known of earlier departures from slots that are about to
// be opened.
func (c copies) OpenDepartures(set *slots.Set) { c.n.departures.Open(set) }

// MostPromised returns the greatest number of replicas that have to know of a change of
// slots.
func (c copies) MostPromised(set *slots.Set) (most int) {
	for slot := range set.All() {
		most = max(most, told{c.n}.Of(slot))
	}
	return most
}

func (c copies) Know(ctx context.Context, least int) error { return c.n.replicasKnow(ctx, least) }

// replicaWait is for how long a change of slots waits for replicas that do not confirm it.
const replicaWait = 2 * time.Second

// replicasHave waits until the stream up to now is at each replica in good standing, and
// at least replicas at least, however long that takes: a large value needs more than any
// fixed time, and who gave up would bring it again and again. A replica that is lost, or
// too slow, is in good standing no more. It returns how many have it.
func (n *Node) replicasHave(ctx context.Context, least int) (held int, err error) {
	end := n.repl.Mark(n.repl.Term())
	for {
		k := max(least, n.goodReplicas())
		if k == 0 {
			return 0, nil
		}
		look, cancel := context.WithTimeout(ctx, replicaWait)
		held, err = n.repl.WaitAcked(look, end, k)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return held, err
		}
	}
}

// replicasKnow returns when each replica in good standing, and least at least, hold the
// stream up to now.
func (n *Node) replicasKnow(ctx context.Context, least int) error {
	k := n.goodReplicas()
	if k < least {
		return fmt.Errorf("%d replicas have to know, as many as writes in them have been confirmed by, and %d are in "+
			"good standing: bring them back, or add some (CLUSTER REPLICATE)",
			least, k)
	}
	if k == 0 {
		return nil
	}
	look, cancel := context.WithTimeout(ctx, replicaWait)
	defer cancel()
	got, err := n.repl.WaitAcked(look, n.repl.Mark(n.repl.Term()), k)
	if err != nil && ctx.Err() == nil && look.Err() != nil {
		return fmt.Errorf("of %d replicas %d confirmed within %v that they know; try again, and if one stays behind "+
			"(INFO replication), restart it: %w",
			k, got, replicaWait, err)
	}
	return err
}
