package admin

import (
	"fmt"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// slots repairs slots that have no owner or several, are open, or have keys elsewhere.
func (f *fixer) slots() {
	groups := make(map[string]*slots.Set)
	var order []string
	situations := make(map[string]situation)
	for slot := range slots.Slot(slots.Count) {
		s := f.d.situation(slot, !f.o.WithUnreachableMasters)
		if s.healthy() {
			continue
		}
		sig := s.signature()
		if from, to, ok := f.goingOn(slot, s); ok {
			sig = fmt.Sprintf("move %s %s", from, to)
		}
		if groups[sig] == nil {
			groups[sig] = new(slots.Set)
			order = append(order, sig)
			situations[sig] = s
		}
		groups[sig].Add(slot)
	}
	for _, sig := range order {
		f.repair(situations[sig], *groups[sig])
	}
}

// goingOn reports whether the slot is in the middle of one proper move.
func (f *fixer) goingOn(slot slots.Slot, s situation) (from, to slots.NodeID, ok bool) {
	for _, p := range s.parts {
		for _, o := range p.open {
			from, to = p.node.ID, o.Peer
			if o.Importing {
				from, to = o.Peer, p.node.ID
			}
			if !f.d.View.goesOn(slot, from, to) {
				return from, to, false
			}
			ok = true
		}
	}
	if !ok {
		return from, to, false
	}
	// Keys may be at both ends; once the target owns the slot, only there, and before the
	// source has opened it, not yet there: that looks like a fix that was interrupted while
	// it brought keys to their owner, and is not to turn round.
	over := f.d.View.Owner(slot).ID == to
	begun := over || f.d.View.Node(from).IsOpen(slot, false, to)
	for _, p := range s.parts {
		if p.keys > 0 && (p.node.ID == to && !begun || p.node.ID != to && (over || p.node.ID != from)) {
			return from, to, false
		}
	}
	return from, to, true
}

// repair adds the step for slots in one situation.
func (f *fixer) repair(s situation, set slots.Set) {
	owners := s.owners()
	f.done.Union(&set)
	for slot := range set.All() {
		if from, to, ok := f.goingOn(slot, s); ok {
			if len(owners) > 1 { // the target owns them, the source does not know
				f.yields = append(f.yields, Action{Op: OpYield, Node: from, Slots: set})
			}
			f.add(fmt.Sprintf("%s left in the middle of a move: it is finished", slotsText(set)),
				Action{Op: OpFinish, Node: from, Peer: to, Slots: set})
			return
		}
		break // all slots of the set are alike
	}
	switch {
	case len(owners) == 0:
		f.adopt(s, set)
	case len(owners) == 1:
		f.gather(owners[0].node, s, set, fmt.Sprintf("%s owned by %s, but open or with keys elsewhere: everything goes "+
			"to the owner",
			slotsText(set), owners[0].node.Address), nil)
	default:
		owner := richest(owners)
		f.gather(owner, s, set, fmt.Sprintf("%s owned by several: %s keeps that, since it has the most keys, or else "+
			"the greatest epoch",
			slotsText(set), owner.Address), []Action{{Op: OpBump, Node: owner.ID}})
	}
}

// adopt finds owners for slots that have none.
func (f *fixer) adopt(s situation, set slots.Set) {
	var holders []part
	for _, p := range s.parts {
		if p.keys > 0 {
			holders = append(holders, p)
		}
	}
	if len(holders) > 0 {
		owner := richest(holders)
		f.gather(owner, s, set, fmt.Sprintf("%s owned by nobody, but with keys: %s gets that, since it has the most",
			slotsText(set), owner.Address),
			[]Action{{Op: OpTake, Node: owner.ID, Slots: set}, {Op: OpBump, Node: owner.ID}})
		return
	}
	shares := f.share(set)
	if len(shares) == 0 {
		return
	}
	why := fmt.Sprintf("%s owned by nobody, without keys: to go where the fewest slots are", slotsText(set))
	if f.givenUp(set) {
		why = fmt.Sprintf("%s owned by who does not answer: to go where the fewest slots are, the keys are given up",
			slotsText(set))
	}
	var actions []Action
	for _, p := range s.parts {
		if len(p.open) > 0 {
			actions = append(actions, Action{Op: OpClose, Node: p.node.ID, Slots: set})
		}
	}
	for _, a := range shares {
		actions = append(actions, a, Action{Op: OpBump, Node: a.Node})
	}
	f.add(why, actions...)
}

// givenUp reports whether a master that does not answer owns some of the slots.
func (f *fixer) givenUp(set slots.Set) bool {
	return slices.ContainsFunc(f.d.View.Masters(), func(n *Node) bool {
		owned := n.Slots()
		owned.Intersect(&set)
		return !n.Alive() && !owned.Empty()
	})
}

// share distributes slots among the living masters, first to those that own the fewest.
func (f *fixer) share(set slots.Set) (actions []Action) {
	if f.took == nil {
		f.took = make(map[slots.NodeID]int)
	}
	var masters []*Node
	for _, n := range f.d.View.Masters() {
		if n.Alive() && n.Serves() {
			masters = append(masters, n)
		}
	}
	if len(masters) == 0 {
		for _, n := range f.d.View.Masters() {
			if n.Alive() {
				masters = append(masters, n)
			}
		}
	}
	if len(masters) == 0 {
		return nil
	}
	shares := make([]slots.Set, len(masters))
	counts := make([]int, len(masters))
	for i, n := range masters {
		owned := n.Slots()
		counts[i] = owned.Len() + f.took[n.ID]
	}
	// How many each gets first, then which: neighbours stay together.
	want := make([]int, len(masters))
	for range set.Len() {
		least := 0
		for i := range masters {
			if counts[i] < counts[least] {
				least = i
			}
		}
		counts[least]++
		want[least]++
	}
	i := 0
	for slot := range set.All() {
		for want[i] == 0 {
			i++
		}
		shares[i].Add(slot)
		want[i]--
	}
	for i, n := range masters {
		if !shares[i].Empty() {
			f.took[n.ID] += shares[i].Len()
			actions = append(actions, Action{Op: OpTake, Node: n.ID, Slots: shares[i]})
		}
	}
	return actions
}

// gather makes one node the only owner and brings all keys there. Nodes that own the slots
// wrongly give them up before.
func (f *fixer) gather(owner *Node, s situation, set slots.Set, why string, claim []Action) {
	var first, last []Action
	for _, p := range s.parts {
		id := p.node.ID
		if len(p.open) > 0 {
			// An owner that migrates would answer ASK for the keys that come in; a node that imports
			// would not hear which node the owner is.
			first = append(first, Action{Op: OpClose, Node: id, Slots: set})
		}
		if p.node == owner {
			continue
		}
		if p.owns {
			f.yields = append(f.yields, Action{Op: OpYield, Node: id, Slots: set})
		}
		if said := p.node.member(owner.ID); p.owns || len(claim) > 0 || said == nil || !subset(set, said.Slots()) {
			last = append(last, Action{Op: OpTell, Node: id, Peer: owner.ID, Slots: set})
		}
		if p.keys > 0 {
			last = append(last, Action{Op: OpImport, Node: id, Peer: owner.ID, Slots: set},
				Action{Op: OpKeys, Node: id, Peer: owner.ID, Slots: set}, Action{Op: OpClose, Node: id, Slots: set})
		}
	}
	actions := append(first, claim...)
	f.add(why, append(actions, last...)...)
}

// disagreements tells nodes that believe otherwise which node owns each slot. Slots that
// another step is about are left to it.
func (f *fixer) disagreements() {
	v := f.d.View
	for _, x := range f.d.Report {
		if x.Problem != Disagreement {
			continue
		}
		owner := v.Node(x.Other)
		set := owner.Slots()
		set.Intersect(&x.Slots)
		set.Subtract(&f.done)
		if set.Empty() {
			continue
		}
		actions := []Action{{Op: OpBump, Node: owner.ID}}
		if v.Node(x.Node).IsMaster() {
			actions = append(actions, Action{Op: OpTell, Node: x.Node, Peer: owner.ID, Slots: set})
		}
		f.add(x.Text, actions...)
	}
}
