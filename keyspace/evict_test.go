package keyspace

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// evictionTest fills a store with 2000 keys, half of them with an expiry, uses the
// keys with even numbers, then lowers the limit until about half of the keys must go.
func evictionTest(t *testing.T, policy Policy) (kept func(want func(i int) bool) int, s *Store) {
	clock := newTestClock()
	s = newStore(Config{Now: clock.Now, Policy: policy, Samples: 10}, 1)
	const n = 2000
	slot := func(i int) slots.Slot { return slots.Slot(i % 200 * 80) }
	for i := range n {
		var at int64
		if i%4 < 2 {
			at = clock.in(time.Hour + time.Duration(i)*time.Minute)
		}
		putString(t, s, slot(i), fmt.Sprint("key", i), "0123456789", at)
	}
	for range 30 {
		clock.add(3 * time.Second)
		s.ExpireStep(time.Millisecond)
		for i := 0; i < n; i += 2 {
			s.View(slot(i), func(tx *Tx) error { tx.Get(fmt.Appendf(nil, "key%d", i)); return nil })
		}
	}
	s.SetMaxMemory(s.Memory() * 3 / 4)
	for range 1000 {
		s.ExpireStep(time.Millisecond)
	}
	return func(want func(i int) bool) (count int) {
		for i := range n {
			if want(i) && has(s, slot(i), fmt.Sprint("key", i)) {
				count++
			}
		}
		return count
	}, s
}

func all(int) bool          { return true }
func recent(i int) bool     { return i%2 == 0 }
func persistent(i int) bool { return i%4 >= 2 }
func expiring(i int) bool   { return i%4 < 2 }

func TestEachPolicyEvictsWhatItSays(t *testing.T) {
	for policy := AllKeysLRU; policy <= VolatileTTL; policy++ {
		t.Run(policy.String(), func(t *testing.T) {
			kept, s := evictionTest(t, policy)
			st := s.Stats()
			if st.Memory > s.MaxMemory() || st.Evicted < 300 || st.Evicted > 1200 || int(st.Evicted) != 2000-kept(all) {
				t.Fatalf("%d of 2000 keys left, limit %d: %+v", kept(all), s.MaxMemory(), st)
			}
			if policy.volatile() && kept(persistent) != 1000 {
				t.Errorf("%d of 1000 keys without expiry were evicted", 1000-kept(persistent))
			}
			old := func(i int) bool { return !recent(i) && (!policy.volatile() || expiring(i)) }
			used := func(i int) bool { return recent(i) && (!policy.volatile() || expiring(i)) }
			switch policy {
			case AllKeysLRU, AllKeysLFU, VolatileLRU, VolatileLFU:
				if kept(used) < 2*kept(old) {
					t.Errorf("%d used keys are left and %d unused", kept(used), kept(old))
				}
			case AllKeysRandom, VolatileRandom:
				if kept(used) > 3*kept(old) || kept(old) > 3*kept(used) {
					t.Errorf("%d used keys are left and %d unused, that is not random", kept(used), kept(old))
				}
			case VolatileTTL:
				soon := kept(func(i int) bool { return expiring(i) && i < 1000 })
				late := kept(func(i int) bool { return expiring(i) && i >= 1000 })
				if late < 2*soon {
					t.Errorf("%d keys that expire late are left and %d that expire soon", late, soon)
				}
			}
			checkStore(t, s)
		})
	}
}

func TestNoEvictionRefusesWrites(t *testing.T) {
	s := newStore(Config{MaxMemory: 10_000}, 1)
	n := 0
	err := error(nil)
	for ; err == nil && n < 1000; n++ {
		err = s.Update(slots.Slot(n%2), func(tx *Tx) error {
			return tx.Put(fmt.Appendf(nil, "key%d", n), String, make([]byte, 100), 0)
		})
	}
	if !errors.Is(err, ErrOutOfMemory) || n < 30 || s.Memory() > 10_000 || s.Len() != n-1 {
		t.Fatalf("after %d writes: %v, %d bytes, %d keys", n, err, s.Memory(), s.Len())
	}
	if !deleteString(s, 0, "key0") || !deleteString(s, 1, "key1") {
		t.Fatal("a delete failed")
	}
	putString(t, s, 0, "small", "v", 0)
}

func TestVolatilePolicyWithoutVolatileKeysRefusesWrites(t *testing.T) {
	s := newStore(Config{MaxMemory: 5000, Policy: VolatileLRU}, 1)
	err := error(nil)
	for i := 0; err == nil && i < 1000; i++ {
		err = s.Update(0, func(tx *Tx) error { return tx.Put(fmt.Appendf(nil, "key%d", i), String, make([]byte, 100), 0) })
	}
	if !errors.Is(err, ErrOutOfMemory) {
		t.Fatal(err)
	}
}

func TestEvictionKeepsUpWithWrites(t *testing.T) {
	log := &opLog{}
	s := newStore(Config{MaxMemory: 1 << 20, Policy: AllKeysLRU, Sink: log}, 1)
	for i := range 20_000 {
		size := 100
		if i%100 == 0 {
			size = 50_000
		}
		putString(t, s, slots.Slot(i%50), fmt.Sprint(i), string(make([]byte, size)), 0)
		if s.Memory() > 1<<20 {
			t.Fatalf("after write %d memory is %d", i, s.Memory())
		}
	}
	if got := log.count(OpDelete); got != int(s.Stats().Evicted) || got == 0 {
		t.Fatalf("%d deletes for %d evictions", got, s.Stats().Evicted)
	}
	checkStore(t, s)
}

func TestIdleAndFreq(t *testing.T) {
	clock := newTestClock()
	s := newStore(Config{Now: clock.Now}, 1)
	key := []byte("k")
	putString(t, s, 0, "k", "v", 0)
	clock.add(90 * time.Second)
	s.ExpireStep(time.Millisecond)
	tx := func(fn func(tx *Tx)) { s.Update(0, func(tx *Tx) error { fn(tx); return nil }) }
	tx(func(tx *Tx) {
		if got := tx.Idle(key); got != 90*time.Second {
			t.Errorf("idle for %v", got)
		}
		tx.Get(key)
		if got := tx.Idle(key); got != 0 {
			t.Errorf("idle for %v after a use", got)
		}
		tx.SetAccess(key, time.Hour, 0)
		if got := tx.Idle(key); got != time.Hour {
			t.Errorf("idle for %v after SetAccess", got)
		}
		tx.Put([]byte("new"), String, nil, 0)
		tx.SetAccess([]byte("new"), time.Minute, 0)
	})
	tx(func(tx *Tx) {
		if got := tx.Idle([]byte("new")); got != time.Minute {
			t.Errorf("a key restored with an idle time is idle for %v", got)
		}
	})
	s.SetPolicy(AllKeysLFU)
	tx(func(tx *Tx) {
		tx.Put(key, String, []byte("v"), 0)
		tx.SetAccess(key, 0, 100)
	})
	clock.add(10 * time.Minute)
	s.ExpireStep(time.Millisecond)
	tx(func(tx *Tx) {
		if got := tx.Freq(key); got != 90 {
			t.Errorf("frequency %d ten minutes after it was 100", got)
		}
		for range 100_000 {
			tx.Get(key)
		}
		if got := tx.Freq(key); got < 100 || got > 220 {
			t.Errorf("frequency %d after 100,000 uses", got)
		}
	})
}
