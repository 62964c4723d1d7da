package keyspace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// watched collects the keys that a store's watching function heard of, since the last
// time.
type watched struct{ keys []string }

func (w *watched) hear(slot slots.Slot, ops []Op, origin any) {
	if origin != nil {
		w.keys = append(w.keys, fmt.Sprint("by ", origin))
	}
	for i := range ops {
		key, other, all := ops[i].Changes()
		if all {
			w.keys = append(w.keys, fmt.Sprintf("all of %d", slot))
		}
		for _, k := range [][]byte{key, other} {
			if k != nil {
				w.keys = append(w.keys, string(k))
			}
		}
	}
}

func (w *watched) since() string {
	slices.Sort(w.keys)
	text := strings.Join(slices.Compact(w.keys), " ")
	w.keys = nil
	return text
}

// TestWatchHearsOfEveryChange goes through all that changes keys.
func TestWatchHearsOfEveryChange(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	s := newStore(Config{Now: func() time.Time { return now }}, 1)
	var w watched
	var first int
	defer s.Watch(func(slots.Slot, []Op, any) { first++ })()
	stop := s.Watch(w.hear)
	put := func(key, value string, expireAt int64) func(tx *Tx) error {
		return func(tx *Tx) error { return tx.Put([]byte(key), String, []byte(value), expireAt) }
	}
	b := func(key string) []byte { return []byte(key) }
	soon := now.UnixMilli() + 1000
	staged := s.Stage()
	staged.Apply(Op{Kind: OpPut, Slot: 7, Key: b("synced"), Version: 1})
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"a put", func() error { return s.Update(7, put("a", "1", 0)) }, "a"},
		{"a put that says whose it is", func() error {
			return s.Update(7, func(tx *Tx) error { tx.SetOrigin("me"); return put("a", "1", 0)(tx) })
		}, "a by me"},
		{"an overwrite", func() error { return s.Update(7, put("a", "2", 0)) }, "a"},
		{"a failed transaction", func() error {
			s.Update(7, func(tx *Tx) error { put("a", "3", 0)(tx); return errFlood })
			return nil
		}, ""},
		{"a read", func() error { return s.View(7, func(tx *Tx) error { tx.Get(b("a")); return nil }) }, ""},
		{"an expiry set", func() error {
			return s.Update(7, func(tx *Tx) error { tx.Expire(b("a"), soon); return put("x", "", soon)(tx) })
		}, "a x"},
		{"expiry found by a read", func() error {
			now = now.Add(2 * time.Second)
			return s.View(7, func(tx *Tx) error { tx.Get(b("a")); return nil })
		}, "a"},
		{"active expiry", func() error { s.ExpireStep(time.Second); return nil }, "x"},
		{"parts", func() error {
			return s.Update(7, func(tx *Tx) error {
				for i := range 3000 {
					h, err := tx.Hash(b("h"))
					if err == nil {
						_, err = h.Set(fmt.Appendf(nil, "%d", i), b("v"))
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		}, "h"},
		{"a copy", func() error { return s.Update(7, func(tx *Tx) error { _, err := tx.Copy(b("h"), b("g")); return err }) },
			"g"},
		{"a rename", func() error {
			return s.Update(7, func(tx *Tx) error { _, err := tx.Rename(b("h"), b("i")); return err })
		}, "h i"},
		{"a delete", func() error { return s.Update(7, func(tx *Tx) error { tx.Delete(b("g")); return nil }) }, "g"},
		{"a master's op", func() error { return s.Apply(Op{Kind: OpPut, Slot: 7, Key: b("r"), Version: 1 << 40}) }, "r"},
		{"an import", func() error {
			_, err := s.Import([]Op{{Kind: OpPut, Slot: 7, Key: b("m"), Version: 1 << 41},
				{Kind: OpPut, Slot: 7, Key: b("r"), Version: 1}}, false, always)
			return err
		}, "m"},
		{"staging", func() error {
			_, err := s.Import([]Op{{Kind: OpStage, Type: Hash, Slot: 7, Key: b("big"), Version: 1 << 42},
				{Kind: OpStagePart, Type: Hash, Slot: 7, Key: b("big"), Part: b("f"), Value: b("v")}}, false, always)
			return err
		}, ""},
		{"revealing", func() error {
			_, err := s.Import([]Op{{Kind: OpReveal, Slot: 7, Key: b("big"), Version: 1<<42 + 1}}, false, always)
			return err
		}, "big"},
		{"a master's drop", func() error { return s.Apply(Op{Kind: OpDrop, Slot: 9, Version: 1 << 43}) }, "all of 9"},
		{"a drop", func() error { s.Drop(7); return nil }, "all of 7"},
		{"a full sync", func() error { s.Adopt(staged); return nil }, "all of 7"},
		{"nothing after the end", func() error { stop(); first = 0; return s.Update(7, put("a", "1", 0)) }, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := w.since(); got != step.want {
			t.Errorf("%s: heard of %q, want %q", step.name, got, step.want)
		}
	}
	if first != 1 {
		t.Errorf("the other function was called %d times for the last step, want 1", first)
	}
	checkStore(t, s)
}

func TestWatchHearsOfEviction(t *testing.T) {
	s := newStore(Config{Policy: AllKeysRandom}, 1)
	for i := range 100 {
		s.Update(7, func(tx *Tx) error { return tx.Put(fmt.Appendf(nil, "%d", i), String, make([]byte, 1000), 0) })
	}
	var w watched
	s.Watch(w.hear)
	s.SetMaxMemory(s.Memory() / 2)
	s.ExpireStep(time.Second)
	if gone := len(strings.Fields(w.since())); gone == 0 || gone != 100-s.Count(7) {
		t.Errorf("heard of %d keys, but %d were evicted", gone, 100-s.Count(7))
	}
}
