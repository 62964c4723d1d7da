// Package events carries what happens from where it happens to the loops that watch: one
// stream of values, and for each loop a bounded queue of its own, so that a loop that takes
// its time holds up neither the sender nor the other loops.
//
// There are two kinds of values. An event is something that happened. A state is how
// things are from now on: of several that wait in a queue only the latest counts, so it
// is never left out, and a new loop begins with it.
package events

import (
	"context"
	"iter"
	"sync"
)

// Stream is a stream of values of type E. It is safe for concurrent use, and starts no
// goroutine but for Deliver.
type Stream[E any] struct {
	limit  int
	missed func(count int) E
	told   sync.WaitGroup // the goroutines of Deliver

	mu      sync.Mutex // guards the fields below, and those of the watches
	watches []*watch[E]
	state   E // the latest, if known
	known   bool
	closed  bool
	left    uint64 // events that full queues did not take
}

// New returns a stream whose queues hold limit values. A loop that is so slow that more
// events come gets what missed returns in the place of those that are left out.
func New[E any](limit int, missed func(count int) E) *Stream[E] {
	return &Stream[E]{limit: limit, missed: missed}
}

// Post sends an event to every loop. It never waits. Loops see what is posted in one
// order.
func (s *Stream[E]) Post(event E) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, w := range s.watches {
		w.addLocked(event, s)
	}
}

// PostState sends a state to every loop, in the place of the one before if that still
// waits. It never waits itself.
func (s *Stream[E]) PostState(state E) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.state, s.known = state, true
	for _, w := range s.watches {
		w.addStateLocked(s)
	}
}

// Missed returns how many events loops were not given because their queues were full.
func (s *Stream[E]) Missed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

// Close ends every loop once it has seen what was posted before; what is posted from now
// on is dropped. Close waits for Deliver's functions, not for other loops.
func (s *Stream[E]) Close() {
	s.mu.Lock()
	s.closed = true
	for _, w := range s.watches {
		w.wake()
	}
	s.mu.Unlock()
	s.told.Wait()
}

// Watch returns the states and events from now on, until ctx ends or the stream is
// closed. They wait from this call on, up to the limit; if the sequence is used again,
// from its next beginning on.
func (s *Stream[E]) Watch(ctx context.Context) iter.Seq[E] { return s.watch(ctx, false) }

// WatchState is Watch without the events.
func (s *Stream[E]) WatchState(ctx context.Context) iter.Seq[E] { return s.watch(ctx, true) }

// Deliver calls to with what Watch yields, on a goroutine of its own, until the stream is
// closed.
func (s *Stream[E]) Deliver(to func(E)) {
	all := s.Watch(context.Background())
	s.told.Go(func() { all(func(e E) bool { to(e); return true }) })
}

func (s *Stream[E]) watch(ctx context.Context, stateOnly bool) iter.Seq[E] {
	first := s.begin(stateOnly)
	forget := context.AfterFunc(ctx, func() { s.end(first) }) // there may never be a loop
	var once sync.Once
	return func(yield func(E) bool) {
		var w *watch[E]
		once.Do(func() { w = first })
		if w == nil {
			w = s.begin(stateOnly)
		}
		defer func() { forget(); s.end(w) }()
		for ctx.Err() == nil {
			e, ok, closed := s.next(w)
			if ok && !yield(e) || !ok && closed {
				return
			}
			if ok {
				continue
			}
			select {
			case <-w.woken:
			case <-ctx.Done():
				return
			}
		}
	}
}
