package oplog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/storage"
)

// The manifest is lines of text: the version of the format, the base, the segments in
// their order, and the xxhash64 of all of that in hexadecimal digits.
const (
	manifestVersion = "slotmesh log 1\n"
	baseLine        = "base "
	segmentLine     = "segment "
	checksumLine    = "checksum "
)

// maxManifest bounds a manifest's length in bytes, and so the number of segments.
const maxManifest = 1 << 20

// manifest names the files of a log.
type manifest struct {
	base     uint64
	segments []uint64 // ascending, at least one
}

func manifestOf(base uint64, segments []segmentInfo) *manifest {
	m := &manifest{base: base}
	for _, s := range segments {
		m.segments = append(m.segments, s.number)
	}
	return m
}

func (m *manifest) encode() []byte {
	b := []byte(manifestVersion)
	b = fmt.Appendf(b, "%s%s\n", baseLine, baseName(m.base))
	for _, n := range m.segments {
		b = fmt.Appendf(b, "%s%s\n", segmentLine, segmentName(n))
	}
	return fmt.Appendf(b, "%s%016x\n", checksumLine, xxhash.Sum64(b))
}

// decodeManifest reads a manifest. Its errors match ErrCorrupt.
func decodeManifest(b []byte) (m manifest, err error) {
	if !bytes.HasPrefix(b, []byte(manifestVersion)) {
		return m, corrupt("it does not begin with %q; it is no manifest of this version", manifestVersion)
	}
	end := bytes.LastIndex(b, []byte(checksumLine))
	if end < 0 || string(b[end:]) != fmt.Sprintf("%s%016x\n", checksumLine, xxhash.Sum64(b[:end])) {
		return m, corrupt("the checksum does not match the content")
	}
	lines := string(b[len(manifestVersion):end])
	for i := 0; lines != ""; i++ {
		line, rest, _ := strings.Cut(lines, "\n")
		lines = rest
		prefix, suffix := segmentLine, segmentSuffix
		if i == 0 {
			prefix, suffix = baseLine, baseSuffix
		}
		name, isLine := strings.CutPrefix(line, prefix)
		number, isName := fileNumber(name, suffix)
		if !isLine || !isName {
			return m, corrupt("line %d is %.80q", i+2, line)
		}
		switch n := len(m.segments); {
		case i == 0:
			m.base = number
		case n > 0 && m.segments[n-1] >= number:
			return m, corrupt("segment %d stands behind segment %d", number, m.segments[n-1])
		default:
			m.segments = append(m.segments, number)
		}
	}
	if len(m.segments) == 0 {
		return m, corrupt("it names no segment")
	}
	return m, nil
}

// Exists reports whether there is a log on the disk.
func Exists(disk storage.Disk) (bool, error) {
	f, err := disk.Open(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// Remove makes the disk one without a log, and removes all files that one had. There must
// be no Writer.
func Remove(disk storage.LogDisk) error {
	if err := disk.Remove(manifestName); err != nil {
		return err
	}
	files, err := disk.List(filePrefix)
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, is := ours(file); is {
			if err := disk.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// readManifest reads the manifest. The error matches fs.ErrNotExist if there is none.
func readManifest(disk storage.Disk) (manifest, error) {
	f, err := disk.Open(manifestName)
	if err != nil {
		return manifest{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return manifest{}, err
	}
	if len(b) > maxManifest {
		return manifest{}, &DamageError{File: manifestName, Offset: maxManifest, Err: corrupt("it is too long")}
	}
	m, err := decodeManifest(b)
	if err != nil {
		return manifest{}, &DamageError{File: manifestName, Err: err}
	}
	return m, nil
}

// Files returns the names of the files of a log that Load reads, beside the manifest.
func Files(disk storage.Disk) ([]string, error) {
	m, err := readManifest(disk)
	if err != nil {
		return nil, err
	}
	names := []string{baseName(m.base)}
	for _, number := range m.segments {
		names = append(names, segmentName(number))
	}
	return names, nil
}

// names reports whether the manifest names a file.
func (m *manifest) names(file string) bool {
	if file == manifestName || file == baseName(m.base) {
		return true
	}
	for _, n := range m.segments {
		if file == segmentName(n) {
			return true
		}
	}
	return false
}

// ours returns the number of a file of a log, or of a version of one that was never
// committed: 0 for the manifest.
func ours(file string) (number uint64, ok bool) {
	if file == manifestName || strings.HasPrefix(file, manifestName+uncommitted) {
		return 0, true
	}
	file, _, _ = strings.Cut(file, uncommitted)
	if number, ok = fileNumber(file, segmentSuffix); ok {
		return number, true
	}
	return fileNumber(file, baseSuffix)
}

// uncommitted is what storage.Dir adds to the name of a version that is not committed,
// and a number behind it.
const uncommitted = ".tmp-"

// Unused returns the files that are left over from former states of the log: those that
// the manifest does not name. There are none before the Writer has written the manifest
// itself, by SetBase if Create made it: one that a start has read may not be on disk, so
// that the next start reads one that names other files. It must not be called while a base
// is being written; the files may be removed at any time.
func (w *Writer) Unused() ([]string, error) {
	if !w.linked {
		return nil, nil
	}
	files, err := w.disk.List(filePrefix)
	if err != nil {
		return nil, err
	}
	m := manifestOf(w.base, w.segments)
	return slices.DeleteFunc(files, func(file string) bool {
		_, is := ours(file)
		return !is || m.names(file)
	}), nil
}

// nextNumber returns a number that no file has, nor a greater one.
func nextNumber(disk storage.LogDisk) (uint64, error) {
	files, err := disk.List(filePrefix)
	if err != nil {
		return 0, err
	}
	next := uint64(1)
	for _, file := range files {
		if number, ok := ours(file); ok {
			next = max(next, number+1)
		}
	}
	if next>>55 != 0 { // a batch has the kind in the low byte
		return 0, fmt.Errorf("a file of the log has the number %s", strconv.FormatUint(next-1, 10))
	}
	return next, nil
}
