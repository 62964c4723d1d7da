package keyspace

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

const inFlightSlot slots.Slot = 3

// newInFlight returns an InFlight whose keys a and b exist, a in flight with the id.
func newInFlight(t *testing.T) (f *InFlight, id uint64) {
	t.Helper()
	f = NewInFlight(New(Config{}))
	id = f.NewID()
	for _, key := range []string{"a", "b"} {
		if err := putWaiting(f, key, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.Store().View(inFlightSlot, func(*Tx) error {
		if !f.Freeze(inFlightSlot, id, []byte("a")) || f.Freeze(inFlightSlot, f.NewID(), []byte("a")) {
			t.Error("a key is not in flight with one id exactly")
		}
		return nil
	})
	return f, id
}

// putWaiting writes a key when it is not in flight.
func putWaiting(f *InFlight, key string, done <-chan struct{}) error {
	return f.Update(inFlightSlot, [][]byte{[]byte(key)}, done, func(tx *Tx) error {
		return tx.Put([]byte(key), String, []byte("v"), 0)
	})
}

func (f *InFlight) release(id uint64) {
	f.Store().View(inFlightSlot, func(*Tx) error { f.Release(inFlightSlot, id); return nil })
}

// TestUpdateWaitsForKeysInFlight: for those that it names, and no longer than until they
// are released.
func TestUpdateWaitsForKeysInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, id := newInFlight(t)
		if err := putWaiting(f, "b", nil); err != nil {
			t.Error(err)
		}
		start, waited := time.Now(), make(chan error)
		go func() { waited <- putWaiting(f, "a", nil) }()
		time.Sleep(time.Second)
		f.release(id)
		if err := <-waited; err != nil || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if f.Any(inFlightSlot) {
			t.Error("there are keys in flight after all were released")
		}
	})
}

// TestUpdateOfRejectedKeys fails, whether it waits already or comes then, until rejecting
// ends.
func TestUpdateOfRejectedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, id := newInFlight(t)
		waited := make(chan error, 1)
		go func() { waited <- putWaiting(f, "a", nil) }()
		synctest.Wait()
		f.Reject(inFlightSlot, id, true)
		if err := <-waited; !errors.Is(err, slots.ErrTryAgain) {
			t.Errorf("a write that waits: %v", err)
		}
		if err := putWaiting(f, "a", nil); !errors.Is(err, slots.ErrTryAgain) {
			t.Errorf("a write that comes: %v", err)
		}
		f.Reject(inFlightSlot, id, false)
		go func() { waited <- putWaiting(f, "a", nil) }()
		synctest.Wait()
		f.release(id)
		if err := <-waited; err != nil {
			t.Error(err)
		}
	})
}

func TestDoneEndsAnUpdateThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _ := newInFlight(t)
		done, waited := make(chan struct{}), make(chan error)
		go func() { waited <- putWaiting(f, "a", done) }()
		synctest.Wait()
		close(done)
		if err := <-waited; !errors.Is(err, slots.ErrTryAgain) {
			t.Error(err)
		}
	})
}

// TestFreezeAllHoldsTheWholeSlot, keys that do not exist included, until its release.
func TestFreezeAllHoldsTheWholeSlot(t *testing.T) {
	f, id := newInFlight(t)
	f.release(id)
	f.FreezeAll(inFlightSlot, id)
	for _, key := range []string{"a", "new"} {
		if err := putWaiting(f, key, nil); !errors.Is(err, slots.ErrTryAgain) {
			t.Errorf("%s: %v", key, err)
		}
	}
	f.release(id)
	if err := putWaiting(f, "new", nil); err != nil {
		t.Error(err)
	}
}
