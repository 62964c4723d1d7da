package keyspace

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// testClock is a clock that stands still until told otherwise.
type testClock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func newTestClock() *testClock { return &testClock{now: time.UnixMilli(1_700_000_000_000)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *testClock) in(d time.Duration) int64 { return c.Now().Add(d).UnixMilli() }

// opLog keeps copies of all ops.
type opLog struct {
	mu  sync.Mutex // guards ops
	ops []Op
}

func (l *opLog) Commit(_ slots.Slot, ops []Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, op := range ops {
		op.Key, op.Value = append([]byte(nil), op.Key...), append([]byte(nil), op.Value...)
		l.ops = append(l.ops, op)
	}
}

func (l *opLog) count(kind OpKind) (n int) {
	for _, op := range l.ops {
		if op.Kind == kind {
			n++
		}
	}
	return n
}

func TestExpiryTakesEffectToTheMillisecond(t *testing.T) {
	clock, log := newTestClock(), &opLog{}
	s := newStore(Config{Now: clock.Now, Sink: log}, 1)
	putString(t, s, 3, "a", "v", clock.in(100*time.Millisecond))
	clock.add(99 * time.Millisecond)
	if !has(s, 3, "a") {
		t.Fatal("the key went early")
	}
	clock.add(time.Millisecond)
	if has(s, 3, "a") {
		t.Fatal("the key is still there when its time has come")
	}
	if s.Count(3) != 0 || log.count(OpDelete) != 1 || s.Stats().Expired != 1 {
		t.Fatalf("a read found it expired: %d keys, %d deletes, %+v", s.Count(3), log.count(OpDelete), s.Stats())
	}
}

func TestExpireStepFindsExpiredKeysInAnySlot(t *testing.T) {
	clock, log := newTestClock(), &opLog{}
	s := newStore(Config{Now: clock.Now, Sink: log}, 1)
	for i := range 20_000 {
		slot := slots.Slot(i % 4 * 5000)
		switch i % 5 {
		case 0:
			putString(t, s, slot, fmt.Sprint(i), "v", 0)
		case 1:
			putString(t, s, slot, fmt.Sprint(i), "v", clock.in(time.Hour))
		default:
			putString(t, s, slot, fmt.Sprint(i), "v", clock.in(time.Duration(i%1000)*time.Millisecond+time.Second))
		}
	}
	if n := s.ExpireStep(time.Second); n != 0 {
		t.Fatalf("%d keys expired too early", n)
	}
	clock.add(1500 * time.Millisecond)
	half := s.ExpireStep(time.Second)
	clock.add(500 * time.Millisecond)
	rest := s.ExpireStep(time.Second)
	if half+rest != 12_000 || half < 5000 || rest < 5000 || s.Len() != 8000 {
		t.Fatalf("%d then %d keys expired, %d are left", half, rest, s.Len())
	}
	if log.count(OpDelete) != 12_000 || s.Stats().Expires != 4000 || s.Stats().Expired != 12_000 {
		t.Fatalf("%d deletes, %+v", log.count(OpDelete), s.Stats())
	}
	clock.add(time.Hour)
	if n := s.ExpireStep(time.Second); n != 4000 {
		t.Fatalf("%d of the last 4000 expired", n)
	}
	checkStore(t, s)
}

func TestExpireStepKeepsToItsBudgetAndComesBack(t *testing.T) {
	clock := newTestClock()
	ticking := func() time.Time { clock.add(time.Millisecond); return clock.Now() }
	s := newStore(Config{Now: ticking}, 1)
	for i := range 30_000 {
		putString(t, s, slots.Slot(i%2*100), fmt.Sprint(i), "v", clock.in(time.Hour))
	}
	clock.add(2 * time.Hour)
	steps, removed := 0, 0
	for removed < 30_000 {
		n := s.ExpireStep(5 * time.Millisecond)
		if n > 8*splitEntries {
			t.Fatalf("a step of 5 ms removed %d keys", n)
		}
		removed += n
		if steps++; steps > 1000 {
			t.Fatalf("%d of 30000 keys expired in %d steps", removed, steps)
		}
	}
	if steps < 5 {
		t.Fatalf("only %d steps: the budget was not kept", steps)
	}
	checkStore(t, s)
}

func TestPassiveStoreExpiresByItsMastersWord(t *testing.T) {
	clock, log := newTestClock(), &opLog{}
	s := newStore(Config{Now: clock.Now, Sink: log, MaxMemory: 1, Policy: AllKeysLRU}, 1)
	s.SetPassive(true)
	if err := s.Apply(Op{Kind: OpPut, Slot: 3, Key: []byte("a"), Value: []byte("v"), ExpireAt: clock.in(time.Second),
		Version: 9}); err != nil {
		t.Fatal(err)
	}
	clock.add(time.Minute)
	if has(s, 3, "a") {
		t.Fatal("an expired key is read")
	}
	s.ExpireStep(time.Second)
	if s.Count(3) != 1 || len(log.ops) != 0 {
		t.Fatalf("the passive store removed a key by itself (%d left, %d ops)", s.Count(3), len(log.ops))
	}
	s.SetPassive(false) // promoted
	s.SetMaxMemory(0)
	if s.ExpireStep(time.Second); s.Count(3) != 0 || log.count(OpDelete) != 1 {
		t.Fatalf("the promoted store kept an expired key (%d ops)", len(log.ops))
	}
}

func TestFailedUpdateRemovesNoExpiredKey(t *testing.T) {
	clock, log := newTestClock(), &opLog{}
	s := newStore(Config{Now: clock.Now, Sink: log}, 1)
	putString(t, s, 3, "a", "v", clock.in(time.Second))
	clock.add(time.Minute)
	s.Update(3, func(tx *Tx) error {
		tx.Get([]byte("a"))
		return errRollback
	})
	if s.Count(3) != 1 || len(log.ops) != 1 {
		t.Fatalf("%d keys, %d ops", s.Count(3), len(log.ops))
	}
}
