package slotmesh

import (
	"context"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Ready returns when this node takes its part: the cluster serves, as this node sees it, and a replica holds its
// master's data. A readiness probe asks it with a short deadline. It returns ctx's error if that ends first, ErrClosed if
// the node is closed.
func (n *Node) Ready(ctx context.Context) error {
	if !n.cfg.Standalone {
		if err := n.WaitMap(ctx, func(m *slots.Map) bool { return m.State() == slots.OK }); err != nil {
			return err
		}
	}
	return n.WaitSynced(ctx)
}

// WaitStable returns when nothing is on its way to change, as this node sees it: the cluster serves, no node
// is suspected, no slot is being moved to or from this node. Errors as of Ready.
func (n *Node) WaitStable(ctx context.Context) error {
	return n.WaitMap(ctx, func(m *slots.Map) bool {
		return m.State() == slots.OK && m.Open().Empty() && suspect(m) == nil
	})
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

// Why tells in plain English what becomes of a request for a key of slot at this node, and why.
func (n *Node) Why(slot slots.Slot) string {
	m := n.Map()
	if m == nil {
		return "this node is in no cluster and serves every key"
	}
	owner := m.Owner(slot)
	switch {
	case owner == nil:
		return fmt.Sprintf("slot %d belongs to nobody: give it to a node with CLUSTER ADDSLOTS, or repair the cluster", slot)
	case m.State() != slots.OK:
		return fmt.Sprintf("slot %d belongs to %s (%s), but the cluster is down: %s", slot, owner.Addr, owner.Health, whyDown(m))
	}
	if to, ok := m.Migrating(slot); ok {
		return fmt.Sprintf("slot %d is mine and on its way to %s: keys that are still here are served, for others I answer ASK", slot, nameOf(m, to))
	}
	if from, ok := m.Importing(slot); ok && !m.IsMine(slot) {
		return fmt.Sprintf("slot %d is on its way to me from %s: I serve it after ASKING, otherwise I answer MOVED to %s", slot, nameOf(m, from), owner.Addr)
	}
	switch {
	case m.IsMine(slot):
		return fmt.Sprintf("slot %d is mine: served", slot)
	case m.Self().Master == owner.ID:
		return fmt.Sprintf("slot %d belongs to my master %s: I serve reads after READONLY, otherwise I answer MOVED", slot, owner.Addr)
	}
	return fmt.Sprintf("slot %d belongs to %s (%s): I answer MOVED", slot, owner.Addr, owner.Health)
}

func nameOf(m *slots.Map, id slots.NodeID) string {
	if n := m.Node(id); n != nil {
		return n.Addr.String()
	}
	return id.String()
}

// whyDown explains the state of a cluster that does not serve.
func whyDown(m *slots.Map) string {
	if missing := slots.Count - m.Assigned(); missing > 0 {
		return fmt.Sprintf("%d slots belong to nobody", missing)
	}
	reachable, masters := 0, 0
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if !n.IsMaster() || !n.HasSlots() {
			continue
		}
		if masters++; n.Health == slots.Failed {
			return fmt.Sprintf("%s has failed and no replica has taken over its %d slots", n.Addr, n.Slots.Len())
		}
		if n.Health == slots.Online {
			reachable++
		}
	}
	if reachable <= masters/2 {
		return fmt.Sprintf("only %d of %d masters are in reach", reachable, masters)
	}
	return "this node came back a moment ago and waits to hear what has changed (" + rejoinWait.String() + ")"
}

// rejoinWait is about how long a master waits before it serves again (SPEC §5.2).
const rejoinWait = 2 * time.Second
