package oplog

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// node is a master with a log.
type node struct {
	t      testing.TB
	disk   storage.LogDisk
	store  *keyspace.Store
	stream *replication.Stream
	log    *Writer
	in     *replication.LogCursor
	loaded *Loaded // nil: it began empty
}

// start loads what is on the disk, or begins a log there.
func start(t testing.TB, disk storage.LogDisk) (*node, error) {
	n := &node{t: t, disk: disk}
	n.stream = replication.NewStream(replication.StreamConfig{NewID: randomID})
	n.store = keyspace.New(keyspace.Config{Sink: n.stream})
	var err error
	n.loaded, err = Load(disk, n.store, Options{})
	if err == nil {
		n.stream.RestoreLog(n.loaded.Stream)
		n.in, _ = n.stream.OpenLog(n.store.Len())
		n.log, err = Continue(disk, n.loaded, n.stream.History())
		return n, err
	}
	if !errors.Is(err, fs.ErrNotExist) || errors.As(err, new(*DamageError)) {
		return nil, err
	}
	var h replication.History
	n.in, h = n.stream.OpenLog(0)
	if n.log, err = Create(disk, h); err != nil {
		return nil, err
	}
	return n, n.rebase()
}

func mustStart(t testing.TB, disk storage.LogDisk) *node {
	t.Helper()
	n, err := start(t, disk)
	must(t, err)
	return n
}

func randomID() (id replication.ID) {
	rand.Read(id[:])
	return id
}

// rebase gives the log a new base.
func (n *node) rebase() error {
	name := n.log.NextBase()
	f, err := n.disk.Create(name)
	if err != nil {
		return err
	}
	defer f.Abort()
	keys := n.store.Len()
	n.stream.Hold(keys)
	defer n.stream.Release()
	at := n.stream.Offset()
	cur, head := n.stream.Snapshot(keys, []byte("shard"))
	defer cur.Close()
	s := replication.NewSender(replication.SenderConfig{Store: n.store, Source: cur, Offset: cur.Offset(), Full: true,
		Covered: n.stream.Offset})
	for buf := head; ; {
		if _, err := f.Write(buf); err != nil {
			return err
		}
		if s.Holdable() >= 0 {
			break
		}
		if buf, err = s.Next(buf[:0], 0); err != nil {
			return err
		}
	}
	if err := f.Commit(); err != nil {
		return err
	}
	return n.log.SetBase(name, at)
}

// put writes a key and hands it to the log.
func (n *node) put(key, value string) {
	n.t.Helper()
	k := []byte(key)
	must(n.t, n.store.Update(slots.Of(k), func(tx *keyspace.Tx) error {
		return tx.Put(k, keyspace.String, []byte(value), 0)
	}))
	n.pump()
}

// pump hands what the stream has to the log.
func (n *node) pump() {
	n.t.Helper()
	for {
		at := n.in.Offset()
		b, h, renamed, err := n.in.Next(64 << 10)
		must(n.t, err)
		switch {
		case renamed:
			must(n.t, n.log.SetHistory(h))
		case len(b) == 0:
			return
		default:
			must(n.t, n.log.Append(at, b))
		}
	}
}

func (n *node) get(key string) (value string) {
	n.t.Helper()
	k := []byte(key)
	must(n.t, n.store.View(slots.Of(k), func(tx *keyspace.Tx) error {
		if e, ok := tx.Get(k); ok {
			value = string(e.Value)
		}
		return nil
	}))
	return value
}

func (n *node) want(pairs ...string) {
	n.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := n.get(pairs[i]); got != pairs[i+1] {
			n.t.Fatalf("key %s has %q, want %q", pairs[i], got, pairs[i+1])
		}
	}
}

func TestLoadEmptyDisk(t *testing.T) {
	_, err := Load(&storage.Memory{}, keyspace.New(keyspace.Config{}), Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
}

// A node comes back with its data, place and metadata, again and again, through rotations and
// new bases.
func TestLoadRoundTrip(t *testing.T) {
	disk := &storage.Memory{}
	n := mustStart(t, disk)
	if _, err := n.stream.PutMetadata("note", []byte("one")); err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		for j := range 5 {
			n.put(fmt.Sprintf("k%d-%d", i, j), fmt.Sprint("v", i))
		}
		switch i % 3 {
		case 1:
			must(t, n.log.Rotate())
			n.put("between", fmt.Sprint(i))
		case 2:
			must(t, n.log.Rotate())
			must(t, n.rebase())
		}
		n.put("last", fmt.Sprint(i))
		before, metadata := n.stream.History(), n.stream.Metadata()
		if i%2 == 0 {
			must(t, n.log.Close())
		} else {
			must(t, n.log.Flush())
		}
		n = mustStart(t, disk)
		if n.loaded.Torn != nil || string(n.loaded.Shard) != "shard" {
			t.Errorf("loaded %+v", n.loaded)
		}
		if h := n.stream.History(); h.PrevID != before.ID || h.PrevLimit != before.Offset || h.Offset != before.Offset {
			t.Fatalf("it comes back at %+v, was at %+v", h, before)
		}
		if got := n.stream.Metadata(); len(got) != 1 || !bytes.Equal(got["note"], metadata["note"]) {
			t.Fatalf("the metadata are %q", got)
		}
		n.want("k0-0", "v0", fmt.Sprintf("k%d-4", i), fmt.Sprint("v", i), "last", fmt.Sprint(i))
		if left, err := n.log.Unused(); err != nil {
			t.Fatal(err)
		} else {
			for _, name := range left {
				must(t, disk.Remove(name))
			}
		}
	}
	if m, err := readManifest(disk); err != nil || len(m.segments) > 2 {
		t.Errorf("the manifest names %+v, %v", m, err)
	}
}
