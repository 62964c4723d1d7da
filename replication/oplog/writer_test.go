package oplog

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestManifestCodec(t *testing.T) {
	for _, m := range []manifest{{1, []uint64{1}}, {7, []uint64{2, 9, 10}}} {
		got, err := decodeManifest(m.encode())
		if err != nil || got.base != m.base || !slices.Equal(got.segments, m.segments) {
			t.Errorf("%+v came back as %+v, %v", m, got, err)
		}
	}
	whole := (&manifest{7, []uint64{2, 9}}).encode()
	for i := range whole {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		for _, b := range [][]byte{whole[:i], flipped} {
			if m, err := decodeManifest(b); !errors.Is(err, replication.ErrCorrupt) {
				t.Fatalf("%q gave %+v, %v", b, m, err)
			}
		}
	}
	for _, m := range []manifest{{1, nil}, {1, []uint64{2, 2}}, {1, []uint64{3, 2}}} {
		if got, err := decodeManifest(m.encode()); !errors.Is(err, replication.ErrCorrupt) {
			t.Errorf("%+v gave %+v, %v", m, got, err)
		}
	}
}

func TestHeaderCodec(t *testing.T) {
	h := header{9, replication.History{ID: replication.ID{1}, Offset: 77, PrevID: replication.ID{2}, PrevLimit: 5,
		Term: 3}}
	b := appendHeader(nil, &h)
	if got, err := decodeHeader(b); got != h || err != nil {
		t.Errorf("came back as %+v, %v", got, err)
	}
	for i := range b {
		flipped := bytes.Clone(b)
		flipped[i] ^= 0x80
		for _, b := range [][]byte{b[:i], flipped} {
			if _, err := decodeHeader(b); !errors.Is(err, replication.ErrCorrupt) {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
}

// What the Writer says is durable follows its Syncs, and counts only when there is a base.
func TestWriterOffsets(t *testing.T) {
	disk := &storage.Memory{}
	h := replication.History{ID: replication.ID{1}, Offset: 100, Term: 1}
	w, err := Create(disk, h)
	must(t, err)
	want := func(offset, written, durable int64) {
		t.Helper()
		if w.Offset() != offset || w.Written() != written || w.Durable() != durable {
			t.Fatalf("offset %d, written %d, durable %d; want %d, %d, %d", w.Offset(), w.Written(), w.Durable(),
				offset, written, durable)
		}
	}
	want(100, 100, -1)
	must(t, w.Append(100, make([]byte, 50)))
	want(150, 100, -1)
	must(t, w.Sync())
	want(150, 150, -1)
	base := w.NextBase()
	must(t, storage.WriteFile(disk, base, []byte("base")))
	must(t, w.SetBase(base, 120))
	want(150, 150, 150)
	if err := w.Append(149, []byte{0}); err == nil {
		t.Error("bytes at another offset were taken")
	}
	must(t, w.Append(150, make([]byte, batchBody+10))) // a full batch is written by itself
	want(batchBody+160, batchBody+150, 150)
	p, err := w.BeginSync()
	must(t, err)
	must(t, w.Append(w.Offset(), make([]byte, 5)))
	must(t, w.Flush())
	if _, err := w.BeginSync(); err == nil {
		t.Error("two syncs are under way")
	}
	must(t, w.EndSync(p, p.Sync()))
	want(batchBody+165, batchBody+165, batchBody+160)
	must(t, w.Rotate())
	want(batchBody+165, batchBody+165, batchBody+165)
	must(t, w.Close())
	if err := w.Append(w.Offset(), []byte{0}); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// After an error nothing more is tried.
func TestWriterFailsForGood(t *testing.T) {
	full := errors.New("no space left")
	for name, act := range map[string]func(*Writer) error{
		"flush": (*Writer).Flush, "sync": (*Writer).Sync, "rotate": (*Writer).Rotate,
		"base": func(w *Writer) error { return w.SetBase("log.2.base", 0) },
	} {
		disk := &storage.Memory{}
		w, err := Create(disk, replication.History{})
		must(t, err)
		must(t, storage.WriteFile(disk, w.NextBase(), nil))
		must(t, w.SetBase("log.2.base", 0))
		must(t, w.Append(0, []byte("a")))
		disk.SetFault(full)
		if err := act(w); !errors.Is(err, full) {
			t.Errorf("%s: %v", name, err)
		}
		disk.SetFault(nil)
		for _, err := range []error{w.Append(1, nil), w.Flush(), w.Sync(), w.Rotate(), w.SetBase("log.2.base", 0), w.Err(),
			w.SetHistory(replication.History{Term: 2, Offset: 1}), w.Close()} {
			if !errors.Is(err, full) {
				t.Errorf("%s, afterwards: %v", name, err)
			}
		}
	}
}

// A log keeps what is needed behind its base, and names what is left over.
func TestWriterFiles(t *testing.T) {
	disk := &storage.Memory{}
	for _, name := range []string{"log.txt", "log.3.base.tmp-123", "log.manifest.tmp-1", "log.03.segment"} {
		must(t, storage.WriteFile(disk, name, nil))
	}
	w, err := Create(disk, replication.History{})
	must(t, err)
	check := func(used, unused []string) {
		t.Helper()
		m, err := readManifest(disk)
		must(t, err)
		got := []string{baseName(m.base)}
		for _, n := range m.segments {
			got = append(got, segmentName(n))
		}
		left, err := w.Unused()
		must(t, err)
		if !slices.Equal(got, used) || !slices.Equal(left, unused) {
			t.Fatalf("the manifest names %v, unused are %v; want %v and %v", got, left, used, unused)
		}
		for _, name := range left {
			must(t, disk.Remove(name))
		}
	}
	rebase := func(at int64) {
		t.Helper()
		name := w.NextBase()
		must(t, storage.WriteFile(disk, name, nil))
		must(t, w.SetBase(name, at))
	}
	rebase(0)
	check([]string{"log.5.base", "log.4.segment"}, []string{"log.3.base.tmp-123", "log.manifest.tmp-1"})
	must(t, w.Append(0, []byte("abc")))
	must(t, w.Rotate()) // 6
	must(t, w.Rotate()) // 7: nothing is in 6
	check([]string{"log.5.base", "log.4.segment", "log.7.segment"}, []string{"log.6.segment"})
	must(t, w.Append(3, []byte("abc")))
	must(t, w.Rotate()) // 8
	rebase(2)           // 9, in the middle of segment 4
	check([]string{"log.9.base", "log.4.segment", "log.7.segment", "log.8.segment"}, []string{"log.5.base"})
	rebase(3) // 10: where segment 7 begins
	check([]string{"log.10.base", "log.7.segment", "log.8.segment"}, []string{"log.4.segment", "log.9.base"})
	must(t, Remove(disk))
	if there, err := Exists(disk); there || err != nil {
		t.Errorf("after Remove: %v, %v", there, err)
	}
	if names, err := disk.List(""); !slices.Equal(names, []string{"log.03.segment", "log.txt"}) || err != nil {
		t.Errorf("Remove leaves %v, %v", names, err)
	}
}
