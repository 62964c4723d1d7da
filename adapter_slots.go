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
