package keyspace

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace/stream"
	"github.com/slotmesh/slotmesh/slots"
)

// addEntry appends entry i of a stream, and makes it pending in a group.
func addEntry(s *Store, slot slots.Slot, key string, i int) error {
	return s.Update(slot, func(tx *Tx) error {
		ref, err := tx.Stream([]byte(key))
		if err != nil {
			return err
		}
		id := stream.ID{Ms: uint64(i + 1)}
		fields := [][]byte{[]byte("sensor"), []byte(strconv.Itoa(i)), []byte("state"), []byte("on")}
		if err := ref.AppendStrings(id, fields); err != nil {
			return err
		}
		group, consumer := []byte("group"), []byte("consumer")
		if ref.Groups() == 0 {
			if err := ref.SetGroup(group, stream.GroupState{}); err != nil {
				return err
			}
			if err := ref.SetConsumer(group, consumer, 1); err != nil {
				return err
			}
		}
		return ref.SetPending(group, stream.Pending{ID: id, Consumer: consumer, Delivered: 1, Count: 1})
	})
}

func keySize(s *Store, slot slots.Slot, key string) (size int64) {
	s.View(slot, func(tx *Tx) error { size = tx.Size([]byte(key)); return nil })
	return size
}

// The size of a stream is what the store counts for it, whatever is added and goes.
func TestSizeOfAStream(t *testing.T) {
	const n = 5000
	s := newStore(Config{}, 1)
	putString(t, s, 1, "other", "v", 0)
	empty := s.Memory()
	check := func(what string, least, most int64) {
		t.Helper()
		size := keySize(s, 1, "k")
		if grown := s.Memory() - empty; size < grown-4096 || size > grown+4096 { // the arena grows by pages
			t.Errorf("%s: the size is %d bytes, memory has grown by %d", what, size, grown)
		}
		if size < least || size > most {
			t.Errorf("%s: %d bytes, want %d to %d", what, size, least, most)
		}
		checkStore(t, s)
	}
	change := func(fn func(StreamRef) error) {
		t.Helper()
		err := s.Update(1, func(tx *Tx) error {
			ref, err := tx.Stream([]byte("k"))
			if err != nil {
				return err
			}
			return fn(ref)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		if err := addEntry(s, 1, "k", i); err != nil {
			t.Fatal(err)
		}
	}
	check("added", 5*n, 100*n)
	full := keySize(s, 1, "k")
	change(func(ref StreamRef) error { ref.DeleteGroup([]byte("group")); return nil })
	check("without a group", 5*n, full-10*n)
	change(func(ref StreamRef) error { ref.TrimToLen(10, false, 0); return nil })
	check("trimmed", 100, 8192)
	if !deleteString(s, 1, "k") || s.Memory() != empty {
		t.Errorf("%d bytes are left of the stream", s.Memory()-empty)
	}
}

// Streams give way as other keys do, whole, and the memory that they give back is all that
// was counted for them.
func TestStreamsAreEvicted(t *testing.T) {
	log := &opLog{}
	s := newStore(Config{MaxMemory: 1 << 20, Policy: AllKeysLRU, Sink: log}, 1)
	for i := range 60_000 {
		k := i % 100
		if err := addEntry(s, slots.Slot(k%10), fmt.Sprint("stream", k), i); err != nil {
			t.Fatal(err)
		}
		if s.Memory() > 1<<20+8<<10 { // what a node grows by comes after the check
			t.Fatalf("after write %d memory is %d", i, s.Memory())
		}
	}
	if got := log.count(OpDelete); got != int(s.Stats().Evicted) || got == 0 {
		t.Errorf("%d deletes for %d evictions", got, s.Stats().Evicted)
	}
	checkStore(t, s)
}

// Without eviction a full store refuses entries and deliveries, but not what makes room.
func TestFullStoreRefusesEntries(t *testing.T) {
	s := newStore(Config{MaxMemory: 100_000}, 1)
	n, err := 0, error(nil)
	for ; err == nil && n < 100_000; n++ {
		err = addEntry(s, 1, "k", n)
	}
	if !errors.Is(err, ErrOutOfMemory) || n < 1000 {
		t.Fatalf("after %d writes: %v", n, err)
	}
	before := s.Memory()
	err = s.Update(1, func(tx *Tx) error {
		ref, err := tx.Stream([]byte("k"))
		if err != nil {
			return err
		}
		if ref.Len() != n-1 {
			t.Errorf("%d entries after %d that were added: the refused one is there in part", ref.Len(), n-1)
		}
		if !ref.Acknowledge([]byte("group"), stream.ID{Ms: 5}) {
			t.Error("an entry is not acknowledged")
		}
		ref.TrimToLen(n/2, false, 0)
		return nil
	})
	if err != nil || s.Memory() >= before {
		t.Errorf("%v, %d bytes, before %d", err, s.Memory(), before)
	}
	if err := addEntry(s, 1, "k", n); err != nil {
		t.Error(err)
	}
	checkStore(t, s)
}
