package keyspace

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

var errTestBusy = errors.New("busy")

// lasting is the function of a transaction that lasts until end, or until it is asked to
// end.
func lasting(end <-chan struct{}, then func(*Tx) error) func(*Tx) error {
	asked := make(chan error, 1)
	h := &Hold{Began: time.Now(), Busy: errTestBusy, End: func(reason error) {
		select {
		case asked <- reason:
		default:
		}
	}}
	return func(tx *Tx) error {
		tx.Hold(h)
		select {
		case <-end:
			return then(tx)
		case reason := <-asked:
			return reason
		}
	}
}

func setTo(key, value string) func(*Tx) error {
	return func(tx *Tx) error { return tx.Put([]byte(key), String, []byte(value), 0) }
}

// withHold calls fn while a transaction holds the slot of "k". A second channel tells how
// that ended.
func withHold(t *testing.T, fn func(s *Store, slot slots.Slot, end chan struct{}, ended <-chan error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, slot := New(Config{}), slots.OfString("k")
		s.SetBusyAfter(5 * time.Second)
		if err := s.Update(slot, setTo("k", "before")); err != nil {
			t.Fatal(err)
		}
		end, ended := make(chan struct{}), make(chan error, 1)
		go func() { ended <- s.Update(slot, lasting(end, setTo("k", "after"))) }()
		synctest.Wait()
		fn(s, slot, end, ended)
	})
}

func valueOf(t *testing.T, s *Store, key string) (value string) {
	t.Helper()
	err := s.View(slots.OfString(key), func(tx *Tx) error {
		e, _ := tx.Peek([]byte(key))
		value = string(e.Value)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return value
}

// TestHoldMakesOthersBusy: those that came before the threshold get the error in the moment
// of it, later ones at once; what has another slot notices nothing.
func TestHoldMakesOthersBusy(t *testing.T) {
	withHold(t, func(s *Store, slot slots.Slot, end chan struct{}, ended <-chan error) {
		began := time.Now()
		done := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(done) })
		tries := map[string]func() error{
			"update": func() error { return s.TryUpdate(slot, nil, setTo("k", "x")) },
			"view":   func() error { return s.TryView(slot, nil, func(*Tx) error { return nil }) },
			"keys":   func() error { _, err := s.TryKeys(slot, 1, nil); return err },
			"random": func() error { _, err := s.TryRandomKey(rand.Uint64, nil); return err },
			"drop":   func() error { _, err := s.TryDropIf(slot, nil, func() bool { return true }); return err },
			"scan": func() error {
				_, err := s.TryScan(0, 10, nil, func(slots.Slot, []byte, Entry) bool { return true })
				return err
			},
			"given up": func() error { return s.TryUpdate(slot, done, setTo("k", "x")) },
		}
		var wg sync.WaitGroup
		for name, try := range tries {
			wg.Go(func() {
				want := 5 * time.Second
				if name == "given up" {
					want = time.Second
				}
				if err := try(); err != errTestBusy || time.Since(began) != want {
					t.Errorf("%s: %v after %v", name, err, time.Since(began))
				}
			})
		}
		if s.Busy(slot) != nil || s.AnyBusy() != nil {
			t.Error("busy before its time")
		}
		wg.Wait()
		if s.Busy(slot) != errTestBusy || s.AnyBusy() != errTestBusy || s.Busy(slot+1) != nil {
			t.Error("not busy")
		}
		if err := s.TryUpdate(slot, nil, setTo("k", "x")); err != errTestBusy || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if err := s.TryUpdate(slots.OfString("other"), nil, setTo("other", "x")); err != nil {
			t.Error(err)
		}
		close(end)
		if err := <-ended; err != nil || valueOf(t, s, "k") != "after" || s.AnyBusy() != nil {
			t.Errorf("%v, %q", err, valueOf(t, s, "k"))
		}
	})
}

// TestHoldFreesThoseThatWaitAlready: they came while the slot was locked, before it was held.
func TestHoldFreesThoseThatWaitAlready(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, slot := New(Config{}), slots.OfString("k")
		s.SetBusyAfter(time.Second)
		var wg sync.WaitGroup
		end := make(chan struct{})
		hold := lasting(end, setTo("k", "x"))
		s.Update(slot, func(tx *Tx) error {
			waits := make(chan struct{})
			began := time.Now()
			for range 3 {
				wg.Go(func() {
					waits <- struct{}{}
					if err := s.TryView(slot, nil, func(*Tx) error { return nil }); err != errTestBusy {
						t.Error(err)
					}
					if time.Since(began) != time.Second {
						t.Errorf("after %v", time.Since(began))
					}
				})
				<-waits
			}
			time.AfterFunc(time.Minute, func() { close(end) })
			return hold(tx)
		})
		wg.Wait()
	})
}

// TestHoldIsWaitedFor: who must not fail waits for the end, however late that is.
func TestHoldIsWaitedFor(t *testing.T) {
	withHold(t, func(s *Store, slot slots.Slot, end chan struct{}, ended <-chan error) {
		began := time.Now()
		time.AfterFunc(time.Hour, func() { close(end) })
		var wg sync.WaitGroup
		for name, wait := range map[string]func(){
			"update": func() { s.Update(slot, func(*Tx) error { return nil }) },
			"dump": func() {
				s.Dump(slot, DumpCursor{}, 1<<20, func(op Op) error {
					if string(op.Key) == "k" && string(op.Value) != "after" {
						t.Errorf("dumped %q", op.Value)
					}
					return nil
				})
			},
			"import": func() {
				s.Import([]Op{{Kind: OpPut, Slot: slot, Key: []byte("i")}}, false, func() bool { return true })
			},
			"precopy": func() { s.Precopy(slot, []byte("k")).End() },
			"cancel":  func() { s.Cancel(&Waiter{slot: slot}) },
		} {
			wg.Go(func() {
				if wait(); time.Since(began) != time.Hour {
					t.Errorf("%s after %v", name, time.Since(began))
				}
			})
		}
		wg.Wait()
		<-ended
	})
}

func TestHoldIsEnded(t *testing.T) {
	for name, c := range map[string]struct {
		by     func(*Store, slots.Slot)
		reason error
		after  time.Duration
	}{
		"barrier": {func(s *Store, slot slots.Slot) { set := slots.NewSet(slot); s.Barrier(&set) }, ErrInterrupted, 0},
		"waiters": {func(s *Store, slot slots.Slot) {
			set := slots.Full()
			s.waiting.count.Add(1) // otherwise there is nothing to look for
			s.WakeWaiters(&set)
		}, ErrInterrupted, 0},
		"apply": {func(s *Store, slot slots.Slot) {
			s.Apply(Op{Kind: OpDelete, Slot: slot, Key: []byte("x")})
		}, ErrOverwritten, 5 * time.Second},
		"adopt": {func(s *Store, _ slots.Slot) { s.Adopt(s.Stage()) }, ErrOverwritten, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			withHold(t, func(s *Store, slot slots.Slot, _ chan struct{}, ended <-chan error) {
				began := time.Now()
				if c.by(s, slot); time.Since(began) != c.after {
					t.Errorf("after %v", time.Since(began))
				}
				if err := <-ended; err != c.reason {
					t.Error(err)
				}
				if name != "adopt" && valueOf(t, s, "k") != "before" {
					t.Errorf("what it wrote has not been taken back: %q", valueOf(t, s, "k"))
				}
			})
		})
	}
}

// TestHoldIsPassedOver: expiry and eviction take what is in other slots.
func TestHoldIsPassedOver(t *testing.T) {
	withHold(t, func(s *Store, slot slots.Slot, end chan struct{}, ended <-chan error) {
		soon := time.Now().Add(time.Second).UnixMilli()
		other := slots.OfString("other")
		s.Update(other, func(tx *Tx) error { return tx.Put([]byte("other"), String, []byte("x"), soon) })
		time.Sleep(2 * time.Second)
		if n := s.ExpireStep(time.Second); n != 1 {
			t.Errorf("%d have expired", n)
		}
		s.Update(other, setTo("other", "x"))
		s.SetPolicy(AllKeysLRU)
		s.SetMaxMemory(1)
		s.ExpireStep(time.Second)
		if s.Count(other) != 0 || s.Count(slot) != 1 {
			t.Errorf("%d and %d keys are left", s.Count(other), s.Count(slot))
		}
		s.SetMaxMemory(0)
		close(end)
		<-ended
	})
}

func TestHoldAndStats(t *testing.T) {
	withHold(t, func(s *Store, slot slots.Slot, end chan struct{}, ended <-chan error) {
		if st := s.Stats(); st.Keys != 1 || st.Misses != 0 {
			t.Errorf("%+v", st)
		}
		s.ResetStats()
		close(end)
		<-ended
		if st := s.Stats(); st.Hits != 0 || st.Misses != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// TestHoldEndsWithItsTransaction: by its error, its panic, or before it.
func TestHoldEndsWithItsTransaction(t *testing.T) {
	s, slot := New(Config{}), slots.OfString("k")
	failed := errors.New("failed")
	end := make(chan struct{})
	close(end)
	fail := func(tx *Tx) error {
		h, _ := tx.Hash([]byte("h{k}"))
		h.Set([]byte("f"), []byte("v"))
		setTo("k", "x")(tx)
		return failed
	}
	if err := s.Update(slot, lasting(end, fail)); err != failed {
		t.Error(err)
	}
	func() {
		defer func() { recover() }()
		s.Update(slot, lasting(end, func(tx *Tx) error { fail(tx); panic("x") }))
	}()
	if s.Count(slot) != 0 {
		t.Errorf("%d keys are left", s.Count(slot))
	}
	err := s.Update(slot, func(tx *Tx) error {
		for range 2 {
			if err := lasting(end, setTo("k", "x"))(tx); err != nil {
				return err
			}
			tx.EndHold()
		}
		return nil
	})
	if err != nil || valueOf(t, s, "k") != "x" || s.holds.n.Load() != 0 {
		t.Errorf("%v, %q, %d holds", err, valueOf(t, s, "k"), s.holds.n.Load())
	}
}

// TestHoldsUnderLoad: many goroutines count in a few slots, some of them holding.
func TestHoldsUnderLoad(t *testing.T) {
	s := New(Config{})
	s.SetBusyAfter(time.Nanosecond)
	const workers, rounds, keys = 8, 300, 3
	var counted [keys]atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range rounds {
				k := (w + i) % keys
				key := fmt.Sprint("key", k)
				slot := slots.OfString(key)
				count := func(tx *Tx) error {
					if (w+i)%5 == 0 {
						tx.Hold(&Hold{Began: time.Now(), Busy: errTestBusy, End: func(error) {}})
					}
					e, _ := tx.Get([]byte(key))
					n, _ := strconv.Atoi(string(e.Value))
					return tx.Put([]byte(key), String, strconv.AppendInt(nil, int64(n+1), 10), 0)
				}
				var err error
				if w%2 == 0 {
					err = s.TryUpdate(slot, nil, count)
				} else {
					err = s.Update(slot, count)
				}
				if err == nil {
					counted[k].Add(1)
				} else if err != errTestBusy {
					t.Error(err)
				}
				if i%50 == 0 {
					set := slots.NewSet(slot)
					s.Barrier(&set)
					s.Stats()
				}
			}
		})
	}
	wg.Wait()
	for k := range counted {
		if got := valueOf(t, s, fmt.Sprint("key", k)); got != fmt.Sprint(counted[k].Load()) {
			t.Errorf("key%d is %s after %d", k, got, counted[k].Load())
		}
	}
}
