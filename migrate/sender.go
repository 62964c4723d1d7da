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
	last        int    // bytes of a large key that writes wait for: the others are sent while it is written
}

var usualLimits = limits{
	windowSlots: 256, windowKeys: 16 << 10, windows: 6, ahead: 2,
	batch: 128 << 10, part: partSize, unacked: 1 << 20, last: 32 << 10,
}

// Sender is the source's side of one job: a passive core. Inputs are its methods that take
// the time; after each of them Next returns, one by one, what the driver has to do.
type Sender struct {
	job  Job
	self slots.NodeID
	keys func(slots.Slot) int // how many keys a slot has; for sizing windows only
	told Promises             // what writers here were told
	m    *slots.Map
	lim  limits

	todo    slots.Set
	windows []*window
	batches []*batch
	lastID  uint64 // of batches, questions and SetSlots: they share one sequence, so that no answer fits two

	link     linkState
	dialAt   time.Time
	pause    time.Duration
	heardAt  time.Time
	pingedAt time.Time
	delayed  bool // the target has said that a batch waits for replicas

	begun    time.Time
	progress Progress
	err      error // how the job will end
	over     bool

	exec *executor
	out  []Effect // those before head have been carried out
	head int
}

// batch is a number of keys on their way.
type batch struct {
	id          uint64
	window      *window
	keys        int
	slots       []slots.Slot // that have keys in it
	copy        bool         // parts of a large key, which is not in flight: see copying
	size        uint64       // in wire form
	sent, acked uint64
}

// SenderConfig says what a Sender works with. Job, Map and Engine are needed.
type SenderConfig struct {
	// Job is what to do: a new job, or one from the journal.
	Job Job
	// Map is the cluster as the node sees it now.
	Map *slots.Map
	// Engine has the node's keys.
	Engine Engine
	// Promises are what writers of this node were told. Default: nothing.
	Promises Promises
	// Done, when it is closed, ends whatever waits in Engine. Default: nothing does.
	Done <-chan struct{}

	limits limits // zero: usualLimits
}

// NewSender begins a job, or goes on with one from the journal: which slots are done, open
// and untouched follows from the map.
func NewSender(now time.Time, c SenderConfig) *Sender {
	if c.Promises == nil {
		c.Promises = noPromises{}
	}
	if c.limits == (limits{}) {
		c.limits = usualLimits
	}
	s := newSender(now, c.Job, c.Map, c.Engine.Store().Count, c.Promises, c.limits)
	s.exec = newExecutor(c.Engine, c.Done)
	return s
}

func newSender(now time.Time, job Job, m *slots.Map, keys func(slots.Slot) int, told Promises, lim limits) *Sender {
	s := &Sender{job: job, self: m.Self().ID, keys: keys, told: told, m: m, lim: lim, dialAt: now, begun: now}
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
	s.put(SaveJob{s.job})
	if !open.Empty() {
		s.resume(&open)
	}
	if !lost.Empty() {
		s.newWindow(lost).enter(reverting)
	}
	if !delivered.Empty() {
		s.deliver(delivered)
	}
	s.MapChanged(now, m)
	return s
}

// resume makes one window of all slots that a former run left open.
func (s *Sender) resume(open *slots.Set) {
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

// Next does what the job wants done with the keys of its node, up to the next effect,
// which it returns for the driver to carry out; ok is false when there is none left. It is
// to be called after each input until then. It may wait in the Engine.
func (s *Sender) Next(now time.Time) (e Effect, ok bool) {
	for s.head < len(s.out) {
		e := s.out[s.head]
		s.out[s.head] = nil
		s.head++
		if part, ok := e.(sendPart); ok {
			return Send{s.exec.part(part)}, true
		}
		done, err := s.exec.do(now, s, e)
		if err != nil && !cutShort(err) {
			return KeysFailed{err}, true
		}
		if !done {
			return e, true
		}
	}
	s.out, s.head = s.out[:0], 0
	return nil, false
}

// Close takes all keys of the job out of flight. It is to be called when the job has ended,
// or the node stops: then the job goes on from the journal.
func (s *Sender) Close() { s.exec.releaseAll() }

// Status returns how the job stands.
func (s *Sender) Status(now time.Time) Status {
	t := Status{Job: s.job, State: Running, Doing: s.describe(), Progress: s.progress, Elapsed: now.Sub(s.begun),
		Updated: now}
	switch {
	case s.over && s.err != nil:
		t.State, t.Err = Failed, s.err
	case s.over && s.job.Cancelled:
		t.State = Cancelled
	case s.over:
		t.State = Finished
	case s.job.Cancelled:
		t.State = Cancelling
	}
	return t
}

func (s *Sender) put(e Effect) { s.out = append(s.out, e) }

func (s *Sender) nextID() uint64 {
	s.lastID++
	return s.lastID
}

// answered is called when the target has done what the window's phase asked for.
func (s *Sender) answered(w *window) {
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

// openedAs leaves the phase opening, or goes on with a window that was opened before a
// restart.
func (s *Sender) openedAs(w *window) {
	if w.resumed {
		w.enter(listing)
	} else {
		w.rescan() // a target that had lost this node may have returned keys
		w.enter(moving)
	}
}

// Changed tells how a SetSlots ended.
func (s *Sender) Changed(now time.Time, n uint64, err error) {
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

// listed deletes keys that the target has: they are at least as new there, because keys
// only ever move in that direction.
func (s *Sender) listed(m Message) {
	w := s.waiting(m.n)
	if w == nil || w.phase != listing {
		return
	}
	if len(m.keys) > 0 && w.set.Has(m.slot) {
		s.put(remove{m.slot, m.keys})
	}
	if !m.more {
		s.letWrite(w)
		w.enter(moving)
	}
}

// Cancel begins no further slot. Slots that are open already are finished: to bring their
// keys back would take as long, and could fail where finishing cannot.
func (s *Sender) Cancel(now time.Time) {
	if s.over || s.job.Cancelled {
		return
	}
	s.job.Cancelled = true
	s.put(SaveJob{s.job})
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
func (s *Sender) waiting(n uint64) *window {
	for _, w := range s.windows {
		if w.asked && w.n == n {
			return w
		}
	}
	return nil
}

func (s *Sender) batch(id uint64) *batch {
	for _, b := range s.batches {
		if b.id == id {
			return b
		}
	}
	return nil
}

func (s *Sender) removeWindow(gone *window) {
	for i, w := range s.windows {
		if w == gone {
			s.windows = append(s.windows[:i:i], s.windows[i+1:]...)
			return
		}
	}
}

// Remaining returns the slots that have not been handed over yet. For a Return these are
// all, since the slots that it closes stay open until its end.
func (s *Sender) Remaining() slots.Set {
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
func (s *Sender) describe() string {
	if len(s.windows) == 0 {
		return "starting"
	}
	w := s.windows[0]
	return fmt.Sprintf("%s slots %s", w.phase, w.set)
}
