package keyspace

import (
	"errors"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// Changes of groups are none for ChangedSince, at the store and at one that applies its
// ops; all others are, also after a transaction that was rolled back.
func TestChangedSinceOfStreams(t *testing.T) {
	other := New(Config{})
	s := New(Config{Sink: follower{t, other}})
	key, failure := []byte("k"), errors.New("rolled back")
	update := func(fn func(*Tx, StreamRef) error) {
		t.Helper()
		err := s.Update(1, func(tx *Tx) error {
			ref, err := tx.Stream(key)
			if err == nil {
				err = fn(tx, ref)
			}
			return err
		})
		if err != nil && err != failure {
			t.Fatal(err)
		}
	}
	setGroup := func(_ *Tx, ref StreamRef) error { return ref.SetGroup([]byte("g"), stream.GroupState{}) }
	seq := uint64(0)
	add := func(_ *Tx, ref StreamRef) error {
		seq++
		return ref.Append(stream.ID{Ms: 1, Seq: seq}, streamValue("f", "v"))
	}
	update(add)
	for _, step := range []struct {
		name    string
		fn      func(*Tx, StreamRef) error
		changed bool
	}{
		{"nothing", func(*Tx, StreamRef) error { return nil }, false},
		{"a group", setGroup, false},
		{"an entry", add, true},
		{"a group again", setGroup, false},
		{"a group, taken back", func(tx *Tx, ref StreamRef) error { setGroup(tx, ref); return failure }, false},
		{"an entry, of the same version", add, true},
		{"an entry, taken back", func(tx *Tx, ref StreamRef) error { add(tx, ref); return failure }, false},
		{"an expiry", func(tx *Tx, _ StreamRef) error { tx.Expire(key, 1<<50); return nil }, true},
		{"a group after an expiry", setGroup, false},
		{"a range", func(_ *Tx, ref StreamRef) error { ref.TrimToLen(0, false, 0); return nil }, true},
		{"all of a group", func(_ *Tx, ref StreamRef) error { ref.DeleteGroup([]byte("g")); return nil }, false},
		{"a new key", func(tx *Tx, ref StreamRef) error { tx.Delete(key); return setGroup(tx, ref) }, true},
	} {
		var before uint64
		s.View(1, func(tx *Tx) error { before = tx.Version(key); return nil })
		update(step.fn)
		update(func(tx *Tx, _ StreamRef) error {
			if got := tx.ChangedSince(key, before); got != step.changed {
				t.Errorf("after %s: changed is %v", step.name, got)
			}
			return nil
		})
		other.View(1, func(tx *Tx) error {
			if got := tx.ChangedSince(key, before); got != step.changed {
				t.Errorf("after %s, where it was applied: changed is %v", step.name, got)
			}
			return nil
		})
	}
}
