package keyspace

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// streamValue returns the value of an entry.
func streamValue(strings ...string) []byte {
	b := stream.AppendCount(nil, len(strings))
	for _, s := range strings {
		b = stream.AppendString(b, []byte(s))
	}
	return b
}

// partsOf returns the parts of a key as text, in the order in which a dump has them.
func partsOf(t *testing.T, s *Store, key string) (parts []string) {
	t.Helper()
	err := s.View(1, func(tx *Tx) error {
		if snapshot, ok := tx.Snapshot([]byte(key)); ok {
			snapshot.Parts(func(part, value []byte, _ int64) bool {
				parts = append(parts, fmt.Sprintf("%x=%x", part, value))
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// A stream with a group goes through its Ops to another store, and a transaction that fails
// leaves no trace.
func TestStreamRef(t *testing.T) {
	other := New(Config{})
	s := New(Config{Sink: follower{t, other}})
	key := []byte("k")
	update := func(fn func(StreamRef) error) error {
		return s.Update(1, func(tx *Tx) error {
			ref, err := tx.Stream(key)
			if err != nil {
				return err
			}
			return fn(ref)
		})
	}
	steps := func(ref StreamRef) error {
		for i := range uint64(250) {
			if err := ref.Append(stream.ID{Ms: 1000, Seq: i + 1}, streamValue("f", fmt.Sprint(i))); err != nil {
				return err
			}
		}
		if n := ref.TrimToLen(120, false, 0); n != 130 {
			t.Errorf("%d trimmed", n)
		}
		if ok, err := ref.Delete(stream.ID{Ms: 1000, Seq: 200}); !ok || err != nil {
			t.Errorf("Delete: %v, %v", ok, err)
		}
		err := ref.SetGroup([]byte("g"), stream.GroupState{Last: stream.ID{Ms: 1000, Seq: 140}, Read: 10})
		for i := uint64(131); i <= 140 && err == nil; i++ {
			p := stream.Pending{ID: stream.ID{Ms: 1000, Seq: i}, Consumer: []byte("c"), Delivered: 5, Count: 1}
			if err = ref.SetConsumer([]byte("g"), p.Consumer, 5); err == nil {
				err = ref.SetPending([]byte("g"), p)
			}
		}
		return err
	}
	if err := update(steps); err != nil {
		t.Fatal(err)
	}
	before := partsOf(t, s, "k")
	if got := partsOf(t, other, "k"); !slices.Equal(got, before) || len(before) != 1+119+1+1+10 {
		t.Fatalf("%d parts, the other store has %d: %q", len(before), len(got), got)
	}
	failed := errors.New("failed")
	err := update(func(ref StreamRef) error {
		ref.TrimToLen(3, false, 0)
		ref.DeleteConsumer([]byte("g"), []byte("c"))
		ref.DeleteGroup([]byte("g"))
		ref.Append(stream.ID{Ms: 2000}, streamValue("a", "b"))
		return failed
	})
	if after := partsOf(t, s, "k"); err != failed || !slices.Equal(after, before) {
		t.Fatalf("%v: %d parts are now %d", err, len(before), len(after))
	}
	err = update(func(ref StreamRef) error {
		if n, ok := ref.DeleteConsumer([]byte("g"), []byte("c")); n != 10 || !ok {
			t.Errorf("DeleteConsumer: %d, %v", n, ok)
		}
		ref.DeleteGroup([]byte("g"))
		ref.TrimBefore(stream.MaxID, false, 0)
		return nil
	})
	if got := partsOf(t, other, "k"); err != nil || len(got) != 1 || !slices.Equal(got, partsOf(t, s, "k")) {
		t.Fatalf("%v: %q", err, got)
	}
}

// A stream that is put as a whole is there, with as many parts as its dump has.
func TestNewStreamCountsItsParts(t *testing.T) {
	built := new(stream.Stream)
	built.State = stream.State{Last: stream.ID{Ms: 5}, Added: 2}
	built.Set(stream.ID{Ms: 4}, streamValue("a", "b"))
	built.SetGroup([]byte("g"), stream.GroupState{Last: stream.ID{Ms: 4}, Read: 1})
	built.SetConsumer([]byte("g"), []byte("c"), 7)
	built.SetPending([]byte("g"), stream.Pending{ID: stream.ID{Ms: 4}, Consumer: []byte("c"), Delivered: 7, Count: 1})
	s := newStore(Config{}, 1)
	var n int
	if err := s.Update(1, func(tx *Tx) error {
		c := NewStream(built)
		n = c.Len()
		return tx.PutCollection([]byte("k"), c, 0)
	}); err != nil {
		t.Fatal(err)
	}
	if parts := partsOf(t, s, "k"); n != 5 || len(parts) != n {
		t.Errorf("a stream of %d parts has %q", n, parts)
	}
}

// The nodes of a stream that is put as a whole stay as they are; what is added follows the
// limits of the store.
func TestNewStreamFollowsTheLimitsOfTheStore(t *testing.T) {
	s := newStore(Config{}, 1)
	e := s.Encodings()
	e.StreamNodes.Entries = 10
	s.SetEncodings(e)
	for limited, want := range map[bool]int{false: 3 + 2, true: 25 + 2} {
		built := new(stream.Stream)
		if limited {
			built.SetLimits(&e.StreamNodes)
		}
		for i := range 250 {
			built.Set(stream.ID{Ms: uint64(i + 1)}, streamValue("f", "v"))
		}
		built.State = stream.State{Last: stream.ID{Ms: 250}, Added: 250}
		err := s.Update(1, func(tx *Tx) error {
			if err := tx.PutCollection([]byte("k"), NewStream(built), 0); err != nil {
				return err
			}
			ref, err := tx.Stream([]byte("k"))
			for i := 251; i <= 270 && err == nil; i++ {
				err = ref.Append(stream.ID{Ms: uint64(i)}, streamValue("f", "v"))
			}
			if got := ref.Nodes(); got != want {
				t.Errorf("built with limits %t: %d nodes, want %d", limited, got, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Several entries are deleted with one op each and one for the stream.
func TestDeleteAllSaysOnceWhatWasDeleted(t *testing.T) {
	log := &opLog{}
	s := New(Config{Sink: log})
	err := s.Update(1, func(tx *Tx) error {
		ref, err := tx.Stream([]byte("k"))
		for i := uint64(1); err == nil && i <= 5; i++ {
			err = ref.Append(stream.ID{Ms: i}, streamValue("f", "v"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	log.ops = nil
	var deleted int
	var state stream.State
	err = s.Update(1, func(tx *Tx) (err error) {
		ref, _ := tx.Stream([]byte("k"))
		deleted, err = ref.DeleteAll([]stream.ID{{Ms: 2}, {Ms: 4}, {Ms: 7}, {Ms: 3}, {Ms: 2}})
		state = ref.State()
		return err
	})
	if err != nil || deleted != 3 || state.MaxDeleted != (stream.ID{Ms: 4}) {
		t.Errorf("deleted %d, %+v, %v", deleted, state, err)
	}
	if cuts, parts := log.count(OpCut), log.count(OpPart); cuts != 3 || parts != 1 {
		t.Errorf("%d entries are cut, the stream is written %d times", cuts, parts)
	}
}
