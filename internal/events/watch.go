package events

import "slices"

// watch is the queue of one loop. Stream.mu guards it.
type watch[E any] struct {
	stateOnly bool
	queue     []entry[E]
	stated    bool          // the state is in the queue
	missed    int           // events left out after those in the queue
	woken     chan struct{} // holds one token if there is something new
}

// entry is an event, or stands for the state, which is filled in when the loop comes to it.
type entry[E any] struct {
	event   E
	isState bool
}

// begin adds a watch. It starts with the state.
func (s *Stream[E]) begin(stateOnly bool) *watch[E] {
	w := &watch[E]{stateOnly: stateOnly, woken: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known {
		w.addStateLocked(s)
	}
	if !s.closed {
		s.watches = append(s.watches, w)
	}
	return w
}

// end removes a watch and what waits in it.
func (s *Stream[E]) end(w *watch[E]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.queue, w.missed = nil, 0
	if i := slices.Index(s.watches, w); i >= 0 {
		s.watches = slices.Delete(s.watches, i, i+1)
	}
}

// next removes and returns the first value of a queue. ok is false if there is none now;
// closed is true if none will come.
func (s *Stream[E]) next(w *watch[E]) (e E, ok, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(w.queue) == 0 {
		w.addMissedLocked(s)
	}
	if len(w.queue) == 0 {
		w.queue = nil // its array is not needed any more
		return e, false, s.closed
	}
	first := w.queue[0]
	w.queue[0] = entry[E]{}
	w.queue = w.queue[1:]
	if first.isState {
		w.stated = false
		return s.state, true, false
	}
	return first.event, true, false
}

// addLocked queues an event, or counts it as missed.
func (w *watch[E]) addLocked(event E, s *Stream[E]) {
	if w.stateOnly {
		return
	}
	if len(w.queue) >= s.limit {
		w.missed++
		s.left++
		return
	}
	w.addMissedLocked(s)
	w.queue = append(w.queue, entry[E]{event: event})
	w.wake()
}

// addStateLocked queues the state, even beyond the limit: it is there once at most.
func (w *watch[E]) addStateLocked(s *Stream[E]) {
	if w.stated {
		return
	}
	w.addMissedLocked(s)
	w.stated = true
	w.queue = append(w.queue, entry[E]{isState: true})
	w.wake()
}

// addMissedLocked queues how many events were left out, if any.
func (w *watch[E]) addMissedLocked(s *Stream[E]) {
	if w.missed > 0 {
		w.queue = append(w.queue, entry[E]{event: s.missed(w.missed)})
		w.missed = 0
	}
}

func (w *watch[E]) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}
