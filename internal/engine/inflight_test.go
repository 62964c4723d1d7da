package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

const slotOfFoo slots.Slot = 12182 // docs/spec.md §1.2

func put(e *Engine, key, value string) error {
	return e.Update(access(key), func(tx *keyspace.Tx) error {
		return tx.Put([]byte(key), keyspace.String, []byte(value), 0)
	})
}

func get(e *Engine, key string) (value string, ok bool) {
	e.View(access(key), func(tx *keyspace.Tx) error {
		var entry keyspace.Entry
		entry, ok = tx.Get([]byte(key))
		value = string(entry.Value)
		return nil
	})
	return value, ok
}

func access(key string) *Access {
	return &Access{Slot: slots.OfString(key), Keys: [][]byte{[]byte(key)}}
}

// freeze puts key in flight, under the slot's lock.
func freeze(e *Engine, id uint64, key string) (frozen bool) {
	e.Store().View(slots.OfString(key), func(*keyspace.Tx) error {
		frozen = e.Freeze(slots.OfString(key), id, []byte(key))
		return nil
	})
	return frozen
}

// TestWriteWaitsForItsKeyInFlight: a key in flight can be read; a write to it waits
// until it is committed, other keys of the slot are free.
func TestWriteWaitsForItsKeyInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		put(e, "foo", "sent")
		put(e, "{foo}other", "here")
		if !freeze(e, 1, "foo") || freeze(e, 2, "foo") || !freeze(e, 1, "foo") {
			t.Fatal("a key must be in flight once, and may be frozen again by the same")
		}
		waited := make(chan time.Duration)
		start := time.Now()
		go func() {
			put(e, "foo", "new")
			waited <- time.Since(start)
		}()
		synctest.Wait()
		if v, ok := get(e, "foo"); !ok || v != "sent" {
			t.Fatalf("a read in flight: %q, %v", v, ok)
		}
		if err := put(e, "{foo}other", "changed"); err != nil || time.Since(start) != 0 {
			t.Fatalf("another key of the slot: %v after %v", err, time.Since(start))
		}
		time.Sleep(20 * time.Millisecond)
		if err := e.Commit(slotOfFoo, 1, nil, nil); err != nil {
			t.Fatal(err)
		}
		if d := <-waited; d != 20*time.Millisecond {
			t.Fatalf("the write waited %v, it was in flight for 20ms", d)
		}
		if v, _ := get(e, "foo"); v != "new" {
			t.Fatalf("after it: %q", v)
		}
	})
}

func TestCommitDeletesWhatWasAcknowledged(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	put(e, "foo", "1")
	put(e, "{foo}b", "2")
	freeze(e, 7, "foo")
	freeze(e, 7, "{foo}b")
	if err := e.Commit(slotOfFoo, 7, [][]byte{[]byte("foo")}, nil); err != nil {
		t.Fatal(err)
	}
	if _, ok := get(e, "foo"); ok {
		t.Error("an acknowledged key is still here")
	}
	if _, ok := get(e, "{foo}b"); !ok {
		t.Error("a key that was not acknowledged is gone")
	}
	if err := put(e, "{foo}b", "3"); err != nil {
		t.Error(err)
	}
}

func TestRejectedKeyInFlightRefusesWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(keyspace.New(keyspace.Config{}))
		put(e, "foo", "1")
		freeze(e, 1, "foo")
		result := make(chan error)
		go func() { result <- put(e, "foo", "2") }()
		synctest.Wait()
		e.Reject(slotOfFoo, 1, true)
		if err := <-result; err != slots.ErrTryAgain {
			t.Fatalf("a write that waited when its key was rejected: %v", err)
		}
		e.Reject(slotOfFoo, 1, false)
		go func() { result <- put(e, "foo", "2") }()
		synctest.Wait()
		e.Commit(slotOfFoo, 1, nil, nil)
		if err := <-result; err != nil {
			t.Fatal(err)
		}
	})
}

func TestFreezeAllHoldsKeysToCome(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	put(e, "foo", "1")
	e.FreezeAll(slotOfFoo, 1)
	if err := put(e, "{foo}new", "1"); err != slots.ErrTryAgain {
		t.Fatalf("a write to a held slot: %v", err)
	}
	if v, ok := get(e, "foo"); !ok || v != "1" {
		t.Fatalf("a read of a held slot: %q, %v", v, ok)
	}
	e.Commit(slotOfFoo, 1, nil, nil)
	if err := put(e, "{foo}new", "1"); err != nil {
		t.Fatal(err)
	}
}

func TestDoneEndsTheWait(t *testing.T) {
	e := New(keyspace.New(keyspace.Config{}))
	put(e, "foo", "1")
	freeze(e, 1, "foo")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a := access("foo")
	a.Done = ctx.Done()
	ran := false
	if err := e.Update(a, func(*keyspace.Tx) error { ran = true; return nil }); !errors.Is(err, slots.ErrTryAgain) || ran {
		t.Fatalf("Update = %v, ran %v", err, ran)
	}
}

func BenchmarkUpdateWithNothingInFlight(b *testing.B) {
	e := New(keyspace.New(keyspace.Config{}))
	put(e, "foo", "1")
	a := access("foo")
	b.ReportAllocs()
	for b.Loop() {
		e.Update(a, func(*keyspace.Tx) error { return nil })
	}
}
