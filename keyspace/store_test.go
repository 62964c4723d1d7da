package keyspace

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

func TestConcurrentTransactionsLoseNothing(t *testing.T) {
	s := New(Config{MaxMemory: 1 << 30, Policy: AllKeysLRU, Sink: &opLog{}})
	var wg sync.WaitGroup
	const workers, rounds, counters = 8, 400, 10
	for w := range workers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for range rounds {
				i := rnd.IntN(counters)
				key := fmt.Appendf(nil, "counter%d", i)
				s.Update(slots.Slot(i%3), func(tx *Tx) error {
					n := 0
					if e, ok := tx.Get(key); ok {
						n, _ = strconv.Atoi(string(e.Value))
					}
					if rnd.IntN(10) == 0 {
						tx.Put(key, String, []byte("-1"), 0)
						return errRollback
					}
					return tx.Put(key, String, strconv.AppendInt(nil, int64(n+1), 10), 0)
				})
				putString(t, s, slots.Slot(rnd.IntN(3)), fmt.Sprint(w, rnd.IntN(500)), "x", time.Now().UnixMilli()+
					int64(rnd.IntN(5)))
			}
		})
	}
	stop := make(chan struct{})
	var background sync.WaitGroup
	background.Go(func() {
		full := slots.Full()
		for {
			select {
			case <-stop:
				return
			default:
			}
			s.ExpireStep(time.Millisecond)
			for cursor := s.Scan(0, 100, func(slots.Slot, []byte, Entry) bool { return true }); cursor != 0; {
				cursor = s.Scan(cursor, 100, func(slots.Slot, []byte, Entry) bool { return true })
			}
			s.Dump(1, DumpCursor{}, 1000, func(Op) error { return nil })
			s.RandomKey(rand.Uint64)
			s.Stats()
			s.Barrier(&full)
			s.Drop(3)
			runtime.Gosched()
		}
	})
	wg.Wait()
	close(stop)
	background.Wait()
	sum := 0
	for i := range counters {
		s.View(slots.Slot(i%3), func(tx *Tx) error {
			e, _ := tx.Get(fmt.Appendf(nil, "counter%d", i))
			n, _ := strconv.Atoi(string(e.Value))
			sum += n
			return nil
		})
	}
	if sum < workers*rounds*8/10 || sum > workers*rounds*97/100 {
		t.Fatalf("the counters sum up to %d of %d increments, of which one in ten was rolled back", sum, workers*rounds)
	}
	checkStore(t, s)
}

func TestPanicReleasesTheLockAndRollsBack(t *testing.T) {
	s := newStore(Config{}, 1)
	putString(t, s, 1, "a", "old", 0)
	func() {
		defer func() { recover() }()
		s.Update(1, func(tx *Tx) error {
			tx.Put([]byte("a"), String, []byte("new"), 0)
			panic("bang")
		})
	}()
	if got := contents(s, 1); got != "a=old@0#1" {
		t.Fatal(got)
	}
}

func TestViewCannotWrite(t *testing.T) {
	s := newStore(Config{}, 1)
	for name, write := range map[string]func(tx *Tx){
		"Put":    func(tx *Tx) { tx.Put(nil, String, nil, 0) },
		"Delete": func(tx *Tx) { tx.Delete(nil) },
		"Expire": func(tx *Tx) { tx.Expire(nil, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s in a View did not panic", name)
				}
			}()
			s.View(1, func(tx *Tx) error { write(tx); return nil })
		}()
	}
}

func TestTransactionErrorsPassThrough(t *testing.T) {
	s, want := newStore(Config{}, 1), errors.New("mine")
	if s.View(1, func(*Tx) error { return want }) != want || s.Update(1, func(*Tx) error { return want }) != want {
		t.Fatal("an error was lost")
	}
}

func TestVersionOfAbsentKeyTellsThatItCameAndWent(t *testing.T) {
	s := newStore(Config{}, 1)
	version := func() (v uint64) {
		s.View(1, func(tx *Tx) error { v = tx.Version([]byte("a")); return nil })
		return v
	}
	before := version()
	putString(t, s, 1, "a", "v", 0)
	there := version()
	deleteString(s, 1, "a")
	if gone := version(); there == before || gone == before || gone == there {
		t.Fatalf("versions %d, %d, %d", before, there, gone)
	}
}

func TestKeysAndValuesOfAnySize(t *testing.T) {
	s := newStore(Config{}, 1)
	for _, key := range []int{0, 1, 127, 128, maxKey, maxKey + 1, 70_000} {
		for _, value := range []int{0, 1, 127, 128, LargeValue, LargeValue + 1, 1 << 20} {
			k, v := string(make([]byte, key)), string(make([]byte, value))
			putString(t, s, 1, k, v, 0)
			s.View(1, func(tx *Tx) error {
				e, ok := tx.Get([]byte(k))
				if !ok || string(e.Value) != v {
					t.Fatalf("key of %d, value of %d bytes: %v, %d bytes", key, value, ok, len(e.Value))
				}
				if size := tx.Size([]byte(k)); size < int64(key+value) || size > int64(key+value)+200 {
					t.Fatalf("key of %d, value of %d bytes has size %d", key, value, size)
				}
				return nil
			})
			checkStore(t, s)
		}
	}
}

func TestMemoryFallsWithDeletes(t *testing.T) {
	s := newStore(Config{}, 1)
	const n = 50_000
	for i := range n {
		putString(t, s, slots.Slot(i%2), fmt.Sprint("key", i), string(make([]byte, 100)), 0)
	}
	full := s.Stats()
	if per := float64(full.Reserved) / n; per > 145 {
		t.Errorf("%.1f bytes reserved for an entry of 108", per)
	}
	for i := range n {
		if i%10 != 0 {
			deleteString(s, slots.Slot(i%2), fmt.Sprint("key", i))
		}
	}
	left := s.Stats()
	if left.Memory > full.Memory/8 || left.Reserved > full.Reserved/5 {
		t.Errorf("nine of ten keys deleted: memory %d of %d, reserved %d of %d", left.Memory, full.Memory, left.Reserved,
			full.Reserved)
	}
	checkStore(t, s)
	if s.Clear(); s.Memory() != 0 || s.Stats().Reserved != 0 || s.Len() != 0 {
		t.Errorf("after Clear: %+v", s.Stats())
	}
}

func TestViewAndOverwriteDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget at random")
	}
	s := newStore(Config{}, 1)
	key, value := []byte("0123456789abcdef"), make([]byte, 100)
	write := func() { s.Update(1, func(tx *Tx) error { return tx.Put(key, String, value, 0) }) }
	write()
	if n := testing.AllocsPerRun(1000, write); n != 0 {
		t.Errorf("an overwrite allocates %v times", n)
	}
	if n := testing.AllocsPerRun(1000, func() {
		s.View(1, func(tx *Tx) error { tx.Get(key); return nil })
	}); n != 0 {
		t.Errorf("a View allocates %v times", n)
	}
}

func TestSettings(t *testing.T) {
	s := New(Config{})
	s.SetPolicy(VolatileTTL)
	s.SetPassive(true)
	s.SetSamples(0)
	s.SetMaxMemory(-1)
	if s.Policy() != VolatileTTL || !s.Passive() || s.Samples() != 5 || s.MaxMemory() != 0 {
		t.Fatalf("%v %v %d %d", s.Policy(), s.Passive(), s.Samples(), s.MaxMemory())
	}
	for p := NoEviction; p <= VolatileTTL; p++ {
		if got, err := ParsePolicy(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
	if _, err := ParsePolicy("lru"); err == nil {
		t.Error("an unknown policy was accepted")
	}
	putString(t, s, 1, "a", "v", 0)
	s.View(1, func(tx *Tx) error { tx.Get([]byte("a")); tx.Get([]byte("b")); return nil })
	if st := s.Stats(); st.Hits != 1 || st.Misses != 1 {
		t.Errorf("%+v", st)
	}
	if s.ResetStats(); s.Stats().Hits != 0 {
		t.Error("hits survive ResetStats")
	}
	if keys := s.Keys(1, 10); len(keys) != 1 || string(keys[0]) != "a" {
		t.Errorf("keys %q", keys)
	}
}
