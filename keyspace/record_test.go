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
				for _, lengths := range [][2]int{{0, 0}, {16, 100}, {127, 128}, {maxKey, LargeValue}} {
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

// A key that is changed where it is for ever keeps its value and version while the
// version outgrows its width.
func TestVersionsOutgrowTheirWidth(t *testing.T) {
	key, value := []byte("k"), []byte("v")
	for _, expires := range []bool{false, true} {
		t.Run(fmt.Sprintf("expires=%v", expires), func(t *testing.T) {
			s := New(Config{})
			slot := slots.Of(key)
			s.lock(slot).version = 1<<narrow - 4
			s.unlock(slot)
			put := func(tx *Tx) error { return tx.Put(key, String, value, 0) }
			change := put
			if expires {
				change = func(tx *Tx) error {
					tx.Expire(key, math.MaxInt64)
					return nil
				}
			}
			if err := s.Update(slot, put); err != nil {
				t.Fatal(err)
			}
			for want := uint64(1<<narrow - 2); want < 1<<narrow+3; want++ {
				if err := s.Update(slot, change); err != nil {
					t.Fatal(err)
				}
				s.View(slot, func(tx *Tx) error {
					if e, ok := tx.Get(key); !ok || !bytes.Equal(e.Value, value) || e.Version != want {
						t.Errorf("value %q, version %d, there: %v; want version %d", e.Value, e.Version, ok, want)
					}
					return nil
				})
			}
			if got := s.Count(slot); got != 1 {
				t.Errorf("%d keys, want 1", got)
			}
		})
	}
}
