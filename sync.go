package slotmesh

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// ErrNoReplicas refuses a write while fewer replicas are in good standing than
// Config.Replication.MinReplicas. Its text is the error reply of the Redis protocol
// (docs/spec.md §11).
var ErrNoReplicas = errors.New("NOREPLICAS Not enough good replicas to write.")

// ErrFailoverAborted says that a manual failover was called off: the master did not answer
// in time, the replica did not catch up, or the masters did not vote for it.
var ErrFailoverAborted = errors.New("slotmesh: the failover was called off")

type syncKey struct{}

// WithSync makes writes under the context return only after k replicas of the key's shard
// hold them, in memory; it overrides Config.Replication.Sync. If they do not in time, the
// error matches [ErrAmbiguous]: the write has been carried out here, but may be lost in a
// failover. What exactly is guaranteed stands in the documentation of package
// [github.com/slotmesh/slotmesh/replication].
//
// The wait ends with the context; one without a deadline waits 5 s.
func WithSync(ctx context.Context, k int) context.Context {
	return context.WithValue(ctx, syncKey{}, k)
}

// syncLimit bounds the wait of a caller who set no deadline.
const syncLimit = 5 * time.Second

// awaitAcks waits until as many replicas hold the last write, in a slot, as ctx or the
// configuration asks for. was is what n.before returned before it.
func (n *Node) awaitAcks(ctx context.Context, was before, slot slots.Slot) error {
	k := n.cfg.Replication.Sync
	if v, ok := ctx.Value(syncKey{}).(int); ok {
		k = v
	}
	if k <= 0 || n.repl == nil {
		return nil
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, syncLimit)
		defer cancel()
	}
	_, err := n.vouch(ctx, &writes{slots: slots.NewSet(slot), left: was.left, earlier: math.MaxInt},
		n.repl.Mark(was.term), k)
	return err
}

// before is what has to be known from before a write, if it is to be waited for.
type before struct {
	term uint64 // of the node
	left uint64 // how many batches of keys had left it
}

// before is to be asked for before a write that settle is to wait for.
func (n *Node) before() before {
	if n.repl == nil {
		return before{}
	}
	return before{n.repl.Term(), n.departures.Count()}
}

// setMinReplicas puts min-replicas-to-write in force; in redis.conf, 0 for either figure
// means that it is not.
func (n *Node) setMinReplicas(least int, maxLag time.Duration) {
	if least <= 0 || maxLag <= 0 || n.repl == nil {
		n.maxLag.Store(0)
		n.minReplicas.Store(0)
		n.engine.SetVeto(n.snapshots.mayWrite)
		return
	}
	n.maxLag.Store(int64(maxLag))
	n.minReplicas.Store(int64(least))
	n.engine.SetVeto(func() error {
		if err := n.snapshots.mayWrite(); err != nil {
			return err
		}
		if n.repl.GoodReplicas(maxLag) < least {
			return ErrNoReplicas
		}
		return nil
	})
}
