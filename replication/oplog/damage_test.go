package oplog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// copyOf returns a disk with the same files, after change.
func copyOf(t testing.TB, disk storage.LogDisk, change func(name string, data []byte) []byte) *storage.Memory {
	t.Helper()
	names, err := disk.List("")
	must(t, err)
	other := &storage.Memory{}
	for _, name := range names {
		data, err := storage.ReadFile(disk, name)
		must(t, err)
		if data = change(name, data); data != nil {
			must(t, storage.WriteFile(other, name, data))
		}
	}
	return other
}

// A log that is torn at any byte behind what was synced gives what is whole before, says
// what was cut, and can be gone on with, whether or not zeros follow that were reserved.
func TestTornEnd(t *testing.T) {
	disk := &storage.Memory{}
	n := mustStart(t, disk)
	n.put("a", "1")
	must(t, n.log.Sync())
	synced := n.log.current().size
	file := segmentName(n.log.current().number)
	ends := []int64{synced}
	for i := range 3 {
		n.put("b", fmt.Sprint(i))
		must(t, n.log.Flush())
		ends = append(ends, n.log.current().size)
	}
	for at := synced; at <= ends[3]; at++ {
		for _, reserved := range []int{0, 20, 1000} {
			tornAt(t, disk, file, at, ends, make([]byte, reserved))
		}
	}
}

// tornAt starts a log whose segment is torn at byte at, and followed by what was reserved.
// ends are where its batches end.
func tornAt(t *testing.T, disk storage.LogDisk, file string, at int64, ends []int64, reserved []byte) {
	whole := 0
	for whole < 3 && ends[whole+1] <= at {
		whole++
	}
	bytesCut := int64(0)
	torn := copyOf(t, disk, func(name string, data []byte) []byte {
		if name != file {
			return data
		}
		bytesCut = int64(len(bytes.TrimRight(data[ends[whole]:at], "\x00")))
		return append(data[:at:at], reserved...)
	})
	again := mustStart(t, torn)
	want := []string{"", "0", "1", "2"}[whole]
	again.want("a", "1", "b", want)
	cut := again.loaded.Torn
	switch {
	case at == ends[whole] && cut == nil:
	case at == ends[whole] || cut == nil || cut.Bytes != bytesCut || cut.Offset != ends[whole] || cut.File != file:
		t.Fatalf("torn at byte %d: %+v", at, cut)
	case at >= ends[whole]+batchHeader+6 && cut.Records != 1:
		t.Fatalf("torn at byte %d: %+v", at, cut)
	default:
		var refused *DamageError
		_, err := Load(onlySegment(t, torn, file), keyspace.New(keyspace.Config{}), Options{RefuseTorn: true})
		if !errors.As(err, &refused) || refused.Offset != cut.Offset {
			t.Fatalf("a torn end that is refused: %v", err)
		}
	}
	again.put("c", "x")
	must(t, again.log.Close())
	mustStart(t, torn).want("a", "1", "b", want, "c", "x")
}

// A segment with room that is reserved is whole without a Close, and Close gives the room
// back.
func TestReserve(t *testing.T) {
	disk := storage.Dir(t.TempDir())
	n := mustStart(t, disk)
	const room = 64 << 10
	length := func() int64 {
		size, err := fileSize(disk, segmentName(n.log.current().number))
		must(t, err)
		return size
	}
	for i := range 2000 { // more than once as much as is reserved
		n.log.Reserve(room)
		n.put("a", fmt.Sprint(i))
		must(t, n.log.Sync())
		if size := length(); n.log.room > 0 && (size < n.log.current().size || size > n.log.current().size+room) {
			t.Fatalf("%d bytes in a file of %d", n.log.current().size, size)
		}
	}
	again := mustStart(t, disk)
	again.want("a", "1999")
	if again.loaded.Torn != nil || again.loaded.Size != n.log.Size() {
		t.Errorf("%d bytes were read of %d: %+v", again.loaded.Size, n.log.Size(), again.loaded.Torn)
	}
	n = again
	n.log.Reserve(room)
	n.put("a", "2000")
	must(t, n.log.Close())
	if length() != n.log.current().size {
		t.Errorf("a file of %d bytes after Close, %d are written", length(), n.log.current().size)
	}
	mustStart(t, disk).want("a", "2000")
}

// onlySegment returns the disk as it was when the log had one segment.
func onlySegment(t testing.TB, disk storage.LogDisk, file string) storage.Disk {
	number, _ := fileNumber(file, segmentSuffix)
	m, err := readManifest(disk)
	must(t, err)
	return copyOf(t, disk, func(name string, data []byte) []byte {
		if name == manifestName {
			return (&manifest{m.base, []uint64{number}}).encode()
		}
		return data
	})
}

// damagedLog returns a log of some segments that was closed, and the keys that it has.
func damagedLog(t testing.TB) (*storage.Memory, []string) {
	disk := &storage.Memory{}
	n := mustStart(t, disk)
	var pairs []string
	for i := range 6 {
		key := fmt.Sprint("key", i)
		n.put(key, "v")
		pairs = append(pairs, key, "v")
		must(t, n.log.Flush())
		if i%2 == 1 {
			n.stream.BeginTerm(0)
			n.pump()
			must(t, n.log.Rotate())
		}
	}
	n.put("last", "v")
	must(t, n.log.Close())
	return disk, append(pairs, "last", "v")
}

// After a clean end, a byte that has changed stops the start and is named, or does no harm.
// Fix leaves what was before it.
func TestDamage(t *testing.T) {
	disk, pairs := damagedLog(t)
	names, err := disk.List("")
	must(t, err)
	for _, file := range names {
		data, err := storage.ReadFile(disk, file)
		must(t, err)
		for at := 0; at < len(data); at += 3 {
			damaged := copyOf(t, disk, func(name string, data []byte) []byte {
				if name == file {
					data[at] ^= 0x11
				}
				return data
			})
			n, err := start(t, damaged)
			if err == nil {
				n.want(pairs...)
				continue
			}
			var damage *DamageError
			if !errors.As(err, &damage) || damage.File != file ||
				damage.Mendable() && damage.Offset > int64(at) || !errors.Is(err, replication.ErrCorrupt) ||
				!strings.Contains(err.Error(), file) {
				t.Fatalf("byte %d of %s: %v", at, file, err)
			}
			checkFix(t, damaged, damage, pairs)
		}
	}
}

// checkFix tries Fix on a log with damage.
func checkFix(t *testing.T, disk *storage.Memory, damage *DamageError, pairs []string) {
	t.Helper()
	report, lost, err := Fix(disk)
	if !damage.Mendable() {
		if !errors.As(err, &damage) {
			t.Fatalf("damage of %s, and Fix: %v", damage.File, err)
		}
		return
	}
	if err != nil || lost == nil || lost.Bytes <= 0 || lost.From != report.End.Offset || lost.To < lost.From ||
		lost.Copies[0] != damage.File+CopySuffix {
		t.Fatalf("Fix: %+v, %v", lost, err)
	}
	if _, again, err := Fix(disk); again != nil || err != nil {
		t.Fatalf("Fix again: %+v, %v", again, err)
	}
	n := mustStart(t, disk)
	if h := n.loaded.Stream.History(); h != report.End {
		t.Fatalf("after Fix it comes back at %+v, want %+v", h, report.End)
	}
	kept := 0
	for i := 0; i < len(pairs); i += 2 {
		if n.get(pairs[i]) != "" {
			kept = i/2 + 1
		}
	}
	n.want(pairs[:2*kept]...)
}

// A file that is missing is damage too, unless nothing needs it.
func TestMissingFiles(t *testing.T) {
	disk, _ := damagedLog(t)
	m, err := readManifest(disk)
	must(t, err)
	for _, file := range append([]uint64{m.base}, m.segments...) {
		gone := segmentName(file)
		if file == m.base {
			gone = baseName(file)
		}
		_, err := start(t, copyOf(t, disk, func(name string, data []byte) []byte {
			if name == gone {
				return nil
			}
			return data
		}))
		var damage *DamageError
		if !errors.As(err, &damage) || damage.File != gone || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without %s: %v", gone, err)
		}
	}
}

// Check counts what is there.
func TestCheck(t *testing.T) {
	disk, _ := damagedLog(t)
	r, err := Check(disk)
	must(t, err)
	if r.Damage != nil || r.Torn != nil || r.BaseKeys != 0 || r.Keys != 7 || len(r.Segments) != 4 {
		t.Fatalf("%+v", r)
	}
	at := r.BaseAt.Offset
	for i, s := range r.Segments {
		want := SegmentReport{File: s.File, Size: s.Size, From: at, To: s.To, Batches: 2, Records: 2}
		if i == 3 { // one write, and the note of the end
			want.Records = 1
		}
		if s != want || s.To <= s.From || s.Size < 100 {
			t.Errorf("segment %d: %+v, want %+v", i, s, want)
		}
		at = s.To
	}
	if at != r.End.Offset {
		t.Errorf("it ends at %d, not %d", r.End.Offset, at)
	}
	if _, err := Check(&storage.Memory{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of an empty disk: %v", err)
	}
}
