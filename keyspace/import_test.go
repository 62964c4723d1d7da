package keyspace

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// runLog counts the commits and the ops in them.
type runLog struct{ commits, ops int }

func (l *runLog) Commit(_ slots.Slot, ops []Op) { l.commits, l.ops = l.commits+1, l.ops+len(ops) }

func always() bool { return true }

// TestImportTakesBigValuesOver: a value longer than LargeValue is stored where it is,
// whatever its size; a shorter one is copied.
func TestImportTakesBigValuesOver(t *testing.T) {
	s := newStore(Config{}, 1)
	big, small := make([]byte, LargeValue+1), []byte("small")
	longKey := make([]byte, maxKey+1)
	ops := []Op{
		{Kind: OpPut, Slot: 7, Key: []byte("big"), Value: big, Version: 1},
		{Kind: OpPut, Slot: 7, Key: []byte("small"), Value: small, Version: 2},
		{Kind: OpPut, Slot: 7, Key: longKey, Value: small, Version: 3},
	}
	if _, err := s.Import(ops, false, always); err != nil {
		t.Fatal(err)
	}
	small[0] = 'S'
	s.View(7, func(tx *Tx) error {
		if e, ok := tx.Get([]byte("big")); !ok || &e.Value[0] != &big[0] {
			t.Error("the big value is not there, or was copied")
		}
		for _, key := range [][]byte{[]byte("small"), longKey} {
			if e, ok := tx.Get(key); !ok || string(e.Value) != "small" {
				t.Errorf("the value of a key of %d bytes is %q", len(key), e.Value)
			}
		}
		return nil
	})
}

// TestImportKeepsWhatIsAsNew also counts what reaches the Sink: each run of stored keys
// at once.
func TestImportKeepsWhatIsAsNew(t *testing.T) {
	log := &runLog{}
	s := newStore(Config{Sink: log}, 1)
	put := func(slot slots.Slot, key string, version uint64) Op {
		return Op{Kind: OpPut, Slot: slot, Key: []byte(key), Value: []byte("sent"), Version: version}
	}
	here := put(7, "b", 5)
	here.Value = []byte("here")
	if err := s.Apply(here); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		version      uint64
		onlyNew      bool
		want         string
		commits, ops int
	}{
		{5, false, "here", 3, 3}, // a and c of slot 7 on both sides of b, d of slot 8
		{6, true, "here", 0, 0},
		{6, false, "sent", 1, 1}, // the others are there already
	} {
		*log = runLog{}
		if _, err := s.Import([]Op{put(7, "a", 9), put(7, "b", c.version), put(7, "c", 9), put(8, "d", 9)}, c.onlyNew,
			always); err != nil {
			t.Fatal(err)
		}
		if log.commits != c.commits || log.ops != c.ops {
			t.Errorf("version %d, only new %v: %d ops in %d commits, want %d in %d", c.version, c.onlyNew, log.ops,
				log.commits, c.ops, c.commits)
		}
		s.View(7, func(tx *Tx) error {
			if e, _ := tx.Peek([]byte("b")); string(e.Value) != c.want {
				t.Errorf("version %d, only new %v: %q, want %q", c.version, c.onlyNew, e.Value, c.want)
			}
			if v := tx.Version([]byte("none")); v != 0 {
				t.Errorf("a key that never was has version %d", v)
			}
			return nil
		})
		if s.Count(7) != 3 || s.Count(8) != 1 {
			t.Errorf("%d and %d keys are counted", s.Count(7), s.Count(8))
		}
	}
	if n, err := s.Import([]Op{put(7, "e", 1), put(slots.Count, "a", 1)}, false, always); err == nil || n != 1 {
		t.Error("a slot that does not exist was imported")
	}
}

func TestImportStopsWhereItMayNotGoOn(t *testing.T) {
	s := newStore(Config{}, 1)
	var ops []Op
	for slot := range slots.Slot(3) {
		ops = append(ops, Op{Kind: OpPut, Slot: slot, Key: []byte("k"), Version: 1},
			Op{Kind: OpPut, Slot: slot, Key: []byte("l"), Version: 2})
	}
	asked := 0
	n, err := s.Import(ops, false, func() bool { asked++; return asked < 3 })
	if n != 4 || err != nil || s.Count(1) != 2 || s.Count(2) != 0 {
		t.Errorf("it is through with %d ops, %v; slots hold %d, %d, %d keys", n, err, s.Count(0), s.Count(1), s.Count(2))
	}
}
