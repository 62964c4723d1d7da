package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/leave"
	"github.com/slotmesh/slotmesh/internal/ownership"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/migrate/migrator"
	"github.com/slotmesh/slotmesh/slots"
)

// SlotHooks tells the host which slots this node serves: for what it keeps beside them,
// such as an index, a subscription or a warm cache. Any of the functions may be nil. They
// are called one after another, in the order in which things happened, on a goroutine of
// their own: one that takes its time holds up those after it, and nothing else. What
// happens meanwhile several times in a row comes in one call.
type SlotHooks struct {
	// Prepare is called with slots that this node begins to own, or to import from another
	// node. Until it returns, requests for them are answered with slots.ErrTryAgain, which
	// routers and clients wait out; so it should return soon. ctx ends when the node closes.
	// The keys of importing slots come while it runs, and after.
	Prepare func(ctx context.Context, acquired slots.Set)
	// Losing is called when slots begin to move to another node. They are still served here.
	Losing func(leaving slots.Set)
	// Lost is called when slots are no longer this node's.
	Lost func(lost slots.Set)
}

// OnSlots sets the hooks; call it before Start.
func (n *Node) OnSlots(hooks SlotHooks) error {
	return n.life.beforeStart("OnSlots", func() error {
		n.host.hooks = hooks
		return nil
	})
}

// newOwnership makes the part of the node that looks after its slots.
func (n *Node) newOwnership() *ownership.Slots {
	return ownership.New(ownership.Config{
		Map:      n.Map,
		Do:       n.do,
		Metadata: n.shard.Backlog,
		Store:    n.store,
		Replicas: n.shard.Acks,
		Claimed:  func() slots.Set { return n.migrations.Claimed() },
		Hooks:    ownership.Hooks(n.host.hooks),
		Preparer: n.engine,
		Life:     n.life.ctx,
		Go:       n.life.spawn,
		Logger:   n.log,
	})
}

func (c clusterAdapter) SetSlot(ctx context.Context, slot slots.Slot, state server.SlotState, peer slots.NodeID) error {
	set := slots.NewSet(slot)
	if state == server.SlotMigrating {
		if err := c.awaitLeases(ctx); err != nil {
			return err
		}
	}
	if state == server.SlotNode && peer == c.ID() {
		if err := c.accepts(&set); err != nil {
			return err
		}
	}
	return c.ownership.Set(ctx, set, map[server.SlotState]gossip.SlotState{
		server.SlotStable:    gossip.SlotStable,
		server.SlotImporting: gossip.SlotImporting,
		server.SlotMigrating: gossip.SlotMigrating,
		server.SlotNode:      gossip.SlotNode,
	}[state], peer)
}

func (c clusterAdapter) Vacated() slots.Set { return c.ownership.Vacated(time.Now()) }

func (c clusterAdapter) StartMigration(ctx context.Context, set slots.Set, target slots.NodeID) (migrate.JobID, error) {
	return c.MigrateSlots(ctx, set, target)
}

func (c clusterAdapter) StopMigration(_ context.Context, id migrate.JobID) error {
	for _, s := range c.Migrations() {
		if !s.Import && s.Job.ID == id {
			return c.CancelMigration(id)
		}
	}
	return nil // over, and no longer remembered
}

func (c clusterAdapter) ListMigrations() []migrate.Status { return c.Migrations() }

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
	if n.migrations.Migrator == nil {
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
	if n.migrations.Migrator == nil {
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

// newMigrations reads the journal of moves that were on their way.
func (n *Node) newMigrations() (*migrator.Migrator, error) {
	return migrator.New(migrator.Config{
		Node:       mover{n},
		Promises:   n.shard.Acks,
		Replicas:   n.shard.Acks,
		Engine:     n.engine,
		Disk:       n.cfg.Disk,
		OnJournal:  n.replicateJobs,
		OnProgress: func(s migrate.Status) { n.emit(s) },
		Logger:     n.log.Named("migrate"),
		OnPanic:    n.fail,
	})
}

// mover is the node as its migrations see it.
type mover struct{ n *Node }

func (v mover) Map() *slots.Map { return v.n.Map() }

func (v mover) SetSlots(ctx context.Context, set slots.Set, action migrate.Action, peer slots.NodeID) error {
	switch {
	case action == migrate.Importing:
		v.n.ownership.DropLostNow(&set)
	case action == migrate.Migrating:
		if err := v.n.awaitLeases(ctx); err != nil {
			return err
		}
	case action == migrate.Assign && peer == v.n.ID():
		// Claimed during a manual failover, the slots would stay behind here, in a shard of
		// their own.
		if err := v.n.awaitWrites(ctx); err != nil {
			return err
		}
	}
	state := map[migrate.Action]gossip.SlotState{
		migrate.Importing: gossip.SlotImporting,
		migrate.Migrating: gossip.SlotMigrating,
		migrate.Stable:    gossip.SlotStable,
		migrate.Assign:    gossip.SlotNode,
	}[action]
	return v.n.ownership.Set(ctx, set, state, peer)
}

// awaitWrites waits for the end of a pause of writes.
func (n *Node) awaitWrites(ctx context.Context) error {
	for paused := n.engine.Paused(); paused != nil; paused = n.engine.Paused() {
		select {
		case <-paused:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// awaitLeases waits before a slot is opened until no node relies on leases that this node
// granted when it knew other members: the slot's new owner may be one that these nodes have
// not heard of. It takes a second at most, and nothing if no members have come or failed.
func (n *Node) awaitLeases(ctx context.Context) error {
	for left := n.copies.Unsettled(); left > 0; left = n.copies.Unsettled() {
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (v mover) Dial(ctx context.Context, id slots.NodeID) (net.Conn, error) {
	node := v.n.Map().Node(id)
	if node == nil {
		return nil, &gossip.UnknownNodeError{Node: id}
	}
	return v.n.bus.Dial(ctx, node.Addr, bus.Migration)
}

// metadataJobs is the name of the metadata that holds the journal of a shard's migrations.
const metadataJobs = "migration-jobs"

// replicateJobs tells the replicas which jobs are on their way.
func (n *Node) replicateJobs(journal []byte) {
	if _, err := n.shard.Backlog.PutMetadata(metadataJobs, journal); err != nil {
		n.log.Debug("the journal of migrations was not replicated", "error", err)
	}
}

// resumeJobs makes this node, which has just been promoted in the place of former, go on
// with its jobs. It runs on gossip's goroutine.
func (n *Node) resumeJobs(former slots.NodeID) {
	jobs := n.shard.Backlog.Metadata()[metadataJobs]
	if len(jobs) == 0 {
		return
	}
	n.life.spawn(func() {
		if err := n.migrations.Resume(jobs, former); err != nil {
			n.log.Error("going on with the former master's migrations", "former", former, "error", err)
		}
	})
}

// accepts refuses to make slots this node's own that a job is bringing. Its source, were
// it restarted now, would take the keys that it still has for old copies: only a job that
// is through with a slot gives it away.
func (n *Node) accepts(set *slots.Set) error {
	if n.migrations.Migrator == nil {
		return nil
	}
	slot, job, ok := n.migrations.Coming(set)
	if !ok {
		return nil
	}
	return fmt.Errorf("slot %d is coming here with job %s of node %s, which hands it over when all its keys have "+
		"moved: wait for that (CLUSTER GETSLOTMIGRATIONS), or forget that node if it will not come back",
		slot, job.ID, job.Source)
}

// leaveHandOver is how long a replica may take to succeed a master that leaves: as long as
// a manual failover.
const leaveHandOver = 5 * time.Second

// keepsReplicas reports whether the cluster gives its shards replicas by itself now.
func (n *Node) keepsReplicas() bool {
	return n.cfg.balances() && n.cfg.Cluster.Replicas > 0 && !n.migrations.balance.Status().Paused
}

// Leave takes this node out of its cluster and returns when no other knows it any more and
// it owns nothing: it may then be closed for good, or join again by Join; Config.Join counts
// again from its next start. A master first hands its
// role to a replica in step or, if there is none, moves its slots to the other masters, so
// that these end as equal as they can; no write that was answered is lost, clients are
// redirected. A replica just goes, but not while its master does not answer: it may hold the
// only copy. Where Config.Cluster keeps replicas by Balance, the last one of a shard waits until
// the coordinator has given the shard's slots to shards that keep theirs, so that writes by
// WithSync find a replica at any time. Nodes that are out of reach hear of it when they are back. Events of type
// Leaving tell how far it is.
//
// The error matches ErrNoOtherMaster if there is none for its slots, and ctx's if that ended
// first. Until the last step, of about 100 ms, the node stays a member after an error, and
// works on with what it owns then; the same holds after a crash. Leaving again goes on.
func (n *Node) Leave(ctx context.Context) error {
	if n.gossip == nil || n.migrations.Migrator == nil {
		return n.absent()
	}
	if !n.life.leaving.CompareAndSwap(false, true) {
		return errors.New("slotmesh: the node is leaving already")
	}
	defer n.life.leaving.Store(false)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.life.ctx, cancel)()
	l := leave.Node{
		Map: n.Map, Changed: n.signals.changed.next, Do: n.do,
		HandOver: n.newHandOver(leaveHandOver).Try,
		Move:     n.MigrateSlots, Cancel: n.CancelMigration, Moves: n.Migrations,
		Balances:   n.keepsReplicas,
		OnProgress: func(p leave.Progress) { n.emit(Leaving(p)) },
		Logger:     n.log,
	}
	err := l.Run(ctx)
	if err == nil {
		n.founder.Close()                // or it would join again, by Config.Join
		err = n.Reset(n.life.ctx, false) // of what a replica holds
	}
	switch {
	case err == nil:
		n.emit(Leaving{Stage: leave.Left})
		return nil
	case n.life.over():
		return ErrClosed
	}
	n.emit(Leaving{Stage: leave.Staying, Reason: err.Error()})
	return fmt.Errorf("slotmesh: leaving the cluster: %w", err)
}
