package keyspace

import (
	"bytes"
	"fmt"
	"maps"
	"sync"
	"testing"
)

// TestSnapshotStaysAsItWas reads snapshots on goroutines of their own while the store
// changes all that they show; under the race detector that also tells whether they share
// memory that is written.
func TestSnapshotStaysAsItWas(t *testing.T) {
	s := New(Config{})
	key := []byte("key")
	field := func(i int) []byte { return fmt.Appendf(nil, "field:%d", i) }
	var readers sync.WaitGroup
	for _, fields := range []int{10, 3000} {
		want := map[string]string{}
		for round := range 6 {
			s.Update(1, func(tx *Tx) error {
				h, _ := tx.Hash(key)
				for i := round; i < fields; i += 1 + round {
					h.Set(field(i), fmt.Append(nil, round))
					want[string(field(i))] = fmt.Sprint(round)
				}
				h.Delete(field(round))
				delete(want, string(field(round)))
				return nil
			})
			s.View(1, func(tx *Tx) error {
				snapshot, _ := tx.Snapshot(key)
				want := maps.Clone(want)
				readers.Go(func() { compareSnapshot(t, snapshot, want) })
				return nil
			})
		}
		s.Update(1, func(tx *Tx) error { tx.Delete(key); return nil })
	}
	readers.Wait()
}

func compareSnapshot(t *testing.T, s Snapshot, want map[string]string) {
	h, err := s.Hash()
	if err != nil {
		t.Error(err)
	}
	got := map[string]string{}
	for field, value := range h.All() {
		got[string(field)] = string(value)
	}
	parts := map[string]string{}
	s.Parts(func(part, value []byte, _ int64) bool { parts[string(part)] = string(value); return true })
	if !maps.Equal(got, want) || !maps.Equal(parts, want) || h.Len() != len(want) || s.Len() != len(want) {
		t.Errorf("snapshot has %d fields by All, %d by Parts, want %d", len(got), len(parts), len(want))
	}
	for field, value := range want {
		if v, ok := h.Get([]byte(field)); !ok || string(v) != value {
			t.Errorf("Get %q: %q, %v, want %q", field, v, ok, value)
		}
	}
}

func TestSnapshotOfAString(t *testing.T) {
	s := New(Config{})
	for _, size := range []int{5, LargeValue + 1} {
		value := bytes.Repeat([]byte("v"), size)
		var snapshot Snapshot
		s.Update(1, func(tx *Tx) error { return tx.Put([]byte("key"), String, value, 0) })
		s.View(1, func(tx *Tx) error { snapshot, _ = tx.Snapshot([]byte("key")); return nil })
		s.Update(1, func(tx *Tx) error { return tx.Put([]byte("key"), String, bytes.Repeat([]byte("w"), size), 0) })
		if e := snapshot.Entry(); e.Type != String || !bytes.Equal(e.Value, value) || snapshot.Len() != 0 {
			t.Errorf("snapshot is %v %.10q", e.Type, e.Value)
		}
		if _, err := snapshot.Hash(); err != ErrWrongType {
			t.Errorf("Hash of a string: %v", err)
		}
	}
	s.View(1, func(tx *Tx) error {
		if _, ok := tx.Snapshot([]byte("nothing")); ok {
			t.Error("snapshot of a key that is not there")
		}
		return nil
	})
}
