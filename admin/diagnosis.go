package admin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// Diagnosis is what a fix is planned on: a view, what Check finds in it, and where
// the keys are.
type Diagnosis struct {
	View   *View
	Report Report
	// Keys counts, for each slot, the keys at each living master; slots whose keys are
	// all with their owner may be left out.
	Keys map[slots.Slot]map[slots.NodeID]int
}

// Diagnose looks closer at a view: where the keys of all slots are. It waits for moves that
// nodes are making by themselves.
func (c *Client) Diagnose(ctx context.Context, v *View) (*Diagnosis, error) {
	if err := c.awaitJobs(ctx, v); err != nil {
		return nil, err
	}
	v, err := c.refresh(ctx, v)
	if err != nil {
		return nil, err
	}
	return c.Examine(ctx, v)
}

// Examine is Diagnose for callers that change nothing: it takes the view as it is, and
// waits for nothing. Its Report has what Check finds, and OrphanedKeys.
func (c *Client) Examine(ctx context.Context, v *View) (*Diagnosis, error) {
	var masters []*Node
	for _, n := range v.Masters() {
		if n.Alive() && n.Keys > 0 {
			masters = append(masters, n)
		}
	}
	keys, err := c.countKeys(ctx, masters, slots.Full())
	if err != nil {
		return nil, err
	}
	d := &Diagnosis{View: v, Report: Check(v), Keys: keys}
	d.Report = append(d.Report, d.orphans()...)
	return d, nil
}

// orphans finds keys that are at a master which neither owns their slot nor is moving it.
func (d *Diagnosis) orphans() (r Report) {
	for _, n := range d.View.Masters() {
		sets := make(map[slots.NodeID]*slots.Set)
		keys := make(map[slots.NodeID]int)
		for slot := range slots.Slot(slots.Count) {
			count := d.Keys[slot][n.ID]
			owner := d.View.Owner(slot)
			if count == 0 || owner == nil || n.Owns(slot) || n.hasOpen(slot) || owner.hasOpen(slot) {
				continue
			}
			if sets[owner.ID] == nil {
				sets[owner.ID] = new(slots.Set)
			}
			sets[owner.ID].Add(slot)
			keys[owner.ID] += count
		}
		for _, owner := range d.View.Masters() {
			if set := sets[owner.ID]; set != nil {
				r = append(r, Finding{Problem: OrphanedKeys, Warning: true, Node: n.ID, Other: owner.ID, Slots: *set,
					Text: fmt.Sprintf("Node %s holds %s that nobody reaches, of %s: %s owns that", n.Name(),
						plural(keys[owner.ID], "key"), slotsText(*set), owner.Name())})
			}
		}
	}
	return r
}

// hasOpen reports whether the node says that the slot is on its way.
func (n *Node) hasOpen(slot slots.Slot) bool {
	return slices.ContainsFunc(n.Open, func(o OpenSlot) bool { return o.Slot == slot })
}

// part is a master's role in the situation of a slot.
type part struct {
	node *Node
	owns bool
	keys int
	open []OpenSlot
}

// situation is all that matters about a slot; slots in the same situation are
// repaired together.
type situation struct {
	parts []part // masters that have to do with it, in the view's order
}

// situation returns the situation of a slot; masters that do not answer have no part in
// it if they are given up.
func (d *Diagnosis) situation(slot slots.Slot, dead bool) situation {
	var s situation
	for _, n := range d.View.Masters() {
		if !n.Alive() && !dead {
			continue
		}
		p := part{node: n, owns: n.Owns(slot), keys: d.Keys[slot][n.ID]}
		for _, o := range n.Open {
			if o.Slot == slot {
				p.open = append(p.open, o)
			}
		}
		if p.owns || p.keys > 0 || len(p.open) > 0 {
			s.parts = append(s.parts, p)
		}
	}
	return s
}

// healthy reports whether the slot has one owner, holds its keys there and is not open.
func (s situation) healthy() bool {
	return len(s.parts) == 1 && s.parts[0].owns && len(s.parts[0].open) == 0
}

// signature is equal for slots that are repaired in the same way.
func (s situation) signature() string {
	var b strings.Builder
	for _, p := range s.parts {
		fmt.Fprintf(&b, "%s %v %v", p.node.ID, p.owns, p.keys > 0)
		for _, o := range p.open {
			fmt.Fprintf(&b, " %v %s", o.Importing, o.Peer)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// owners returns the nodes that say that they own the slot.
func (s situation) owners() (list []part) {
	for _, p := range s.parts {
		if p.owns {
			list = append(list, p)
		}
	}
	return list
}

// richest returns the node with the most keys or, among equals, the greatest epoch.
func richest(parts []part) *Node {
	best := slices.MaxFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.keys, b.keys), cmp.Compare(a.node.Epoch, b.node.Epoch))
	})
	return best.node
}
