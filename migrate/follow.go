package migrate

import (
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// MapChanged follows the cluster: who owns the slots, and what became of the target.
func (s *Sender) MapChanged(now time.Time, m *slots.Map) {
	s.m = m
	if s.over {
		return
	}
	if !m.Self().IsMaster() {
		s.demoted(now)
		return
	}
	if s.err == nil && s.job.Kind == KindMove {
		s.followTarget(now)
	}
	s.followOwners()
	s.advance(now)
}

// demoted ends the job. It ends well if this node has given its last slot away by it, and
// so became the target's replica (docs/spec.md §4.6); otherwise the replica that took its
// place goes on.
func (s *Sender) demoted(now time.Time) {
	left := 0
	for _, w := range s.windows {
		for slot := range w.set.All() {
			if o := s.m.Owner(slot); o != nil && o.ID == s.job.Target && w.phase >= finalising {
				s.progress.Slots++
			} else {
				left++
			}
		}
	}
	if left > 0 || !s.todo.Empty() {
		s.giveUp(ErrDemoted)
	}
	for _, w := range s.windows {
		s.letWrite(w)
	}
	s.windows = nil
	s.advance(now) // ends it, and tells the target if that may go on
}

// followTarget goes on with the replica that took the target's place, or gives up
// if the target was forgotten.
func (s *Sender) followTarget(now time.Time) {
	n := s.m.Node(s.job.Target)
	switch next, ok := s.successor(n); {
	case ok:
		s.retarget(now, next)
	case n == nil:
		s.giveUp(ErrTargetGone)
	}
	if n := s.m.Node(s.job.Target); n != nil && n.IsMaster() && n.Health == slots.Online {
		s.recordSuccessors(n.ID)
	}
}

// recordSuccessors keeps in the journal which nodes may take the target's place.
func (s *Sender) recordSuccessors(target slots.NodeID) {
	var successors []slots.NodeID
	for _, r := range s.m.Replicas(target) {
		successors = append(successors, r.ID)
	}
	if len(successors) > 0 && !slices.Equal(successors, s.job.Successors) {
		s.job.Successors = successors
		s.put(SaveJob{s.job})
	}
}

// successor returns the master that took the target's place: the one it replicates now, or,
// while it is away, the one of its replicas that owns slots.
func (s *Sender) successor(target *slots.Node) (slots.NodeID, bool) {
	if target != nil && !target.IsMaster() {
		master := s.m.Node(target.Master)
		return target.Master, master != nil && master.IsMaster()
	}
	if target != nil && (target.HasSlots() || target.Health != slots.Failed) {
		return slots.NodeID{}, false
	}
	for i := range s.m.Nodes() {
		if n := &s.m.Nodes()[i]; slices.Contains(s.job.Successors, n.ID) && n.IsMaster() && n.HasSlots() {
			return n.ID, true
		}
	}
	return slots.NodeID{}, false
}

// retarget goes on with another target, which has to be prepared anew, and to which the
// open slots have to point. It has the keys that the former target had acknowledged and
// replicated.
func (s *Sender) retarget(now time.Time, next slots.NodeID) {
	if next == s.self {
		s.giveUp(ErrTargetGone) // this node replaced it: the slots are where they were to go
		return
	}
	s.hangUp()
	s.dropCopies()
	for _, b := range s.batches {
		b.sent, b.acked = 0, 0
		s.put(reject{b.id, true})
	}
	s.job.Target, s.job.Successors, s.dialAt = next, nil, now
	s.put(SaveJob{s.job})
	for _, w := range s.windows {
		switch {
		case w.phase == abandoning:
			w.set, w.asked = slots.Set{}, false // the node that was to be told is gone
		case w.phase == opening && !w.asked || !w.phase.local():
			w.enter(preparing)
		}
	}
}

// followOwners drops slots that changed hands from the job: slots of a Move that are no
// longer this node's, slots of a Return that are no longer the target's.
func (s *Sender) followOwners() {
	holder := s.self
	if s.job.Kind == KindReturn {
		holder = s.job.Target
	}
	var lost slots.Set
	for slot := range s.job.Slots.All() {
		if o := s.m.Owner(slot); o == nil || o.ID != holder {
			lost.Add(slot)
		}
	}
	if s.job.Kind == KindReturn {
		s.lose(&lost)
		return
	}
	lost.Intersect(&s.todo)
	s.progress.Total -= lost.Len()
	s.todo.Subtract(&lost)
	for _, w := range append([]*window(nil), s.windows...) {
		s.followWindow(w)
	}
}

// followWindow splits off the slots of a window that other nodes own now. A window that
// is finalising ends when the target owns its slots, whether this run of the job or one
// before a restart asked it to claim them. Before that, or with any other owner, a race
// was lost: the slots are closed, and a Return brings the keys that are still here to the
// owner.
func (s *Sender) followWindow(w *window) {
	if w.phase == closing || w.phase == reverting {
		return
	}
	var arrived, lost slots.Set
	for slot := range w.set.All() {
		switch o := s.m.Owner(slot); {
		case o == nil || o.ID == s.self:
		case o.ID == s.job.Target && (w.phase == finalising || w.resumed):
			arrived.Add(slot)
		default:
			lost.Add(slot)
		}
	}
	if w.resumed && !arrived.Empty() {
		s.put(release{arrived})
		s.dropCopy(w)
		w.lose(&arrived)
		s.deliver(arrived)
	} else if arrived == w.set && !arrived.Empty() {
		w.enter(closing)
		return
	}
	if lost.Empty() {
		return
	}
	s.progress.Total -= lost.Len()
	s.lose(&lost)
	if w.opened() {
		r := s.newWindow(lost)
		r.enter(reverting)
	}
}

// deliver ends the move of slots that the target has claimed. They were empty here before
// a restart, or a failover. Keys that are here all the same are old copies, from a
// snapshot or because their deletion had not been replicated: at the target they are at
// least as new, or deleted.
func (s *Sender) deliver(set slots.Set) {
	s.put(drop{set})
	w := s.newWindow(set)
	w.peer = s.job.Target
	w.enter(closing)
}

// lose takes slots out of the job.
func (s *Sender) lose(lost *slots.Set) {
	s.todo.Subtract(lost)
	for _, w := range s.windows {
		part := w.set
		part.Intersect(lost)
		if part.Empty() || w.phase == reverting {
			continue
		}
		if w.resumed {
			s.put(release{part})
		}
		s.dropCopy(w)
		w.lose(&part)
	}
}
