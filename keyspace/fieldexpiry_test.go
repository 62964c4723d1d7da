package keyspace

import (
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// countingSink counts ops and remembers the most of one commit.
type countingSink struct {
	kinds map[OpKind]int
	most  int
}

func (c *countingSink) Commit(_ slots.Slot, ops []Op) {
	for _, op := range ops {
		c.kinds[op.Kind]++
	}
	c.most = max(c.most, len(ops))
}

// TestFieldsExpireInBoundedSteps lets very many fields of one hash and of many small ones
// expire at once.
func TestFieldsExpireInBoundedSteps(t *testing.T) {
	for _, c := range []struct{ keys, fields, stay int }{{1, 20_000, 10}, {1, 20_000, 0}, {800, 10, 2}, {800, 10, 0}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			now := time.UnixMilli(1000)
			sink := &countingSink{kinds: map[OpKind]int{}}
			s := New(Config{Now: func() time.Time { return now }, Sink: sink})
			for k := range c.keys {
				s.Update(1, func(tx *Tx) error {
					h, _ := tx.Hash(fmt.Appendf(nil, "key:%d", k))
					for i := range c.fields {
						h.SetUntil(fmt.Appendf(nil, "field:%d", i), []byte("v"), int64(2001+i*100/c.fields))
					}
					for i := range c.stay {
						h.Set(fmt.Appendf(nil, "stay:%d", i), []byte("v"))
					}
					return nil
				})
			}
			if n := s.ExpireStep(time.Hour); n != 0 {
				t.Fatalf("%d fields went before their time", n)
			}
			sink.kinds, sink.most = map[OpKind]int{}, 0
			now = time.UnixMilli(2050)
			first := s.ExpireStep(time.Hour)
			if want := c.keys * c.fields / 2; first != want {
				t.Errorf("%d fields went, want %d", first, want)
			}
			now = time.UnixMilli(2100)
			if n := s.ExpireStep(time.Hour); first+n != c.keys*c.fields {
				t.Errorf("%d fields went then, want %d", n, c.keys*c.fields-first)
			}
			if bound := expireKeys + splitEntries; sink.most > bound {
				t.Errorf("one commit removed %d fields, more than %d", sink.most, bound)
			}
			want := c.keys
			if c.stay == 0 {
				want = 0
			}
			if s.Len() != want || sink.kinds[OpDelete] != c.keys-want ||
				sink.kinds[OpCut] != c.keys*c.fields-sink.kinds[OpDelete] {
				t.Errorf("%d keys are left, want %d; ops %v", s.Len(), want, sink.kinds)
			}
			checkStore(t, s)
			if n := s.ExpireStep(time.Hour); n != 0 || s.groups[0].Load().due.Load() != never {
				t.Errorf("%d fields went, and the next is due at %d", n, s.groups[0].Load().due.Load())
			}
		})
	}
}

// TestPassiveStoreKeepsExpiredFields reads and expires fields on a store that follows
// another, and then promotes it.
func TestPassiveStoreKeepsExpiredFields(t *testing.T) {
	now := time.UnixMilli(1000)
	clock := func() time.Time { return now }
	replica := New(Config{Now: clock})
	replica.SetPassive(true)
	s := New(Config{Now: clock, Sink: follower{t, replica}})
	for _, fields := range []int{3, 2000} {
		key := []byte("key")
		s.Update(1, func(tx *Tx) error {
			h, _ := tx.Hash(key)
			for i := range fields {
				h.SetUntil(fmt.Appendf(nil, "field:%d", i), []byte("v"), now.UnixMilli()+10)
			}
			return nil
		})
		now = now.Add(10 * time.Millisecond)
		replica.ExpireStep(time.Hour)
		replica.View(1, func(tx *Tx) error {
			h, _ := tx.Hash(key)
			if _, ok := h.Get([]byte("field:1")); ok || h.Len() != fields {
				t.Errorf("an expired field is there (%v), or %d of %d are left", ok, h.Len(), fields)
			}
			for field := range h.All() {
				t.Errorf("All yields %q", field)
			}
			if _, _, ok := h.Random(func() uint64 { return 0 }); ok {
				t.Error("Random returns a field")
			}
			return nil
		})
		replica.SetPassive(false)
		if n := replica.ExpireStep(time.Hour); n != fields || replica.Len() != 0 {
			t.Errorf("%d fields went, %d keys are left", n, replica.Len())
		}
		replica.SetPassive(true)
		s.Clear()
	}
}

// TestReadingAnExpiredFieldRemovesIt also on the master's replica.
func TestReadingAnExpiredFieldRemovesIt(t *testing.T) {
	now := time.UnixMilli(1000)
	clock := func() time.Time { return now }
	replica := New(Config{Now: clock})
	replica.SetPassive(true)
	s := New(Config{Now: clock, Sink: follower{t, replica}})
	hash := func(tx *Tx) HashRef { h, _ := tx.Hash([]byte("key")); return h }
	s.Update(1, func(tx *Tx) error {
		hash(tx).SetUntil([]byte("a"), []byte("1"), 1500)
		hash(tx).SetUntil([]byte("b"), []byte("2"), 1500)
		return nil
	})
	now = time.UnixMilli(1500)
	s.View(1, func(tx *Tx) error { hash(tx).Get([]byte("a")); return nil })
	for name, store := range map[string]*Store{"store": s, "replica": replica} {
		store.View(1, func(tx *Tx) error {
			if n := hash(tx).Len(); n != 1 {
				t.Errorf("%s: %d fields are left, want 1", name, n)
			}
			return nil
		})
	}
	s.Update(1, func(tx *Tx) error {
		if hash(tx).Delete([]byte("b")) {
			t.Error("Delete of an expired field says that it was there")
		}
		return nil
	})
	if s.Len() != 0 || replica.Len() != 0 {
		t.Errorf("the last field left %d and %d keys", s.Len(), replica.Len())
	}
}
