package slotmesh

import (
	"context"
	"fmt"
	"net"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/migrate/migrator"
	"github.com/slotmesh/slotmesh/slots"
)

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
	if n.migrations == nil {
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
