package replication

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// snapshotOf returns a snapshot of n keys, and the store.
func snapshotOf(t testing.TB, n int) ([]byte, *keyspace.Store) {
	t.Helper()
	store, log := newMaster()
	fill(t, store, n, 100)
	log.Hold(n)
	cur, file := log.Snapshot(n, nil)
	s := NewSender(SenderConfig{Store: store, Source: cur, Offset: cur.Offset(), Full: true, Covered: log.Offset})
	for s.Holdable() < 0 {
		var err error
		if file, err = s.Next(file, 0); err != nil {
			t.Fatal(err)
		}
	}
	return file, store
}

func fill(t testing.TB, store *keyspace.Store, n, size int) {
	t.Helper()
	value := bytes.Repeat([]byte("v"), size)
	for i := range n {
		key := fmt.Appendf(nil, "key:%012d", i)
		if err := store.Update(slots.Of(key), func(tx *keyspace.Tx) error {
			return tx.Put(key, keyspace.String, value,
				int64(i%3)<<50)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// newMaster returns a store and its stream.
func newMaster() (*keyspace.Store, *Stream) {
	log := NewStream(StreamConfig{NewID: randomID})
	return keyspace.New(keyspace.Config{Sink: log}), log
}

// newReplica returns the same for a replica.
func newReplica() (*keyspace.Store, *Stream) {
	store, log := newMaster()
	log.Follow()
	return store, log
}

func randomID() (id ID) {
	rand.Read(id[:])
	return id
}

// load brings a store and its stream to where a snapshot was written.
func load(t testing.TB, file []byte, store *keyspace.Store, log *Stream) {
	t.Helper()
	s, err := ReadSnapshot(bytes.NewReader(file), store, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range s.Metadata {
		if err := log.SetMetadata(name, data); err != nil {
			t.Fatal(err)
		}
	}
	if !s.History.ID.IsZero() {
		log.Restore(s.History)
	}
}

// contentOf returns the keys and values of a store.
func contentOf(s *keyspace.Store) map[string]string {
	all := make(map[string]string)
	for slot := range slots.Slot(slots.Count) {
		s.View(slot, func(tx *keyspace.Tx) error {
			for k, e := range tx.All() {
				all[string(k)] = fmt.Sprintf("%q until %d", e.Value, e.ExpireAt)
			}
			return nil
		})
	}
	return all
}

func TestSnapshotCutAnywhere(t *testing.T) {
	file, store := snapshotOf(t, 1500)
	whole, log := newMaster()
	load(t, file, whole, log)
	if !maps.Equal(contentOf(store), contentOf(whole)) {
		t.Fatalf("%d keys of %d, or other values", whole.Len(), store.Len())
	}
	damaged := func(what string, b []byte, at int) {
		t.Helper()
		_, err := ReadSnapshot(bytes.NewReader(b), keyspace.New(keyspace.Config{}), nil)
		var damage *SnapshotError
		if !errors.As(err, &damage) || !errors.Is(err, frame.ErrCorrupt) {
			t.Fatalf("%s: %v", what, err)
		}
		if off := int(damage.Offset); off < at-2*MaxMessage || off > len(b) {
			t.Fatalf("%s at %d: the error says byte %d", what, at, off)
		}
	}
	for cut := 0; cut < len(file); cut += 1000 {
		damaged("cut", file[:cut], cut)
	}
	damaged("cut by one byte", file[:len(file)-1], len(file)-1)
	damaged("a byte too many", append(bytes.Clone(file), 0), len(file))
	for at := 0; at < len(file); at += 4999 {
		bad := bytes.Clone(file)
		bad[at] ^= 4
		damaged("bit flipped", bad, at)
	}
}

func FuzzSnapshot(f *testing.F) {
	file, _ := snapshotOf(f, 20)
	f.Add(file)
	f.Add([]byte(snapshotMagic))
	f.Add(file[:len(file)/2])
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := ReadSnapshot(bytes.NewReader(file), keyspace.New(keyspace.Config{}), nil); err != nil &&
			!errors.Is(err, frame.ErrCorrupt) {
			t.Fatalf("an error of another kind: %v", err)
		}
	})
}
