package keyspace

import (
	"testing"
	"unsafe"

	"github.com/slotmesh/slotmesh/slots"
)

func TestCacheLines(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("sizes are chosen for 64 bits")
	}
	if n := unsafe.Sizeof(slotLock{}); n != 64 {
		t.Errorf("a lock line has %d bytes, not 64", n)
	}
	if n := unsafe.Sizeof(table{}); n != 256 {
		t.Errorf("a table has %d bytes, not 256", n)
	}
	if n := unsafe.Offsetof(table{}.one); n != 64 {
		t.Errorf("what is written when a value is overwritten ends at byte %d of the table, not 64", n)
	}
}

// TestHitsAreCountedBeyondTheGate: its counter has 32 bits.
func TestHitsAreCountedBeyondTheGate(t *testing.T) {
	s := New(Config{})
	slot := slots.OfString("foo")
	put(s, slot, []byte("foo"))
	s.groups[slot/groupSize].Load().locks[slot%groupSize].hits = 1<<32 - 1
	get := func(key string) {
		s.View(slot, func(tx *Tx) error { tx.Get([]byte(key)); return nil })
	}
	get("foo")
	get("foo")
	get("bar")
	if st := s.Stats(); st.Hits != 1<<32+1 || st.Misses != 1 {
		t.Errorf("%d hits, %d misses", st.Hits, st.Misses)
	}
	s.ResetStats()
	if st := s.Stats(); st.Hits != 0 || st.Misses != 0 {
		t.Errorf("after the reset: %d hits, %d misses", st.Hits, st.Misses)
	}
}

func TestReadingAndOverwritingAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	s := filled(1000)
	var buf [16]byte
	i := 0
	if n := testing.AllocsPerRun(500, func() {
		i++
		key := benchKey(buf[:], i%1000)
		s.View(benchSlot(i%1000), func(tx *Tx) error { tx.Get(key); return nil })
	}); n != 0 {
		t.Errorf("View allocates %v times", n)
	}
	if n := testing.AllocsPerRun(500, func() {
		i++
		put(s, benchSlot(i%1000), benchKey(buf[:], i%1000))
	}); n != 0 {
		t.Errorf("overwriting allocates %v times", n)
	}
}

type panickingSink struct{}

func (panickingSink) Commit(slots.Slot, []Op) { panic("bang") }

// TestGateFollowsWhenTheSinkPanics: a host may recover, and must not read from a copy of
// what was.
func TestGateFollowsWhenTheSinkPanics(t *testing.T) {
	s := New(Config{Sink: panickingSink{}})
	bang := func(fn func()) {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		fn()
	}
	bang(func() { put(s, 7, []byte("first")) })
	var ops []Op
	for i := range 50 {
		ops = append(ops, Op{Kind: OpPut, Slot: 7, Key: []byte{byte(i)}, Value: make([]byte, 100), Version: 9})
	}
	bang(func() { s.Import(ops, false, func() bool { return true }) })
	s.View(7, func(tx *Tx) error {
		if _, ok := tx.Get([]byte("first")); !ok {
			t.Error("the first key is not found")
		}
		for i := range ops {
			if _, ok := tx.Get(ops[i].Key); !ok {
				t.Errorf("key %d is stored but not found", i)
			}
		}
		return nil
	})
}
