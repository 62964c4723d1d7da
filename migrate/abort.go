package migrate

import (
	"errors"

	"github.com/slotmesh/slotmesh/slots"
)

// How a job may end other than well.
var (
	// ErrTargetGone ends a job whose target was forgotten. The slots that had not been
	// handed over stay, with the keys that had not been moved.
	ErrTargetGone = errors.New("migrate: the target node is no longer in the cluster")
	// ErrDemoted ends a job on a node that became a replica; the new master goes on with it.
	ErrDemoted = errors.New("migrate: this node is no master any more")
)

// giveUp ends the job without its target: it closes the open slots again, which stay this
// node's own.
func (s *Sender) giveUp(err error) {
	if s.err == nil {
		s.err = err
	}
	s.dropCopies()
	for _, b := range s.batches {
		s.put(commit{b.id, false})
	}
	s.batches, s.todo = nil, slots.Set{}
	for _, w := range append([]*window(nil), s.windows...) {
		s.letWrite(w)
		if w.opened() {
			w.enter(reverting)
		} else {
			s.removeWindow(w)
		}
	}
	s.hangUp()
}

func (s *Sender) hangUp() {
	if s.link >= linkGreeting {
		s.put(HangUp{})
	}
	s.link = linkDown
}

// letWrite ends the hold on a window from before a restart.
func (s *Sender) letWrite(w *window) {
	if w.resumed {
		s.put(release{w.set})
		w.resumed = false
	}
}

// finish ends the job.
func (s *Sender) finish() {
	s.over = true
	if s.link == linkUp {
		s.send(Message{typ: msgBye})
	}
	s.hangUp()
	s.put(ForgetJob{})
	s.put(Finish{})
}
