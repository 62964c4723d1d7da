package slotmesh

import (
	"context"
	"fmt"

	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// UnavailableError is the error of Ready, WaitStable and WaitAgreed if ctx ends first,
// and of a Router's call that gave up while the cluster did not serve its key. Reason
// says in plain English what stood in the way, as this node saw it. Err says what ended
// the wait: errors.Is finds ctx's error in it, and slots.ErrClusterDown in that of a
// call.
type UnavailableError struct {
	Reason string
	Err    error
}

// Error returns the text of Err and the Reason.
func (e *UnavailableError) Error() string { return e.Err.Error() + ": " + e.Reason }

// Unwrap returns Err.
func (e *UnavailableError) Unwrap() error { return e.Err }

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
				reason = n.whyDown(m)
			}
			return unavailable(fmt.Errorf("slotmesh: not ready: %w", err), reason)
		}
		if err != nil {
			return err
		}
	}
	err := n.WaitSynced(ctx)
	if err != nil && ctx.Err() != nil && n.shard.Replicator != nil {
		return unavailable(fmt.Errorf("slotmesh: not ready: %w", err), whyUnsynced(n.shard.Replicator.Status()))
	}
	return err
}

// whyUnsynced explains what a replica waits for.
func whyUnsynced(s replicator.Status) string {
	if s.IsMaster() {
		return ""
	}
	text := fmt.Sprintf("this replica does not hold the data of its master %s (%s) yet", s.Master.ID.Short(),
		s.Master.Addr.Client())
	switch {
	case s.Link == replicator.LinkSync:
		text += fmt.Sprintf(": it has received %d keys of %d", s.Progress.Keys, s.Progress.Total)
	case s.Link != replicator.LinkConnected && s.DownSince.IsZero():
		text += ": there is no link to it"
	case s.Link != replicator.LinkConnected:
		text += ": the link broke " + ago(s.DownSince)
	}
	return text
}

// WaitStable returns when nothing is on its way to change, as this node sees it: the
// cluster serves, no node is suspected, no slot is being moved to or from this node.
// Errors as of Ready.
func (n *Node) WaitStable(ctx context.Context) error {
	err := n.WaitMap(ctx, func(m *slots.Map) bool {
		return m.State() == slots.OK && m.Open().Empty() && suspect(m) == nil
	})
	if m := n.Map(); err != nil && ctx.Err() != nil && m != nil && n.gossip != nil {
		return unavailable(fmt.Errorf("slotmesh: not stable: %w", err), n.whyUnstable(m))
	}
	return err
}

// suspect returns a node that is suspected, nil if there is none.
func suspect(m *slots.Map) *slots.Node {
	for i := range m.Nodes() {
		if n := &m.Nodes()[i]; n.Health == slots.Suspected {
			return n
		}
	}
	return nil
}
