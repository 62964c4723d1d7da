package keyspace

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// An entry says what was written, whatever the widths of its fields.
func TestRecordsComeBack(t *testing.T) {
	for _, version := range []uint64{0, 1, 1<<narrow - 1, 1 << narrow, 1<<32 + 5, math.MaxUint64} {
		for _, typ := range []Type{String, 1, 255} {
			for _, expireAt := range []int64{0, 1, math.MaxInt64} {
				for _, lengths := range [][2]int{{0, 0}, {16, 100}, {127, 128}, {maxKey, BigValue}} {
					rec := record{typ: typ, access: accessMask - 5, version: version, expireAt: expireAt,
						key: bytes.Repeat([]byte("k"), lengths[0]), value: bytes.Repeat([]byte("v"), lengths[1])}
					rec.shape()
					b := make([]byte, rec.size())
					rec.encode(b)
					h := parseHead(b)
					if h.size() != len(b) {
						t.Fatalf("%+v: the head says %d bytes, written were %d", rec, h.size(), len(b))
					}
					if got := recordIn(b, h); fmt.Sprint(got) != fmt.Sprint(rec) {
						t.Fatalf("wrote %v, read %v", rec, got)
					}
				}
			}
		}
	}
}

// A key that is overwritten for ever keeps its value and version while the version outgrows its width.
func TestVersionsOutgrowTheirWidth(t *testing.T) {
	s := New(Config{})
	key := []byte("k")
	slot := slots.Of(key)
	s.lock(slot).version = 1<<narrow - 3
	s.unlock(slot)
	for i := range uint64(6) {
		value := fmt.Append(nil, i)
		if err := s.Update(slot, func(tx *Tx) error { return tx.Put(key, String, value, 0) }); err != nil {
			t.Fatal(err)
		}
		s.View(slot, func(tx *Tx) error {
			if e, ok := tx.Get(key); !ok || !bytes.Equal(e.Value, value) || e.Version != 1<<narrow-2+i {
				t.Errorf("after write %d: value %q, version %d, there: %v", i, e.Value, e.Version, ok)
			}
			return nil
		})
		s.Update(slot, func(tx *Tx) error { tx.Expire(key, math.MaxInt64); return nil })
		s.lock(slot).version--
		s.unlock(slot)
	}
	if got := s.Count(slot); got != 1 {
		t.Errorf("%d keys, want 1", got)
	}
}
