package admin

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// record is a key in a backup: its payload is that of DUMP.
type record struct {
	key     string
	expires int64 // ms since the epoch, 0 = never
	payload []byte
}

// Records stand one after another in frames (internal/frame) of about archiveFrame bytes:
// the length of the key, the key, the time of expiry, the length of the payload, the
// payload; numbers as varints. The first frame of a file is archiveMagic.
const (
	archiveMagic = "slotmesh backup 1"
	archiveFrame = 1 << 20
	// archiveMost is the longest frame: one record, which may be a value of 512 MB.
	archiveMost = 1 << 30
)

// archiveWriter writes records and counts what it wrote.
type archiveWriter struct {
	w     io.Writer
	sum   *xxhash.Digest
	buf   []byte
	keys  int64
	bytes int64
}

func newArchiveWriter(w io.Writer) (*archiveWriter, error) {
	a := &archiveWriter{w: w, sum: xxhash.New()}
	return a, a.frame([]byte(archiveMagic))
}

func (a *archiveWriter) add(r record) error {
	a.buf = binary.AppendUvarint(a.buf, uint64(len(r.key)))
	a.buf = append(a.buf, r.key...)
	a.buf = binary.AppendVarint(a.buf, r.expires)
	a.buf = binary.AppendUvarint(a.buf, uint64(len(r.payload)))
	a.buf = append(a.buf, r.payload...)
	a.keys++
	if len(a.buf) < archiveFrame {
		return nil
	}
	return a.flush()
}

func (a *archiveWriter) flush() error {
	if len(a.buf) == 0 {
		return nil
	}
	err := a.frame(a.buf)
	a.buf = a.buf[:0]
	return err
}

func (a *archiveWriter) frame(payload []byte) error {
	framed := frame.Append(nil, payload)
	a.sum.Write(framed)
	n, err := a.w.Write(framed)
	a.bytes += int64(n)
	return err
}

// readArchive calls fn with the records of each frame; they may be kept. Its errors match
// frame.ErrCorrupt where the bytes are at fault.
func readArchive(r io.Reader, fn func([]record) error) error {
	frames := frame.NewReader(r, archiveMost)
	magic, err := frames.Next()
	if err != nil {
		return archiveError(err)
	}
	if string(magic) != archiveMagic {
		return fmt.Errorf("admin: this is no backup file, or of another version: it begins with %.20q: %w", magic,
			frame.ErrCorrupt)
	}
	for {
		payload, err := frames.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return archiveError(err)
		}
		list, err := parseRecords(slices.Clone(payload))
		if err != nil {
			return err
		}
		if err := fn(list); err != nil {
			return err
		}
	}
}

func archiveError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("admin: a backup file ends in the middle: %w", frame.ErrCorrupt)
	}
	return err
}

// parseRecords reads what one frame holds; payloads alias b.
func parseRecords(b []byte) (list []record, err error) {
	size := len(b)
	for len(b) > 0 {
		var r record
		var key []byte
		var n int
		if key, b, err = cutBytes(b); err != nil {
			return nil, fmt.Errorf("admin: a key %d bytes before the end of its frame: %w", len(b), err)
		}
		r.key = string(key)
		if r.expires, n = binary.Varint(b); n <= 0 {
			return nil, fmt.Errorf("admin: the expiry of key %.40q in a frame of %d bytes: %w", r.key, size, frame.ErrCorrupt)
		}
		if r.payload, b, err = cutBytes(b[n:]); err != nil {
			return nil, fmt.Errorf("admin: the value of key %.40q: %w", r.key, err)
		}
		list = append(list, r)
	}
	return list, nil
}

// cutBytes reads a length and as many bytes.
func cutBytes(b []byte) (data, rest []byte, err error) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, b, fmt.Errorf("length %d of %d bytes left: %w", length, len(b), frame.ErrCorrupt)
	}
	end := n + int(length)
	return b[n:end:end], b[end:], nil
}
