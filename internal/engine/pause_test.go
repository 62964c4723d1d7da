package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

func TestPauseHoldsWritesNotReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		key := []byte("k")
		a := &Access{Slot: slots.Of(key), Keys: [][]byte{key}}
		set := func(v string) error {
			return e.Update(a, func(tx *keyspace.Tx) error { return tx.Put(key, keyspace.String, []byte(v), 0) })
		}
		get := func() (v string) {
			e.View(a, func(tx *keyspace.Tx) error { x, _ := tx.Get(key); v = string(x.Value); return nil })
			return v
		}
		if err := set("before"); err != nil {
			t.Fatal(err)
		}
		first := e.PauseWrites(time.Second)
		second := e.PauseWrites(3 * time.Second)
		began := time.Now()
		took := make(chan time.Duration)
		go func() { set("after"); took <- time.Since(began) }()
		synctest.Wait()
		if v := get(); v != "before" {
			t.Fatalf("value %q while paused", v)
		}
		done := make(chan struct{})
		close(done)
		b := *a
		b.Done = done
		if err := e.Update(&b, func(*keyspace.Tx) error { return nil }); !errors.Is(err, slots.ErrTryAgain) {
			t.Fatalf("a write that gave up: %v", err)
		}
		if d := <-took; d != 3*time.Second || get() != "after" {
			t.Fatalf("the write went on after %v, want 3s; value %q", d, get())
		}
		first.Resume()
		second.Resume()

		third := e.PauseWrites(time.Hour)
		began = time.Now()
		go func() { set("resumed"); took <- time.Since(began) }()
		synctest.Wait()
		third.Resume()
		if d := <-took; d != 0 || get() != "resumed" {
			t.Fatalf("Resume did not resume: %v, %q", d, get())
		}
	})
}

// When PauseWrites returns, nothing is written any more.
func TestPauseIsABarrier(t *testing.T) {
	store := keyspace.New(keyspace.Config{})
	e := New(store)
	key := []byte("k")
	a := &Access{Slot: slots.Of(key), Keys: [][]byte{key}}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for i := byte(0); ; i++ {
			select {
			case <-stop:
				return
			default:
				e.Update(a, func(tx *keyspace.Tx) error { return tx.Put(key, keyspace.String, []byte{i}, 0) })
			}
		}
	}()
	version := func() (v uint64) {
		e.View(a, func(tx *keyspace.Tx) error { v = tx.Version(key); return nil })
		return v
	}
	for range 200 {
		p := e.PauseWrites(time.Hour)
		was := version()
		for range 100 {
			if v := version(); v != was {
				t.Fatalf("written while paused: version %d, then %d", was, v)
			}
		}
		p.Resume()
	}
	close(stop)
	<-ended
}
