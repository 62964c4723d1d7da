package admin

import (
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// unfinished returns the moves that an interrupted Move left open, and those that nodes
// are about to make by themselves. What else is wrong with the cluster is an error that
// matches ErrBroken.
func unfinished(v *View) (migrate.Plan, error) {
	pairs := make(map[[2]slots.NodeID]*slots.Set)
	var order [][2]slots.NodeID
	var accounted slots.Set
	add := func(slot slots.Slot, from, to slots.NodeID) {
		pair := [2]slots.NodeID{from, to}
		if pairs[pair] == nil {
			pairs[pair] = new(slots.Set)
			order = append(order, pair)
		}
		pairs[pair].Add(slot)
		accounted.Add(slot)
	}
	for _, n := range v.Alive() {
		for i := range n.JobsNow {
			if j := &n.JobsNow[i]; j.Export && !j.Ended() && v.Node(j.Target) != nil {
				left := n.Slots()
				left.Intersect(&j.Slots)
				for slot := range left.All() {
					add(slot, n.ID, j.Target)
				}
			}
		}
		for _, o := range n.Open {
			from, to := n.ID, o.Peer
			if o.Importing {
				from, to = o.Peer, n.ID
			}
			if v.goesOn(o.Slot, from, to) {
				add(o.Slot, from, to)
			}
		}
	}
	var bad Report
	for _, f := range Check(v) {
		if f.Problem == Migrating || f.Problem == Importing {
			left := f.Slots
			if left.Subtract(&accounted); left.Empty() {
				continue
			}
		}
		// The target owns the slots and the source has not heard of it, or gossip is still on its
		// way to others: finishing the move settles that.
		if (f.Problem == Disagreement || f.Problem == SeveralOwners) && subset(f.Slots, accounted) {
			continue
		}
		bad = append(bad, f)
	}
	var p migrate.Plan
	for _, pair := range order {
		p.Moves = append(p.Moves, migrate.Move{Slots: *pairs[pair], From: pair[0], To: pair[1]})
	}
	return p, bad.err(v.Nodes[0].Address)
}

// goesOn reports whether the slot's open states are those of one move from from to to, at
// any of its steps, and nobody else's: open at the target, then at both, then the target
// owns it and the source is still to hear of that.
func (v *View) goesOn(slot slots.Slot, from, to slots.NodeID) bool {
	source, target, owner := v.Node(from), v.Node(to), v.Owner(slot)
	if source == nil || target == nil || !source.Alive() || !target.Alive() || !target.IsMaster() || !source.IsMaster() {
		return false
	}
	for _, n := range v.Alive() {
		if n != source && n != target && n.IsMaster() && n.Owns(slot) {
			return false
		}
		for _, o := range n.Open {
			if o.Slot == slot && !(n == target && o.Importing && o.Peer == from) &&
				!(n == source && !o.Importing && o.Peer == to) {
				return false
			}
		}
	}
	return owner == source && target.IsOpen(slot, true, from) ||
		owner == target && !target.IsOpen(slot, true, from)
}

func subset(a, b slots.Set) bool {
	a.Subtract(&b)
	return a.Empty()
}
