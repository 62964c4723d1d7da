package replicator

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

func TestLoadNamesFileSlotAndByteAndLeavesTheFile(t *testing.T) {
	var d storage.Memory
	if _, found, err := Load(t.Context(), &d, "dump.rdb", keyspace.New(keyspace.Config{}), NewBacklog(0), nil); found ||
		err != nil {
		t.Fatalf("no file: %v, %v", found, err)
	}
	x := newTestNet(t).node(1)
	defer x.stop()
	fill(t, x.store, 10_000, 100)
	if err := x.Save(t.Context(), &d, "dump.rdb"); err != nil {
		t.Fatal(err)
	}
	file, err := storage.ReadFile(&d, "dump.rdb")
	if err != nil {
		t.Fatal(err)
	}
	cut := file[:len(file)/2]
	storage.WriteFile(&d, "dump.rdb", cut)
	_, _, err = Load(t.Context(), &d, "dump.rdb", keyspace.New(keyspace.Config{}), NewBacklog(0), nil)
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
