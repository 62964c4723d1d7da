package migrate

import (
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// DropOldCopies removes, when this node has restarted or taken its master's place, what
// it has of slots that a job of the journal had handed over by then: old copies, see
// Sender.deliver. m says what is handed over. A job that goes on has to ask with the map
// that it begins by: of slots that are handed over there and not open, it knows nothing.
// dropped are the slots that had keys, and keys their number; done ends what waits in the
// Engine.
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

// cameBack returns the slots that other jobs have brought back, or are bringing back, to
// where job took them from. What is there is no old copy, even if neither claim nor open
// slot says so: the node that had just claimed them may have died before anybody heard.
func cameBack(journal []Job, job *Job) (set slots.Set) {
	for i := range journal {
		other := &journal[i]
		if other.Kind == KindMove && other.Target == job.Source && (!other.Cancelled || other.Created.After(job.Created)) {
			set.Union(&other.Slots)
		}
	}
	return set
}
