package slotmesh

import (
	"fmt"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// Explain tells in plain English what becomes of a request for a key of slot at this
// node, and why.
func (n *Node) Explain(slot slots.Slot) string {
	m := n.Map()
	if m == nil {
		return "this node is in no cluster and serves every key"
	}
	owner := m.Owner(slot)
	switch {
	case owner == nil:
		return fmt.Sprintf("slot %d belongs to nobody: give it to a node with CLUSTER ADDSLOTS, or repair the cluster", slot)
	case m.State() != slots.OK:
		return fmt.Sprintf("slot %d belongs to %s (%s), but the cluster is down: %s", slot, owner.Addr, owner.Health,
			n.whyDown(m))
	}
	if to, ok := m.Migrating(slot); ok {
		return fmt.Sprintf("slot %d is mine and on its way to %s: keys that are still here are served, for others I "+
			"answer ASK", slot, nameOf(m, to))
	}
	if from, ok := m.Importing(slot); ok && !m.IsMine(slot) {
		return fmt.Sprintf("slot %d is on its way to me from %s: I serve it after ASKING, otherwise I answer MOVED to %s",
			slot, nameOf(m, from), owner.Addr)
	}
	switch {
	case m.IsMine(slot):
		return fmt.Sprintf("slot %d is mine: served", slot)
	case m.Self().Master == owner.ID:
		return fmt.Sprintf("slot %d belongs to my master %s: I serve reads after READONLY, otherwise I answer MOVED", slot,
			owner.Addr)
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
func (n *Node) whyDown(m *slots.Map) string {
	ages := n.peerAges()
	unowned := slots.Full()
	var orphaned slots.Set
	var failed, silent []string
	reachable, masters := 0, 0
	for i := range m.Nodes() {
		o := &m.Nodes()[i]
		if !o.IsMaster() || !o.HasSlots() {
			continue
		}
		unowned.Subtract(o.Slots)
		masters++
		switch o.Health {
		case slots.Failed:
			orphaned.Union(o.Slots)
			failed = append(failed, ages.describe(o))
			fallthrough
		case slots.Suspected:
			silent = append(silent, ages.describe(o))
		default:
			reachable++
		}
	}
	var reasons []string
	if !unowned.Empty() {
		reasons = append(reasons, fmt.Sprintf("slots %s belong to nobody", firstRanges(&unowned)))
	}
	if len(failed) > 0 {
		reasons = append(reasons, fmt.Sprintf("slots %s have no working owner: %s", firstRanges(&orphaned), some(failed)))
	}
	if reachable <= masters/2 {
		reasons = append(reasons, fmt.Sprintf("only %d of %d masters are in reach: %s", reachable, masters, some(silent)))
	}
	if len(reasons) == 0 {
		return "this node came back a moment ago and waits to hear what has changed (" + rejoinWait.String() + ")"
	}
	return strings.Join(reasons, "; ")
}

// rejoinWait is about how long a master waits before it serves again (docs/spec.md §5.2).
const rejoinWait = 2 * time.Second

// whyUnserved explains why a request for a key of slot cannot be served, as far as this
// node's map tells; "" if it does not.
func (n *Node) whyUnserved(m *slots.Map, slot slots.Slot) string {
	owner := m.Owner(slot)
	switch {
	case owner == nil:
		return fmt.Sprintf("slot %d belongs to nobody", slot)
	case owner.Health != slots.Online:
		return fmt.Sprintf("slot %d has no working owner: %s", slot, n.peerAges().describe(owner))
	case m.State() != slots.OK:
		return n.whyDown(m)
	}
	return ""
}

// whyUnstable explains what is on its way to change in a cluster that serves.
func (n *Node) whyUnstable(m *slots.Map) string {
	switch o := suspect(m); {
	case m.State() != slots.OK:
		return n.whyDown(m)
	case o != nil:
		return n.peerAges().describe(o)
	case !m.Open().Empty():
		return fmt.Sprintf("slots %s are being moved", firstRanges(m.Open()))
	}
	return ""
}

// peerAges tells since when nodes have failed or been silent.
type peerAges map[slots.NodeID]gossip.Peer

func (n *Node) peerAges() peerAges {
	ages := make(peerAges)
	for _, p := range n.gossip.Peers() {
		ages[p.ID] = p
	}
	return ages
}

// describe names a node and what is wrong with it: "node 0123abcd (10.0.0.1:7000) failed
// 12s ago".
func (ages peerAges) describe(n *slots.Node) string {
	name := fmt.Sprintf("node %s (%s)", n.ID.Short(), n.Addr.Client())
	p, known := ages[n.ID]
	switch {
	case n.Health == slots.Failed && known && !p.FailedAt.IsZero():
		return name + " failed " + ago(p.FailedAt)
	case n.Health == slots.Suspected && known && !p.PongReceived.IsZero():
		return name + " was last heard " + ago(p.PongReceived)
	case n.Health == slots.Suspected:
		return name + " does not answer"
	}
	return name + " is " + n.Health.String()
}

func ago(t time.Time) string { return time.Since(t).Round(time.Second).String() + " ago" }

// some joins the first few of a list.
func some(list []string) string {
	const few = 3
	if len(list) > few {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:few], ", "), len(list)-few)
	}
	return strings.Join(list, ", ")
}

// firstRanges shows the beginning of a set that may have many ranges.
func firstRanges(set *slots.Set) string {
	const few = 4
	var list []string
	for r := range set.Ranges() {
		if len(list) == few {
			return fmt.Sprintf("%s … (%d)", strings.Join(list, " "), set.Len())
		}
		list = append(list, r.String())
	}
	return strings.Join(list, " ")
}
