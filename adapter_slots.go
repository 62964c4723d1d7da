package slotmesh

import (
	"context"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/ownership"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// newOwnership makes the part of the node that looks after its slots.
func (n *Node) newOwnership() *ownership.Slots {
	return ownership.New(ownership.Config{
		Map:      n.Map,
		Do:       n.do,
		Metadata: n.shard.Backlog,
		Store:    n.store,
		Replicas: n.shard.Acks,
		Claimed:  func() slots.Set { return n.migrations.Claimed() },
		Hooks:    ownership.Hooks(n.hooks),
		Preparer: n.engine,
		Life:     n.life.ctx,
		Go:       n.life.spawn,
		Logger:   n.log,
	})
}

func (c clusterAdapter) SetSlot(ctx context.Context, slot slots.Slot, state server.SlotState, peer slots.NodeID) error {
	set := slots.NewSet(slot)
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

func (c clusterAdapter) StartMigration(ctx context.Context, set slots.Set, target slots.NodeID) (string, error) {
	id, err := c.MigrateSlots(ctx, set, target)
	return id.String(), err
}

func (c clusterAdapter) StopMigration(_ context.Context, name string) error {
	for _, s := range c.Migrations() {
		if !s.Import && s.Job.ID.String() == name {
			return c.CancelMigration(s.Job.ID)
		}
	}
	return nil // over, and no longer remembered
}

func (c clusterAdapter) ListMigrations() []server.Migration {
	var list []server.Migration
	for _, s := range c.Migrations() {
		if s.Job.Kind != migrate.KindMove {
			continue // a repair, which moves no slot
		}
		list = append(list, server.Migration{
			Name: s.Job.ID.String(), Import: s.Import,
			Slots: s.Job.Slots, Source: s.Job.Source, Target: s.Job.Target,
			Created: s.Job.Created, Updated: s.Updated,
			State: migrationState(s.State), Over: s.Over(), Message: migrationMessage(&s),
			Moved: s.Progress.Slots, Keys: s.Progress.Keys, Bytes: s.Progress.Bytes,
		})
	}
	return list
}

// migrationState is the word of Valkey 9 for how a job ended; it has none for ours before
// that.
func migrationState(s migrate.State) string {
	if s == migrate.Finished {
		return "success"
	}
	return s.String()
}

func migrationMessage(s *migrate.Status) string {
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case s.Progress.Waiting != "":
		return s.Progress.Waiting
	case s.Over():
		return ""
	}
	return s.Doing
}
