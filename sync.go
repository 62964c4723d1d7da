package slotmesh

import (
	"context"
	"errors"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrFailoverAborted says that a manual failover was called off: the master did not answer
// in time, the replica did not catch up, or the masters did not vote for it.
var ErrFailoverAborted = errors.New("slotmesh: the failover was called off")

// awaitAcks waits until as many replicas hold the last write, in a slot, as ctx or the
// configuration asks for. was is what Before returned before it.
func (n *Node) awaitAcks(ctx context.Context, was shard.Before, slot slots.Slot) error {
	k := n.cfg.Replication.Sync
	if asked := client.SyncOf(ctx); asked >= 0 {
		k = asked
	}
	return n.shard.Acks.Await(ctx, was, slot, k)
}
