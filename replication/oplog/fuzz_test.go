package oplog

import (
	"errors"
	"io"
	"io/fs"
	"runtime"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// FuzzManifest: a manifest is what was encoded, or ErrCorrupt.
func FuzzManifest(f *testing.F) {
	f.Add((&manifest{1, []uint64{1}}).encode())
	f.Add((&manifest{7, []uint64{2, 9, 10}}).encode())
	f.Add([]byte(manifestVersion + "base log.1.base\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeManifest(b)
		if err == nil {
			if string(m.encode()) != string(b) {
				t.Fatalf("%q is another way to write %q", b, m.encode())
			}
			return
		}
		if !errors.Is(err, replication.ErrCorrupt) {
			t.Fatal(err)
		}
	})
}

// fuzzDisk is a disk with one file.
type fuzzDisk struct {
	storage.Memory
	segment []byte
}

func (d *fuzzDisk) Open(name string) (io.ReadCloser, error) {
	if name == segmentName(1) {
		return (&segmentBytes{b: d.segment}), nil
	}
	return d.Memory.Open(name)
}

type segmentBytes struct{ b []byte }

func (s *segmentBytes) Close() error { return nil }

func (s *segmentBytes) Read(b []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, s.b)
	s.b = s.b[n:]
	return n, nil
}

// segmentWith returns a segment with checksums that are right, of bodies that may be wrong.
func segmentWith(bodies ...string) []byte {
	b := appendHeader(nil, &header{1, replication.History{ID: replication.ID{1}, Term: 1}})
	at := int64(0)
	for i, body := range bodies {
		start, k := len(b), kindStream
		if body == "" {
			k, body = kindHistory, string(appendHistory(nil, &replication.History{ID: replication.ID{byte(i)}, Term: 2}))
		}
		b = append(append(b, make([]byte, batchHeader)...), body...)
		finishBatch(b, start, 1, k, at, int64(start))
		if k == kindStream {
			at += int64(len(body))
		}
	}
	return b
}

// FuzzSegment: whatever a segment holds, reading it ends without a panic, with an error that
// says what is wrong or with data, and takes no more memory than the segment is long. The
// bytes are read as they are, and as the bodies of batches whose checksums are right.
func FuzzSegment(f *testing.F) {
	disk := &storage.Memory{}
	n := mustStart(f, disk)
	n.put("a", "1")
	n.stream.BeginTerm(0)
	n.put("b", "2")
	must(f, n.log.Close())
	whole, err := storage.ReadFile(disk, segmentName(1))
	must(f, err)
	base, err := storage.ReadFile(disk, baseName(2))
	must(f, err)
	f.Add(whole, uint16(10), uint16(20))
	f.Add(whole[segmentHeader+batchHeader:], uint16(30), uint16(0))
	f.Add([]byte("\xc9\xff\xff\xff\xff\x01"), uint16(6), uint16(6))
	f.Add([]byte("\xc9\x00\x00\x00\x02\x02\x91\xc4"), uint16(3), uint16(5))
	f.Fuzz(func(t *testing.T, b []byte, i, j uint16) {
		first := min(int(i), len(b))
		second := min(first+int(j), len(b))
		for _, segment := range [][]byte{b, segmentWith(string(b[:first]), string(b[first:second]), string(b[second:]))} {
			d := &fuzzDisk{segment: segment}
			must(t, storage.WriteFile(d, baseName(2), base))
			must(t, storage.WriteFile(d, manifestName, (&manifest{2, []uint64{1}}).encode()))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			l, err := Load(d, keyspace.New(keyspace.Config{}), Options{})
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20+100*uint64(len(segment)) {
				t.Fatalf("%d bytes of memory for a segment of %d", got, len(segment))
			}
			if err != nil && !errors.Is(err, replication.ErrCorrupt) && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if err == nil && l.Torn != nil && l.Torn.Bytes <= 0 {
				t.Fatalf("%+v", l.Torn)
			}
			if _, _, err := Fix(d); err != nil && !errors.Is(err, replication.ErrCorrupt) {
				t.Fatal(err)
			}
		}
	})
}
