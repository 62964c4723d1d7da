package slotmesh

import (
	"context"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/internal/explain"
	"github.com/slotmesh/slotmesh/slots"
)

// unavailable is err with a reason if there is one.
func unavailable(err error, reason string) error {
	if err == nil || reason == "" {
		return err
	}
	return &UnavailableError{Reason: reason, Err: err}
}

// Ready returns when this node takes its part: the cluster serves, as this node sees it,
// and a replica holds its master's data. A readiness probe asks it with a short deadline.
// If ctx ends first, the error is a *[UnavailableError] that says what is missing; it is
// ErrClosed if the node is closed.
func (n *Node) Ready(ctx context.Context) error {
	if !n.cfg.Standalone {
		err := n.WaitMap(ctx, func(m *slots.Map) bool { return m.State() == slots.OK })
		if m := n.Map(); err != nil && ctx.Err() != nil && m != nil && n.gossip != nil {
			reason := "the cluster began to serve a moment ago"
			if m.State() != slots.OK {
				reason = n.view(m).Down()
			}
			return unavailable(fmt.Errorf("slotmesh: not ready: %w", err), reason)
		}
		if err != nil {
			return err
		}
	}
	err := n.WaitSynced(ctx)
	if err != nil && ctx.Err() != nil && n.shard.Replicator != nil {
		return unavailable(fmt.Errorf("slotmesh: not ready: %w", err),
			explain.Unsynced(n.shard.Replicator.Status(), time.Now()))
	}
	return err
}

// WaitMap returns as soon as cond holds for the node's map: at once if it does now,
// otherwise with the change that makes it so. It returns ctx's error if that
// ends first, ErrClosed if the node is closed, ErrStandalone outside a cluster.
func (n *Node) WaitMap(ctx context.Context, cond func(*slots.Map) bool) error {
	if n.cfg.Standalone {
		return ErrStandalone
	}
	for {
		if n.life.over() {
			return ErrClosed
		}
		changed := n.signals.changed.next() // before the look, so that no change is missed
		if m := n.Map(); m != nil && cond(m) {
			return nil
		}
		select {
		case <-changed:
		case <-n.life.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WaitStable returns when nothing is on its way to change, as this node sees it: the
// cluster serves, no node is suspected, no slot is being moved to or from this node.
// Errors as of Ready.
func (n *Node) WaitStable(ctx context.Context) error {
	err := n.WaitMap(ctx, explain.Stable)
	if m := n.Map(); err != nil && ctx.Err() != nil && m != nil && n.gossip != nil {
		return unavailable(fmt.Errorf("slotmesh: not stable: %w", err), n.view(m).Unstable())
	}
	return err
}

// Explain tells in plain English what becomes of a request for a key of slot at this
// node, and why.
func (n *Node) Explain(slot slots.Slot) string {
	m := n.Map()
	if m == nil {
		return "this node is in no cluster and serves every key"
	}
	return n.view(m).Slot(slot)
}

// view returns what there is to explain m with, on a node in a cluster.
func (n *Node) view(m *slots.Map) explain.View {
	return explain.View{Map: m, Peers: n.gossip.Peers, Now: time.Now()}
}
