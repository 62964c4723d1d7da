package slotmesh

import (
	"context"
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrNoReplicas refuses a write while fewer replicas are in good standing than
// Config.Replication.MinReplicas. Its text is the error reply of the Redis protocol
// (docs/spec.md §11).
var ErrNoReplicas = shard.ErrNoReplicas

// ErrNotSaved refuses a write while the last snapshot has failed, on a node that should
// save by itself: what it takes now would be lost with it. See
// SnapshotConfig.IgnoreErrors. Its text is the error reply of the Redis protocol.
var ErrNotSaved = shard.ErrNotSaved

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
// configuration asks for. was is what Before returned before it.
func (n *Node) awaitAcks(ctx context.Context, was shard.Before, slot slots.Slot) error {
	k := n.cfg.Replication.Sync
	if v, ok := ctx.Value(syncKey{}).(int); ok {
		k = v
	}
	return n.shard.Acks.Await(ctx, was, slot, k)
}
