package migrate

import (
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// DropOldCopies deletes old copies after this node has restarted or taken its master's
// place: the keys that it still has in slots which a job of the journal had handed over,
// as the map says. The target's keys are at least as new, or deleted there. Before a job
// goes on, call it with the map that the job begins with, because the job ignores slots
// that are handed over and not open. dropped are the slots in which it deleted keys, and
// keys says how many; done ends what waits in the Engine.
func DropOldCopies(e Engine, m *slots.Map, job *Job, journal []Job, done <-chan struct{}) (dropped slots.Set,
	keys int, err error) {
	if !m.Self().IsMaster() || job.Kind != KindMove || job.Source != m.Self().ID {
		return dropped, 0, nil
	}
	set := job.Slots
	back := cameBack(journal, job)
	set.Subtract(&back)
	set.Subtract(m.Open())
	for slot := range set.All() {
		if n := e.Store().Count(slot); n > 0 && job.delivered(m.Owner(slot)) {
			if err := dropSlot(e, slot, done); err != nil {
				return dropped, keys, fmt.Errorf("slot %d: %w", slot, err)
			}
			dropped.Add(slot)
			keys += n
		}
	}
	return dropped, keys, nil
}

// cameBack returns the slots that later jobs have brought back, or are bringing back, to
// the source of job. Their keys there are no old copies, even if neither a claim nor an
// open slot says so: the node that had just claimed them may have died before any other
// node heard of it. What an earlier job brought was there when job began.
func cameBack(journal []Job, job *Job) (set slots.Set) {
	for i := range journal {
		other := &journal[i]
		if other.Kind == KindMove && other.Target == job.Source && other.mayFollow(job) {
			set.Union(&other.Slots)
		}
	}
	return set
}

// mayFollow reports whether a job may have begun after another one. Releases that did not
// note when jobs of other nodes came left journals in which they have no time.
func (j *Job) mayFollow(other *Job) bool {
	if j.Created.UnixMilli() <= 0 {
		return !j.Cancelled
	}
	return j.Created.After(other.Created)
}
