package keyspace

import (
	"fmt"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// A large collection that is carried in parts, as it comes over the wire, keeps its expiry;
// one that is carried after it has none.
func TestCarryInPartsKeepsTheExpiry(t *testing.T) {
	wire := func(key string, expireAt int64) (ops []Op) {
		c, err := NewCollection(Set)
		for i := 0; err == nil && i < 1000; i++ {
			_, err = c.Set(fmt.Appendf(nil, "member %d", i), nil, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		sink := sinkFunc(func(_ slots.Slot, ops []Op) {
			for i := range ops {
				b = AppendOp(b, &ops[i])
			}
		})
		err = New(Config{Sink: sink}).Update(1, func(tx *Tx) error {
			return tx.PutCollection([]byte(key), c, expireAt)
		})
		for err == nil && len(b) > 0 {
			var op Op
			op, b, err = DecodeOp(b)
			ops = append(ops, op)
		}
		if err != nil || len(ops) < 2 {
			t.Fatal(len(ops), err)
		}
		return ops
	}
	const expireAt = 1 << 50
	s := New(Config{})
	for _, ops := range [][]Op{wire("a", expireAt), wire("b", 0)} {
		err := s.Update(1, func(tx *Tx) error {
			for i := range ops {
				if err := tx.Carry(&ops[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.View(1, func(tx *Tx) error {
		for key, want := range map[string]int64{"a": expireAt, "b": 0} {
			if e, ok := tx.Get([]byte(key)); !ok || e.ExpireAt != want {
				t.Errorf("%s: there %v, expires at %d, want %d", key, ok, e.ExpireAt, want)
			}
			if set, err := tx.Set([]byte(key)); err != nil || set.Len() != 1000 {
				t.Errorf("%s: %d members, %v", key, set.Len(), err)
			}
		}
		return nil
	})
}
