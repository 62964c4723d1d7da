package slotmesh

import (
	"context"
	"errors"
	"net"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/gossip/member"
	"github.com/slotmesh/slotmesh/internal/ownership"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/migrate/migrator"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrStandalone refuses cluster operations on a standalone node. Its text is the
// error reply of the Redis protocol (docs/spec.md §11).
var ErrStandalone = errors.New("ERR This instance has cluster support disabled")

// Meet introduces this node to the one at addr, which needs Host and BusPort; both
// clusters become one (docs/spec.md §2.2). It returns once the handshake has begun; event
// gossip.Met or gossip.MeetFailed tells how it ended. MeetAndWait waits for that, and
// Join takes client addresses.
func (n *Node) Meet(ctx context.Context, addr slots.Addr) error {
	return n.do(ctx, gossip.MeetNode{Addr: addr})
}

// Forget removes a node from the cluster; all nodes refuse it for a minute (docs/spec.md
// §2.5).
func (n *Node) Forget(ctx context.Context, id slots.NodeID) error {
	return n.do(ctx, gossip.ForgetNode{Node: id})
}

// AddSlots makes this node the owner of slots that have none: all of them, or none and
// a *gossip.SlotError. Slots that a job is bringing here are refused, too.
func (n *Node) AddSlots(ctx context.Context, set slots.Set) error {
	if err := n.accepts(&set); err != nil {
		return err
	}
	return n.do(ctx, gossip.AddSlots{Slots: set})
}

// DelSlots makes slots unowned in this node's view: all of them, or none and a
// *gossip.SlotError.
func (n *Node) DelSlots(ctx context.Context, set slots.Set) error {
	return n.do(ctx, gossip.DelSlots{Slots: set})
}

// FlushSlots gives up all slots of this node.
func (n *Node) FlushSlots(ctx context.Context) error { return n.do(ctx, gossip.FlushSlots{}) }

// SetConfigEpoch gives a node that knows nobody and has no epoch its first one
// (docs/spec.md §4.7).
func (n *Node) SetConfigEpoch(ctx context.Context, epoch uint64) error {
	return n.do(ctx, gossip.SetConfigEpoch{Epoch: epoch})
}

// BumpEpoch gives this node the greatest config epoch of the cluster without asking
// anybody (docs/spec.md §4.5). bumped is false if it had it already.
func (n *Node) BumpEpoch(ctx context.Context) (epoch uint64, bumped bool, err error) {
	if n.gossip == nil {
		return 0, false, n.absent()
	}
	before := n.Map().Self().ConfigEpoch
	if err := n.do(ctx, gossip.BumpEpoch{}); err != nil {
		return 0, false, err
	}
	epoch = n.Map().Self().ConfigEpoch
	return epoch, epoch != before, nil
}

// Reset makes the node forget the cluster and its slots; hard also gives it a new id and
// epochs of 0. A replica gives up its keys, which are its master's, so that it can join
// again; those of a master stay. The snapshot of a node that has no keys then goes first:
// as a lone node it would load it, and claim the slots.
func (n *Node) Reset(ctx context.Context, hard bool) error {
	if n.gossip == nil {
		return n.absent()
	}
	replica := !n.Map().Self().IsMaster()
	if !replica && n.store.Len() > 0 {
		return n.do(ctx, gossip.Reset{Hard: hard})
	}
	err := n.snapshots.Discard(ctx, func() error { return n.reset(ctx, hard, replica) })
	if err != nil && !n.Map().Self().IsMaster() {
		return errors.Join(err, n.snapshots.Save(n.life.ctx)) // it goes on as it was
	}
	return err
}

func (n *Node) reset(ctx context.Context, hard, replica bool) error {
	if err := n.do(ctx, gossip.Reset{Hard: hard}); err != nil || !replica {
		return err
	}
	for _, note := range []string{ownership.MetadataOpen, metadataJobs} { // of the shard that it was a part of
		if _, err := n.shard.Backlog.PutMetadata(note, nil); err != nil {
			return err
		}
	}
	if err := n.shard.Acks.Clear(); err != nil {
		return err
	}
	return n.engine.Clear(ctx.Done())
}

// Replicate makes this node a replica of a master. Its own keys are replaced by the
// master's once these are all here.
func (n *Node) Replicate(ctx context.Context, master slots.NodeID) error {
	return n.do(ctx, gossip.Replicate{Master: master})
}

// ErrFailoverAborted says that a manual failover was called off: the master did not answer
// in time, the replica did not catch up, or the masters did not vote for it.
var ErrFailoverAborted = errors.New("slotmesh: the failover was called off")

// Failover makes this replica the master of its shard and returns when it is:
// gossip.FailoverDefault agrees with the master and loses nothing, FailoverForce does
// without a master that is down, FailoverTakeover without the other masters too
// (docs/spec.md §6.7).
func (n *Node) Failover(ctx context.Context, mode gossip.FailoverMode) error {
	aborted := n.signals.aborted.next()
	if err := n.beginFailover(ctx, mode); err != nil {
		return err
	}
	for {
		changed := n.signals.changed.next()
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

// MigrateSlots starts to hand slots of this node, with their keys, to another master,
// while clients go on reading and writing them. It returns once the job is durable, which
// takes a write to the disk: it then ends by itself, whatever crashes meanwhile. See
// WaitMigration, CancelMigration, Migrations and events of type migrate.Status.
//
// If ctx has ended before that write begins, its error is returned; it has no hold on the
// write, nor on the job. After an error there is no job, unless it is ErrClosed: then it
// may begin when the node is started again.
func (n *Node) MigrateSlots(ctx context.Context, set slots.Set, target slots.NodeID) (migrate.JobID, error) {
	if err := n.canMigrate(); err != nil {
		return migrate.JobID{}, err
	}
	if err := ctx.Err(); err != nil {
		return migrate.JobID{}, err
	}
	id, err := n.migrations.Move(set, target)
	return id, orClosed(err)
}

// WaitMigration returns when a job of this node is over, with its error; ErrClosed if the
// node is closed before: the job goes on when it is started again.
func (n *Node) WaitMigration(ctx context.Context, id migrate.JobID) error {
	if err := n.canMigrate(); err != nil {
		return err
	}
	return orClosed(n.migrations.Wait(ctx, id))
}

// Migrations returns the latest jobs that are over, then those that run: this node's own,
// and those of other nodes that bring slots here (Import).
func (n *Node) Migrations() []migrate.Status {
	if n.migrations == nil {
		return nil
	}
	return n.migrations.List()
}

// CancelMigration makes a job begin no further slot; those that are open are finished.
// Cancelling a job that is over does nothing.
func (n *Node) CancelMigration(id migrate.JobID) error {
	if err := n.canMigrate(); err != nil {
		return err
	}
	return orClosed(n.migrations.Cancel(id))
}

func (n *Node) canMigrate() error {
	if n.migrations == nil {
		return n.absent()
	}
	return n.engine.Refused()
}

// orClosed gives an error of a driver that is closed the type of a node's.
func orClosed(err error) error {
	if errors.Is(err, migrator.ErrClosed) {
		return ErrClosed
	}
	return err
}

// do hands a command to the loop that owns the cluster's state; when it returns nil, the
// change is durable and in force on this node.
func (n *Node) do(ctx context.Context, cmd gossip.Command) error {
	if n.gossip == nil {
		return n.absent()
	}
	if err := n.gossip.Do(ctx, cmd); !errors.Is(err, member.ErrClosed) {
		return err
	}
	return ErrClosed
}

// absent says why a part of the node is not there.
func (n *Node) absent() error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	return ErrStandalone
}
