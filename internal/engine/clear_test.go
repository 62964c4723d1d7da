package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestClearWaitsForThePause: a pause promises that nothing is written, and FLUSHALL is a
// write.
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

// TestClearWaitsForKeysInFlight: a key that is on its way when FLUSHALL comes must not be
// at the other node when that has been answered, nor come there later.
func TestClearWaitsForKeysInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		put(e, "foo", "1")
		put(e, "{foo}b", "2")
		put(e, "bar", "3") // in slot 5061, before foo's
		freeze(e, 1, "foo")
		cleared := make(chan error)
		go func() { cleared <- e.Clear(nil) }()
		synctest.Wait()
		if n := e.Store().Count(slotOfFoo); n != 2 || e.Store().Len() != 2 {
			t.Errorf("while a key is in flight its slot holds %d keys, all together %d", n, e.Store().Len())
		}
		if err := e.Commit(slotOfFoo, 1, [][]byte{[]byte("foo")}, nil); err != nil {
			t.Fatal(err)
		}
		if err := <-cleared; err != nil || e.Store().Len() != 0 {
			t.Errorf("after it: %v, %d keys", err, e.Store().Len())
		}

		put(e, "foo", "1")
		freeze(e, 2, "foo")
		go func() { cleared <- e.Clear(nil) }()
		synctest.Wait()
		e.Reject(slotOfFoo, 2, true)
		if err := <-cleared; err != slots.ErrTryAgain || e.Store().Len() != 1 {
			t.Errorf("when it was rejected: %v, %d keys", err, e.Store().Len())
		}
	})
}
