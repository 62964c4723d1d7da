package replication

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// snapshotOf returns a snapshot of n keys, and the store.
func snapshotOf(t testing.TB, n int) ([]byte, *keyspace.Store) {
	t.Helper()
	log := NewBacklog(0)
	store := keyspace.New(keyspace.Config{Sink: log})
	fill(t, store, n, 100)
	w := newSnapshotWriter(dataset{store, log}, log.Offset, n)
	defer w.close()
	var file []byte
	for done := false; !done; {
		var err error
		if file, done, err = w.next(file); err != nil {
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

func emptyDataset() dataset {
	log := NewBacklog(0)
	return dataset{keyspace.New(keyspace.Config{Sink: log}), log}
}

func TestSnapshotCutAnywhere(t *testing.T) {
	file, store := snapshotOf(t, 1500)
	whole := emptyDataset()
	if _, err := readSnapshot(bytes.NewReader(file), whole, nil); err != nil {
		t.Fatal(err)
	}
	if d := diff(store, whole.store); d != "" {
		t.Fatal(d)
	}
	damaged := func(what string, b []byte, at int) {
		t.Helper()
		_, err := readSnapshot(bytes.NewReader(b), emptyDataset(), nil)
		var damage *SnapshotError
		if !errors.As(err, &damage) || !errors.Is(err, frame.ErrCorrupt) {
			t.Fatalf("%s: %v", what, err)
		}
		if off := int(damage.Offset); off < at-2*maxMessage || off > len(b) {
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

func TestLoadNamesFileSlotAndByteAndLeavesTheFile(t *testing.T) {
	var d storage.Memory
	if _, found, err := Load(t.Context(), &d, "dump.rdb", keyspace.New(keyspace.Config{}), NewBacklog(0), nil); found ||
		err != nil {
		t.Fatalf("no file: %v, %v", found, err)
	}
	file, _ := snapshotOf(t, 10_000)
	cut := file[:len(file)/2]
	storage.WriteFile(&d, "dump.rdb", cut)
	_, _, err := Load(t.Context(), &d, "dump.rdb", keyspace.New(keyspace.Config{}), NewBacklog(0), nil)
	if err == nil || !strings.Contains(err.Error(), "dump.rdb") || !strings.Contains(err.Error(), "at byte") ||
		!strings.Contains(err.Error(), "of slot ") {
		t.Fatalf("the error is %v", err)
	}
	t.Log(err)
	if left, _ := storage.ReadFile(&d, "dump.rdb"); !bytes.Equal(left, cut) {
		t.Fatal("the file was touched")
	}
}

// A snapshot is the state at one place in history, whatever is written meanwhile.
func TestSaveWhileWriting(t *testing.T) {
	net := newTestNet(t)
	a := net.node(1)
	defer a.stop()
	fill(t, a.store, 20_000, 50)
	var d storage.Memory
	// Two keys of one slot always change together.
	pair := func(i int) {
		a.store.Update(slots.OfString("{p}a"), func(tx *keyspace.Tx) error {
			tx.Put([]byte("{p}a"), keyspace.String, fmt.Append(nil, i), 0)
			return tx.Put([]byte("{p}b"), keyspace.String, fmt.Append(nil, i), 0)
		})
	}
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				pair(i)
				a.set(fmt.Sprintf("key:%012d", i%20_000), fmt.Sprint(i))
			}
		}
	})
	for range 5 {
		if err := a.Save(t.Context(), &d, "dump.rdb"); err != nil {
			t.Fatal(err)
		}
		b := net.node(2)
		if _, _, err := Load(t.Context(), &d, "dump.rdb", b.store, b.log, nil); err != nil {
			t.Fatal(err)
		}
		if b.get("{p}a") != b.get("{p}b") {
			t.Fatalf("half a transaction in the snapshot: %q, %q", b.get("{p}a"), b.get("{p}b"))
		}
		b.stop()
	}
	close(stop)
	wg.Wait()
	if a.log.Info().Active {
		t.Error("the backlog stays on although nobody but the snapshot needed it")
	}
}

// A replica that restarts from its snapshot comes back by a partial resync; so does a
// master that was replaced.
func TestRestartFromSnapshotResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newTestNet(t)
		a, b := net.node(1), net.node(2)
		defer func() { a.stop(); b.stop() }()
		fill(t, a.store, 1000, 50)
		b.follow(a)
		b.connect(a)
		b.cfg.Shard = func() []byte { return []byte("a and b") }
		var d storage.Memory
		if err := b.Save(t.Context(), &d, "b"); err != nil {
			t.Fatal(err)
		}
		b.stop()
		a.set("while", "away")
		b = net.node(2)
		if shard, found, err := Load(t.Context(), &d, "b", b.store, b.log, nil); !found || string(shard) != "a and b" ||
			err != nil {
			t.Fatalf("%q, %v, %v", shard, found, err)
		}
		b.follow(a)
		b.connect(a)
		if s := a.Status(); s.FullSyncs != 1 || s.PartialSyncs != 1 {
			t.Fatalf("%d full, %d partial syncs; want one of each", s.FullSyncs, s.PartialSyncs)
		}
		if err := a.Save(t.Context(), &d, "a"); err != nil {
			t.Fatal(err)
		}
		a.stop()
		b.Promote(0)
		b.set("after", "promotion")
		a = net.node(1)
		if _, _, err := Load(t.Context(), &d, "a", a.store, a.log, nil); err != nil {
			t.Fatal(err)
		}
		a.follow(b)
		a.connect(b)
		if s := b.Status(); s.FullSyncs != 0 || s.PartialSyncs != 1 {
			t.Fatalf("%d full, %d partial syncs; want one partial", s.FullSyncs, s.PartialSyncs)
		}
		if err := a.Save(t.Context(), &d, "a"); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzSnapshot(f *testing.F) {
	file, _ := snapshotOf(f, 20)
	f.Add(file)
	f.Add([]byte(snapshotMagic))
	f.Add(file[:len(file)/2])
	f.Fuzz(func(t *testing.T, file []byte) {
		d := emptyDataset()
		if _, err := readSnapshot(bytes.NewReader(file), d, nil); err != nil && !errors.Is(err, frame.ErrCorrupt) {
			t.Fatalf("an error of another kind: %v", err)
		}
	})
}
