package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestClearWaitsForThePause: a pause promises that nothing is written, and FLUSHALL is a write.
func TestClearWaitsForThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		put(e, "a", "1")
		put(e, "b", "2")
		e.PauseWrites(time.Second)
		began := time.Now()
		cleared := make(chan error)
		go func() { cleared <- e.Clear(nil) }()
		synctest.Wait()
		if n := e.Store().Len(); n != 2 {
			t.Errorf("%d of 2 keys are left during the pause", n)
		}
		if err := <-cleared; err != nil || e.Store().Len() != 0 {
			t.Errorf("after the pause: %v, %d keys", err, e.Store().Len())
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		put(e, "a", "1")
		e.PauseWrites(time.Hour)
		done := make(chan struct{})
		close(done)
		if err := e.Clear(done); err != slots.ErrTryAgain {
			t.Errorf("when it should not wait: %v", err)
		}
	})
}
