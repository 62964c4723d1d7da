package keyspace

import (
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestSlotStats(t *testing.T) {
	s := New(Config{})
	if got := s.SlotStats(7); got != (SlotStats{}) {
		t.Errorf("of an empty store: %+v", got)
	}
	put(s, 7, []byte("a"))
	put(s, 7, []byte("a")) // overwritten in place
	s.View(7, func(tx *Tx) error { tx.Get([]byte("a")); tx.Get([]byte("b")); return nil })
	s.Update(7, func(tx *Tx) error {
		for _, field := range []string{"f", "g"} {
			h, err := tx.Hash([]byte("h"))
			if err != nil {
				return err
			}
			if _, err := h.Set([]byte(field), []byte("v")); err != nil {
				return err
			}
		}
		return nil
	})
	got := s.SlotStats(7)
	if got.Keys != 2 || got.Bytes != s.Memory() || got.Bytes == 0 || got.Reads < 2 || got.Writes < 4 {
		t.Errorf("%+v", got)
	}
	if got := s.SlotStats(8); got != (SlotStats{}) {
		t.Errorf("of another slot: %+v", got)
	}
	op := Op{Kind: OpPut, Slot: 8, Key: []byte("x"), Value: []byte("y"), Version: 9}
	if err := s.Apply(op); err != nil {
		t.Fatal(err)
	}
	if got := s.SlotStats(8); got.Keys != 1 || got.Reads != 0 || got.Writes != 1 {
		t.Errorf("after an Op: %+v", got)
	}
	s.Drop(8)
	if got := s.SlotStats(8); got.Keys != 0 || got.Writes != 2 {
		t.Errorf("after a drop: %+v", got)
	}
	s.ResetStats()
	if got := s.SlotStats(7); got.Keys != 2 || got.Reads != 0 || got.Writes != 0 {
		t.Errorf("after the reset: %+v", got)
	}
}

// The counter of writes has 32 bits in the table, and 16 more for what is beyond.
func TestWritesAreCountedBeyondTheirField(t *testing.T) {
	s := New(Config{})
	slot := slots.OfString("foo")
	put(s, slot, []byte("foo"))
	s.groups[slot/groupSize].Load().tables[slot%groupSize].writes = 1<<32 - 1
	put(s, slot, []byte("foo"))
	if got := s.SlotStats(slot); got.Writes != 1<<32 {
		t.Errorf("%d writes", got.Writes)
	}
}
