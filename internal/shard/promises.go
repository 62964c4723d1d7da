package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// replicaWait is for how long a change of slots waits for replicas that do not confirm it.
const replicaWait = 2 * time.Second

// Of returns how many replicas have to hold the keys of a slot, as many as writers were
// told or this node's settings ask for: but no more than its shard has members beside it,
// the failed among them. What only these held could be lost here as well; and a shard
// that was made smaller can give its slots away still.
func (a *Acks) Of(slot slots.Slot) int {
	k := max(a.promises.Of(slot), a.asked())
	if k == 0 {
		return 0
	}
	return min(k, a.cfg.Siblings())
}

// Raise promises that k replicas hold the keys of slots that come here.
func (a *Acks) Raise(set *slots.Set, k int) error {
	_, err := a.promises.Raise(set, k)
	return err
}

// MostPromised returns the greatest number of replicas that have to know of a change of
// slots.
func (a *Acks) MostPromised(set *slots.Set) (most int) {
	for slot := range set.All() {
		most = max(most, a.Of(slot))
	}
	return most
}

// Reload takes the promises from the metadata of the stream: after a snapshot was loaded,
// and when this node is promoted.
func (a *Acks) Reload() { a.promises.Reload() }

// Clear forgets all promises, of a node that leaves its shard.
func (a *Acks) Clear() error { return a.promises.Clear() }

// Leave notes that keys of some slots, which held replicas of another node hold, are about
// to be deleted here.
func (a *Acks) Leave(list []slots.Slot, held int) { a.departures.Leave(list, held) }

// OpenDepartures forgets earlier departures from slots that are about to be opened.
func (a *Acks) OpenDepartures(set *slots.Set) { a.departures.Open(set) }

// asked returns how many replicas this node's own settings ask for.
func (a *Acks) asked() int {
	if r := a.required.Load(); r != nil {
		return max(a.cfg.Sync, r.least)
	}
	return max(a.cfg.Sync, 0)
}

// good returns how many replicas are in good standing.
func (a *Acks) good() int { return a.repl().GoodReplicas(a.cfg.MaxLag) }

// Standing returns how many replicas must hold what comes here, which is k or what this
// node's settings ask for, and how many are in good standing.
func (a *Acks) Standing(k int) (want, good int) {
	if want = max(k, a.asked()); want > 0 {
		good = a.good()
	}
	return want, good
}

// Hold waits until the stream up to now is on this node's disk, if it keeps a log, so that
// a sender may delete what it sent; and at each replica in good standing, and at as
// many as Standing wants at least, however long that takes: a large value needs more than
// any fixed time, and a sender that gave up would send it again and again. A replica that
// is lost, or too slow, is in good standing no more. It returns how many hold it.
func (a *Acks) Hold(ctx context.Context, k int) (held int, err error) {
	if err := a.disk.Sync(ctx); err != nil {
		return 0, err
	}
	least := max(k, a.asked())
	end := a.repl().Mark(a.repl().Term())
	for {
		k := max(least, a.good())
		if k == 0 {
			return 0, nil
		}
		look, cancel := context.WithTimeout(ctx, replicaWait)
		held, err = a.repl().WaitAcked(look, end, k)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return held, err
		}
	}
}

// Know returns when the log on disk, each replica in good standing, and least of them at
// least, hold the stream up to now; it gives up after 2 s.
func (a *Acks) Know(ctx context.Context, least int) error {
	if err := a.disk.Sync(ctx); err != nil {
		return err
	}
	k := a.good()
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
	got, err := a.repl().WaitAcked(look, a.repl().Mark(a.repl().Term()), k)
	if err != nil && ctx.Err() == nil && look.Err() != nil {
		return fmt.Errorf("of %d replicas %d confirmed within %v that they know; try again, and if one stays behind "+
			"(INFO replication), restart it: %w",
			k, got, replicaWait, err)
	}
	return err
}
