package slotmesh

import (
	"context"
	"errors"
	"net"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// Replicate makes this node a replica of a master. Its own keys are replaced by the
// master's once these are all here.
func (n *Node) Replicate(ctx context.Context, master slots.NodeID) error {
	return n.do(ctx, gossip.Replicate{Master: master})
}

// Failover makes this replica the master of its shard and returns when it is:
// gossip.FailoverDefault agrees with the master and loses nothing, FailoverForce does
// without a master that is down, FailoverTakeover without the other masters too
// (docs/spec.md §6.7).
func (n *Node) Failover(ctx context.Context, mode gossip.FailoverMode) error {
	aborted := n.aborted.next()
	if err := n.beginFailover(ctx, mode); err != nil {
		return err
	}
	for {
		changed := n.changed.next()
		if n.Map().Self().IsMaster() {
			return nil
		}
		select {
		case <-changed:
		case <-aborted:
			return ErrFailoverAborted
		case <-n.life.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// beginFailover returns when the failover has begun.
func (n *Node) beginFailover(ctx context.Context, mode gossip.FailoverMode) error {
	if err := n.do(ctx, gossip.Failover{Mode: mode}); err != nil {
		return err
	}
	n.life.spawn(n.catchUp)
	return nil
}

// WaitSynced returns when this node's data is its master's: at once on a master. Errors
// as of Ready.
func (n *Node) WaitSynced(ctx context.Context) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	if err := n.shard.Replicator.WaitSynced(ctx); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return ErrClosed
}

// Save writes all keys of this node to Config.Snapshot.File while it serves, and returns
// when that is durable. replication.ErrSaving refuses a second one at the same time.
func (n *Node) Save(ctx context.Context) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	return n.snapshots.Save(ctx)
}
