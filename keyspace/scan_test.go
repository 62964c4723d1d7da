package keyspace

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func putString(t testing.TB, s *Store, slot slots.Slot, key, value string, expireAt int64) {
	t.Helper()
	err := s.Update(slot, func(tx *Tx) error { return tx.Put([]byte(key), String, []byte(value), expireAt) })
	if err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

func deleteString(s *Store, slot slots.Slot, key string) (there bool) {
	s.Update(slot, func(tx *Tx) error { there = tx.Delete([]byte(key)); return nil })
	return there
}

func has(s *Store, slot slots.Slot, key string) (ok bool) {
	s.View(slot, func(tx *Tx) error { _, ok = tx.Peek([]byte(key)); return nil })
	return ok
}

// churner adds and removes keys of its own, so that segments split and merge.
type churner struct {
	s       *Store
	rnd     *rand.Rand
	present []string
	serial  int
	growing bool
}

func (c *churner) step(t *testing.T, most int) {
	for range 200 {
		switch {
		case len(c.present) == 0:
			c.growing = true
		case len(c.present) > most:
			c.growing = false
		}
		if c.growing == (c.rnd.IntN(8) > 0) {
			c.serial++
			key := fmt.Sprintf("churn:%d", c.serial)
			putString(t, c.s, 5, key, strings.Repeat("x", c.rnd.IntN(200)), 0)
			c.present = append(c.present, key)
		} else if len(c.present) > 0 {
			i := c.rnd.IntN(len(c.present))
			deleteString(c.s, 5, c.present[i])
			c.present[i] = c.present[len(c.present)-1]
			c.present = c.present[:len(c.present)-1]
		}
	}
}

// A key that is there all the time is seen, while the slot around it grows to dozens of
// segments and shrinks to one.
func TestScanSeesWhatStaysWhileTablesGrowAndShrink(t *testing.T) {
	for seed := range testSeeds(t, 5) {
		s := newStore(Config{}, uint64(seed))
		c := &churner{s: s, rnd: rand.New(rand.NewPCG(uint64(seed), 1))}
		const stay = 500
		for i := range stay {
			putString(t, s, 5, fmt.Sprintf("stay:%d", i), "value", 0)
		}
		deepest, shrunk := uint8(0), false
		for round := range 6 {
			seen, calls := map[string]int{}, 0
			for cursor := uint64(0); ; {
				cursor = s.Scan(cursor, 1+c.rnd.IntN(60), func(_ slots.Slot, key []byte, _ Entry) bool {
					seen[string(key)]++
					return true
				})
				if cursor>>53 != 0 {
					t.Fatalf("cursor %d is greater than 2^53", cursor)
				}
				if cursor == 0 {
					break
				}
				calls++
				c.step(t, 6000)
				depth := s.groups[0].Load().tables[5].depth
				shrunk = shrunk || depth < deepest
				deepest = max(deepest, depth)
			}
			total, twice := 0, 0
			for i := range stay {
				n := seen[fmt.Sprintf("stay:%d", i)]
				if n == 0 {
					t.Fatalf("seed %d, round %d: stay:%d was not seen", seed, round, i)
				}
				total++
				twice += n - 1
			}
			if twice > total {
				t.Errorf("seed %d, round %d: %d keys were seen %d times more than once", seed, round, total, twice)
			}
		}
		if deepest < 3 || !shrunk {
			t.Fatalf("seed %d: the slot grew to depth %d, shrunk: %v; the test did not test", seed, deepest, shrunk)
		}
		checkStore(t, s)
	}
}

func TestScanTakesAnyCursor(t *testing.T) {
	s := newStore(Config{}, 1)
	for i := range 5000 {
		putString(t, s, slots.Slot(i%3*8000), fmt.Sprint(i), "v", 0)
	}
	rnd := rand.New(rand.NewPCG(3, 3))
	for range 2000 {
		cursor := rnd.Uint64() >> rnd.IntN(64)
		for calls := 0; ; calls++ {
			cursor = s.Scan(cursor, 1000, func(slots.Slot, []byte, Entry) bool { return true })
			if cursor == 0 {
				break
			}
			if calls > 100 {
				t.Fatal("a scan does not end")
			}
		}
	}
}

func TestScanEndsThoughEachCallStopsAtOnce(t *testing.T) {
	s := newStore(Config{}, 1)
	for i := range 3000 {
		putString(t, s, 9, fmt.Sprint(i), "v", 0)
	}
	seen, calls := map[string]bool{}, 0
	for cursor := uint64(0); ; {
		cursor = s.Scan(cursor, 10, func(_ slots.Slot, key []byte, _ Entry) bool {
			seen[string(key)] = true
			return false
		})
		if calls++; cursor == 0 || calls > 3000 {
			break
		}
	}
	if len(seen) != 3000 || calls > 3000 {
		t.Fatalf("%d of 3000 keys in %d calls", len(seen), calls)
	}
}

// Whoever applies the dump's ops and the Sink's ops in the order in which they come has
// the slot's content.
func TestDumpAndSinkTogetherMakeACopy(t *testing.T) {
	sink := &replicaSink{replica: newStore(Config{}, 77)}
	s := newStore(Config{Sink: sink}, 5)
	c := &churner{s: s, rnd: rand.New(rand.NewPCG(8, 1)), growing: true}
	for range 20 {
		c.step(t, 6000)
	}
	sink.replica.Clear()
	var from DumpCursor
	for done := false; !done; {
		var err error
		from, done, err = s.Dump(5, from, 4000, sink.replica.Apply)
		if err != nil {
			t.Fatal(err)
		}
		c.step(t, 6000)
	}
	if sink.err != nil || s.Count(5) != len(c.present) || sink.replica.Count(5) != len(c.present) {
		t.Fatalf("the slot has %d keys, the copy %d, want %d (%v)", s.Count(5), sink.replica.Count(5), len(c.present),
			sink.err)
	}
	for _, key := range c.present {
		if !has(sink.replica, 5, key) {
			t.Fatalf("the copy lacks %q", key)
		}
	}
}

func TestDumpGoesOnAtTheOpThatFailed(t *testing.T) {
	s := newStore(Config{}, 5)
	for i := range 300 {
		putString(t, s, 5, fmt.Sprint(i), "v", 0)
	}
	wrong := errors.New("link is down")
	seen, n := map[string]bool{}, 0
	var from DumpCursor
	for done := false; !done; {
		var err error
		from, done, err = s.Dump(5, from, 1000, func(op Op) error {
			if n++; n%7 == 0 {
				return wrong
			}
			seen[string(op.Key)] = true
			return nil
		})
		if err != nil && err != wrong {
			t.Fatal(err)
		}
	}
	if len(seen) != 300 {
		t.Fatalf("%d of 300 keys were dumped", len(seen))
	}
}

func TestRandomKeyIsFairEnough(t *testing.T) {
	s := newStore(Config{}, 5)
	if _, ok := s.RandomKey(rand.Uint64); ok {
		t.Fatal("an empty store has a random key")
	}
	for i := range 990 { // 99 % of the keys in one slot
		putString(t, s, 5, fmt.Sprint("many", i), "v", 0)
	}
	for i := range 10 {
		putString(t, s, slots.Slot(1000+i), fmt.Sprint("few", i), "v", 0)
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	few, different := 0, map[string]bool{}
	for range 10_000 {
		key, ok := s.RandomKey(rnd.Uint64)
		if !ok {
			t.Fatal("no key")
		}
		if strings.HasPrefix(string(key), "few") {
			few++
		}
		different[string(key)] = true
	}
	if few < 50 || few > 200 || len(different) < 800 {
		t.Fatalf("%d of 10000 came from the small slots, %d of 1000 keys were chosen", few, len(different))
	}
}
