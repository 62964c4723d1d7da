package balance

import "github.com/slotmesh/slotmesh/slots"

// Pace bounds what is ordered at one time.
type Pace struct {
	Jobs  int // moves on their way in the whole cluster
	Slots int // of one move
}

// Next returns the steps of a plan that can be ordered now, beside the jobs that are on
// their way. A node is source or target of one move at a time. busy are nodes that may not
// begin to move slots yet, for the sake of their clients.
func Next(steps []Step, jobs []Job, pace Pace, busy func(slots.NodeID) bool) (now []Step) {
	moving := make(map[slots.NodeID]bool)
	for i := range jobs {
		moving[jobs[i].From], moving[jobs[i].To] = true, true
	}
	left := pace.Jobs - len(jobs)
	for _, s := range steps {
		if s.Kind != Move {
			now = append(now, s)
			continue
		}
		if left <= 0 || moving[s.Node] || moving[s.Peer] || busy(s.Node) || busy(s.Peer) {
			continue
		}
		left--
		moving[s.Node], moving[s.Peer] = true, true
		s.Slots = first(&s.Slots, pace.Slots)
		now = append(now, s)
	}
	return now
}

// first returns the n lowest slots of a set.
func first(set *slots.Set, n int) (few slots.Set) {
	for slot := range set.All() {
		if n--; n < 0 {
			break
		}
		few.Add(slot)
	}
	return few
}
