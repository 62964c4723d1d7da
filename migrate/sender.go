package migrate

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// limits are what a job does at once. Tests make them small.
type limits struct {
	windowSlots int    // slots that go through the phases together
	windowKeys  int    // keys in them, unless a single slot has more
	windows     int    // windows that are begun, in whatever phase
	ahead       int    // windows that wait, prepared, for their keys to move
	batch       int    // bytes of keys that are put together
	part        uint64 // bytes of a batch in one frame
	unacked     uint64 // bytes sent and not acknowledged: they take memory, and writes to their keys wait
}

var usualLimits = limits{
	windowSlots: 256, windowKeys: 16 << 10, windows: 6, ahead: 2,
	batch: 128 << 10, part: partSize, unacked: 1 << 20,
}

// sender is the source's side of one job: a passive core.
type sender struct {
	job  Job
	self slots.NodeID
	keys func(slots.Slot) int // how many keys a slot has; for sizing windows only
	told Promises             // what writers here were told
	m    *slots.Map
	lim  limits

	todo    slots.Set
	windows []*window
	batches []*batch
	lastID  uint64 // of batches, questions and setSlots: they share one sequence, so that no answer fits two

	link     linkState
	dialAt   time.Time
	pause    time.Duration
	heardAt  time.Time
	pingedAt time.Time
	delayed  bool // the target has said that a batch waits for replicas

	progress Progress
	err      error // how the job will end
	over     bool
	out      []effect
}

// batch is a number of keys on their way.
type batch struct {
	id          uint64
	window      *window
	keys        int
	slots       []slots.Slot // of which it may have keys
	size        uint64       // in wire form
	sent, acked uint64
}

// newSender begins a job, or goes on with one from the journal: which slots are done, open
// and untouched follows from m.
func newSender(now time.Time, job Job, m *slots.Map, keys func(slots.Slot) int, told Promises, lim limits) *sender {
	s := &sender{job: job, self: m.Self().ID, keys: keys, told: told, m: m, lim: lim, dialAt: now}
	var open, lost, delivered slots.Set
	for slot := range job.Slots.All() {
		owner := m.Owner(slot)
		_, migrating := m.Migrating(slot)
		switch {
		case job.Kind == KindReturn:
			s.todo.Add(slot)
		case job.delivered(owner) && migrating:
			delivered.Add(slot)
		case owner == nil || owner.ID != s.self:
			if migrating {
				lost.Add(slot)
			}
		case migrating:
			open.Add(slot)
		case !job.Cancelled:
			s.todo.Add(slot)
		}
	}
	s.job.Source = s.self
	s.progress.Total = s.todo.Len() + open.Len()
	s.put(save{s.job})
	if !open.Empty() {
		s.resume(&open)
	}
	if !lost.Empty() {
		s.newWindow(lost).enter(reverting)
	}
	if !delivered.Empty() {
		s.deliver(delivered)
	}
	s.mapChanged(now, m)
	return s
}

// resume makes one window of all slots that a former run left open.
func (s *sender) resume(open *slots.Set) {
	w := s.newWindow(*open)
	w.resumed = true
	for slot := range open.All() {
		w.peer, _ = s.m.Migrating(slot) // if they differ, opening again makes them equal
		if w.peer != s.job.Target {
			break
		}
	}
	s.put(hold{*open})
}

// output returns what to do now, in order.
func (s *sender) output() []effect {
	out := s.out
	s.out = nil
	return out
}

func (s *sender) put(e effect) { s.out = append(s.out, e) }

func (s *sender) nextID() uint64 {
	s.lastID++
	return s.lastID
}

// answered is called when the target has done what the window's phase asked for.
func (s *sender) answered(w *window) {
	switch w.phase {
	case preparing:
		switch {
		case w.peer != s.job.Target:
			w.enter(opening)
		default:
			s.openedAs(w)
			s.reject(w, false)
		}
	case finalising:
		w.enter(closing)
	case abandoning:
		s.removeWindow(w)
	}
}

// openedAs follows opening, which a window from before a restart has behind it.
func (s *sender) openedAs(w *window) {
	if w.resumed {
		w.enter(listing)
	} else {
		w.rescan() // a target that had lost this node may have returned keys
		w.enter(moving)
	}
}

// changed tells how a setSlots ended.
func (s *sender) changed(now time.Time, n uint64, err error) {
	w := s.waiting(n)
	if s.over || w == nil {
		return
	}
	switch {
	case err != nil:
		s.progress.Waiting = err.Error()
		w.asked, w.retryAt = false, now.Add(retryAfter)
	case w.phase == opening && w.peer != s.job.Target: // the target changed meanwhile
		w.enter(preparing)
	case w.phase == opening:
		s.openedAs(w)
	case w.phase == closing:
		s.progress.Slots += w.set.Len()
		s.removeWindow(w)
	case w.phase == reverting:
		s.removeWindow(w)
	}
	s.advance(now)
}

// listed takes keys that the target has: whatever it has is at least as new as what
// is here, because keys only ever go that way.
func (s *sender) listed(m message) {
	w := s.waiting(m.N)
	if w == nil || w.phase != listing {
		return
	}
	if len(m.Keys) > 0 && w.set.Has(m.Slot) {
		s.put(remove{m.Slot, m.Keys})
	}
	if !m.More {
		s.letWrite(w)
		w.enter(moving)
	}
}

// cancel begins no further slot. What is open already goes on to its end, which cannot
// fail to come: to go back would leave, for as long, the very state that is to be avoided.
func (s *sender) cancel(now time.Time) {
	if s.over || s.job.Cancelled {
		return
	}
	s.job.Cancelled = true
	s.put(save{s.job})
	s.progress.Total -= s.todo.Len()
	s.todo = slots.Set{}
	for _, w := range append([]*window(nil), s.windows...) {
		if w.phase != preparing || w.opened() {
			continue
		}
		s.progress.Total -= w.set.Len()
		if w.told {
			w.enter(abandoning)
		} else {
			s.removeWindow(w)
		}
	}
	s.advance(now)
}

// waiting returns the window that waits for the answer to n.
func (s *sender) waiting(n uint64) *window {
	for _, w := range s.windows {
		if w.asked && w.n == n {
			return w
		}
	}
	return nil
}

func (s *sender) batch(id uint64) *batch {
	for _, b := range s.batches {
		if b.id == id {
			return b
		}
	}
	return nil
}

func (s *sender) removeWindow(gone *window) {
	for i, w := range s.windows {
		if w == gone {
			s.windows = append(s.windows[:i:i], s.windows[i+1:]...)
			return
		}
	}
}

// remaining returns the slots that have not been handed over yet; of a Return all, since it
// is only at its end that what it undoes is closed.
func (s *sender) remaining() slots.Set {
	if s.job.Kind == KindReturn {
		return s.job.Slots
	}
	set := s.todo
	for _, w := range s.windows {
		if w.phase != closing && w.phase != reverting {
			set.Union(&w.set)
		}
	}
	return set
}

// describe says what the job is doing, for people.
func (s *sender) describe() string {
	if len(s.windows) == 0 {
		return "starting"
	}
	w := s.windows[0]
	return fmt.Sprintf("%s slots %s", w.phase, w.set)
}
