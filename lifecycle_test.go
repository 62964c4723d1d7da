package slotmesh

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// steps records, in order, what a lifecycle has its node do.
type steps struct {
	list []string
	err  error // of the teardown
}

func (s *steps) run(err error) func(context.Context) error {
	return func(context.Context) error { s.list = append(s.list, "start"); return err }
}

func (s *steps) handOver() { s.list = append(s.list, "hand over") }

func (s *steps) teardown() error { s.list = append(s.list, "tear down"); return s.err }

func (s *steps) expect(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(s.list, ", "); got != want {
		t.Errorf("the node did: %s; want: %s", got, want)
	}
}

func TestLifecycle(t *testing.T) {
	unsaved := errors.New("not saved")
	l, s := newLifecycle(), steps{err: unsaved}
	if err := l.start(t.Context(), s.run(nil), s.teardown); err != nil {
		t.Fatal(err)
	}
	if err := l.start(t.Context(), s.run(nil), s.teardown); err == nil || !strings.Contains(err.Error(), "only once") {
		t.Errorf("a second start: %v", err)
	}
	if l.over() {
		t.Error("it is over before close")
	}
	for range 2 {
		if err := l.close(s.handOver, s.teardown); err != unsaved {
			t.Errorf("close: %v, want the error of the teardown", err)
		}
	}
	if !l.over() {
		t.Error("it is not over")
	}
	s.expect(t, "start, hand over, tear down")
}

// A node that was never started is torn down, and cannot be started any more.
func TestLifecycleUnstarted(t *testing.T) {
	l, s := newLifecycle(), steps{}
	if err := l.close(s.handOver, s.teardown); err != nil {
		t.Error(err)
	}
	if err := l.start(t.Context(), s.run(nil), s.teardown); err == nil {
		t.Error("started after its end")
	}
	s.expect(t, "tear down")
}

// A start that fails tears down, once. One that has not begun can be repeated.
func TestLifecycleFailedStart(t *testing.T) {
	l, s := newLifecycle(), steps{}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.start(ended, s.run(nil), s.teardown); !errors.Is(err, context.Canceled) {
		t.Errorf("a start whose context has ended: %v", err)
	}
	s.expect(t, "")
	broken := errors.New("broken")
	if err := l.start(t.Context(), s.run(broken), s.teardown); err != broken {
		t.Errorf("start: %v", err)
	}
	if err := l.close(s.handOver, s.teardown); err != nil {
		t.Errorf("close: %v", err)
	}
	s.expect(t, "start, tear down")
}

// Close ends the context of a Start under way, and tears down when that has returned.
func TestLifecycleCloseWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLifecycle(), steps{}
		result := make(chan error)
		go func() {
			result <- l.start(t.Context(), func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				return s.run(ctx.Err())(ctx)
			}, s.teardown)
		}()
		synctest.Wait()
		began := time.Now()
		if err := l.close(s.handOver, s.teardown); err != nil || time.Since(began) != time.Second {
			t.Errorf("close: %v after %v", err, time.Since(began))
		}
		if err := <-result; err != ErrClosed {
			t.Errorf("start: %v, want ErrClosed", err)
		}
		s.expect(t, "start, hand over, tear down")
	})
}

// Of several that close, one tears down, and all wait for it.
func TestLifecycleCloseTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLifecycle(), steps{}
		if err := l.start(t.Context(), s.run(nil), s.teardown); err != nil {
			t.Fatal(err)
		}
		took := make(chan time.Duration, 3)
		began := time.Now()
		for range cap(took) {
			go func() {
				l.close(s.handOver, func() error { time.Sleep(time.Second); return s.teardown() })
				took <- time.Since(began)
			}()
		}
		for range cap(took) {
			if d := <-took; d != time.Second {
				t.Errorf("close took %v", d)
			}
		}
		s.expect(t, "start, hand over, tear down")
	})
}

// Goroutines are told by ctx when the teardown begins, which is not before the hand-over,
// and are waited for. The host can begin none any more once the end has begun.
func TestLifecycleGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := newLifecycle(), steps{}
		if err := l.start(t.Context(), s.run(nil), s.teardown); err != nil {
			t.Fatal(err)
		}
		ran := false
		if !l.trySpawn(func() { <-l.ctx.Done(); time.Sleep(time.Second); ran = true }) {
			t.Fatal("refused before the end")
		}
		l.close(func() {
			if l.ctx.Err() != nil {
				t.Error("ctx ends before the hand-over")
			}
			if l.trySpawn(func() {}) {
				t.Error("a goroutine of the host begins during the end")
			}
		}, func() error {
			if l.ctx.Err() == nil {
				t.Error("ctx has not ended in the teardown")
			}
			if l.wait(); !ran {
				t.Error("wait does not wait")
			}
			return nil
		})
	})
}

func TestBeforeStart(t *testing.T) {
	l, s := newLifecycle(), steps{}
	bad := errors.New("bad")
	if err := l.beforeStart("Handle", func() error { return bad }); err != bad {
		t.Errorf("before: %v", err)
	}
	if err := l.start(t.Context(), s.run(nil), s.teardown); err != nil {
		t.Fatal(err)
	}
	err := l.beforeStart("Handle", func() error { t.Error("it runs after Start"); return nil })
	if err == nil || err.Error() != "slotmesh: Handle must be called before Start" {
		t.Errorf("after: %v", err)
	}
	l.close(s.handOver, s.teardown)
}
