package migrate

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// Resumable returns the jobs of a journal with which this node goes on after a restart, or
// in the place of its former master: those that move its slots and have something left to
// do, each with the slots that it has to look after. No slot is in two of them: two jobs
// that moved the same keys would mix the parts of large ones.
//
// The journal also has jobs that are over, and a later job may have opened their slots
// again. A node begins no job with slots that another of its jobs still moves. So of the
// jobs that have a slot, the latest is the one that may have opened it. A job that has
// neither been cancelled nor come to its end is the latest, whatever the clocks said.
func Resumable(journal []Job, m *slots.Map) (jobs []Job) {
	var running, ended []Job
	for _, job := range journal {
		switch {
		case job.Kind != KindMove || job.Source != m.Self().ID:
		case job.Cancelled:
			ended = append(ended, job)
		default:
			running = append(running, job)
		}
	}
	latestFirst := func(a, b Job) int {
		return cmp.Or(b.Created.Compare(a.Created), bytes.Compare(a.ID[:], b.ID[:]))
	}
	slices.SortFunc(running, latestFirst)
	slices.SortFunc(ended, latestFirst)
	var taken slots.Set
	for _, job := range append(running, ended...) {
		all := job.Slots
		job.Slots.Subtract(&taken)
		taken.Union(&all)
		if job.Cancelled {
			left := job.leftOpen(m)
			job.Slots.Intersect(&left)
		}
		if !job.Slots.Empty() {
			jobs = append(jobs, job)
		}
	}
	return jobs
}

// leftOpen returns the slots that a job which was cancelled, or is over, may have left open:
// to close them is all that it has to do. One that is migrating to another master in good
// health was opened by hand, since the job is over.
func (j *Job) leftOpen(m *slots.Map) (set slots.Set) {
	for slot := range j.Slots.All() {
		to, migrating := m.Migrating(slot)
		if !migrating {
			continue
		}
		if n := m.Node(to); n == nil || !n.IsMaster() || n.Health == slots.Failed || j.delivered(n) {
			set.Add(slot)
		}
	}
	return set
}
