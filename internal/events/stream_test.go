package events

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newStream(limit int) *Stream[string] {
	return New(limit, func(n int) string { return fmt.Sprint("missed ", n) })
}

// collect returns what a loop will have seen when it ends, and a channel that tells it.
func collect(seq iter.Seq[string], body func(string)) (seen *[]string, ended chan struct{}) {
	seen, ended = new([]string), make(chan struct{})
	go func() {
		defer close(ended)
		for e := range seq {
			*seen = append(*seen, e)
			if body != nil {
				body(e)
			}
		}
	}()
	return seen, ended
}

func want(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s: %q, want %q", what, s, want)
	}
}

// watching returns how many queues a stream feeds.
func watching(s *Stream[string]) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watches)
}

// Every loop sees everything in the order in which it was posted, from the call of Watch
// on; Close ends it after the last.
func TestManyLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(100)
		s.Post("nobody watches")
		var all []*[]string
		var ended []chan struct{}
		for i := range 20 {
			seen, end := collect(s.Watch(t.Context()), func(string) { time.Sleep(time.Duration(i) * time.Second) })
			all, ended = append(all, seen), append(ended, end)
		}
		s.Post("a")
		s.PostState("S")
		s.Post("b")
		late, end := collect(s.Watch(t.Context()), nil)
		all, ended = append(all, late), append(ended, end)
		s.Post("c")
		s.Close()
		s.Post("too late")
		s.PostState("too late")
		for i := range ended {
			<-ended[i]
		}
		for i, seen := range all[:20] {
			want(t, fmt.Sprint("loop ", i), *seen, "a, S, b, c")
		}
		want(t, "the late loop", *late, "S, c")
		if n := watching(s); n != 0 {
			t.Errorf("%d queues are left", n)
		}
		after, end := collect(s.Watch(t.Context()), nil)
		<-end
		want(t, "a loop after Close", *after, "S")
	})
}

// Posters on many goroutines: all loops see one order.
func TestOneOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(10_000)
		a, endA := collect(s.Watch(t.Context()), nil)
		b, endB := collect(s.Watch(t.Context()), nil)
		var posters sync.WaitGroup
		for i := range 10 {
			posters.Go(func() {
				for j := range 100 {
					s.Post(fmt.Sprint(i, ":", j))
				}
			})
		}
		posters.Wait()
		s.Close()
		<-endA
		<-endB
		if len(*a) != 1000 || !slices.Equal(*a, *b) {
			t.Errorf("one loop has seen %d events, the other %d, or in another order", len(*a), len(*b))
		}
	})
}

// A slow loop learns how many events it has missed, where they are missing; it misses no
// state.
func TestSlowLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(3)
		release := make(chan struct{})
		slow, endSlow := collect(s.Watch(t.Context()), func(string) { <-release })
		states, endStates := collect(s.WatchState(t.Context()), func(string) { <-release })
		quick, endQuick := collect(s.Watch(t.Context()), nil)
		post := func(events ...string) {
			for _, e := range events {
				if strings.HasPrefix(e, "S") {
					s.PostState(e)
				} else {
					s.Post(e)
				}
			}
			synctest.Wait()
		}
		post("S0") // the slow loops are in their bodies with it now
		post("a", "b", "c")
		post("d") // no room
		post("e") // no room
		post("S1")
		post("S2") // in the place of S1
		post("f")  // no room
		release <- struct{}{}
		release <- struct{}{}
		synctest.Wait() // one loop is at a, the other at S2
		post("g")       // a, b, c, missed 2, S2 are one too many still
		close(release)
		synctest.Wait()
		post("h")
		s.Close()
		<-endSlow
		<-endStates
		<-endQuick
		want(t, "slow", *slow, "S0, a, b, c, missed 2, S2, missed 2, h")
		want(t, "states", *states, "S0, S2")
		want(t, "quick", *quick, "S0, a, b, c, d, e, S1, S2, f, g, h")
	})
}

// A queue never holds much more than its limit, whatever comes.
func TestQueueIsBounded(t *testing.T) {
	s := newStream(10)
	events := s.Watch(t.Context())
	for i := range 100_000 {
		s.Post("e")
		if i%3 == 0 {
			s.PostState("S")
		}
	}
	if n := len(s.watches[0].queue); n > 12 {
		t.Errorf("the queue holds %d values", n)
	}
	s.Close()
	missed := 0
	for e := range events {
		var n int
		if _, err := fmt.Sscanf(e, "missed %d", &n); err == nil {
			missed += n
		}
	}
	if missed != 100_000-9 || s.Missed() != uint64(missed) {
		t.Errorf("%d events are said to be missed, in all %d, beside 9 and a state that had room", missed, s.Missed())
	}
}

// The end of ctx ends a loop that waits, one that is in its body, and what waits for a
// loop that never comes.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(10)
		ctx, cancel := context.WithCancel(t.Context())
		idle, endIdle := collect(s.Watch(ctx), nil)
		inside, endInside := collect(s.Watch(ctx), func(e string) {
			if e == "b" {
				cancel()
			}
		})
		s.Watch(ctx) // and no loop
		other, endOther := collect(s.Watch(t.Context()), nil)
		s.Post("a")
		synctest.Wait()
		if n := watching(s); n != 4 {
			t.Errorf("%d queues", n)
		}
		s.Post("b")
		s.Post("c")
		<-endInside
		<-endIdle
		synctest.Wait()
		want(t, "inside", *inside, "a, b")
		if got := strings.Join(*idle, ", "); !strings.HasPrefix("a, b, c", got) {
			t.Errorf("idle: %q", got)
		}
		if n := watching(s); n != 1 {
			t.Errorf("%d queues are left", n)
		}
		for range s.Watch(ctx) {
			t.Error("a loop under a context that has ended has seen something")
		}
		s.Close()
		<-endOther
		want(t, "other", *other, "a, b, c")
	})
}

// A loop that is left stops watching; the sequence can be used again, from then on. A
// panic leaves it, too.
func TestBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(10)
		seq := s.Watch(t.Context())
		s.PostState("S")
		s.Post("a")
		s.Post("b")
		for e := range seq {
			if e == "a" {
				break
			}
		}
		if n := watching(s); n != 0 {
			t.Errorf("%d queues after break", n)
		}
		s.Post("c")
		seen, end := collect(seq, nil)
		synctest.Wait()
		s.Post("d")
		synctest.Wait()
		func() {
			defer func() { recover() }()
			for range seq {
				panic("in the body")
			}
		}()
		if n := watching(s); n != 1 {
			t.Errorf("%d queues after a panic", n)
		}
		s.Close()
		<-end
		want(t, "again", *seen, "S, d")
	})
}

// Close waits for the functions of Deliver; a loop's body may close the stream itself.
func TestDeliverAndClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(10)
		var got []string
		s.Deliver(func(e string) {
			time.Sleep(time.Second)
			got = append(got, e)
		})
		// It closes at the last event: at the first, it might do so before "b" is posted.
		_, ended := collect(s.Watch(t.Context()), func(e string) {
			if e == "b" {
				s.Close()
			}
		})
		s.Post("a")
		s.Post("b")
		began := time.Now()
		s.Close()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("Close returned after %v", took)
		}
		want(t, "delivered", got, "a, b")
		<-ended
	})
}

func BenchmarkPostUnwatched(b *testing.B) {
	s := newStream(10)
	b.ReportAllocs()
	for b.Loop() {
		s.Post("a")
	}
}
