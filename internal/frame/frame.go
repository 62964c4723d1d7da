// Package frame cuts a byte stream into checksummed frames: a 4-byte length, the low 4
// bytes of the payload's xxhash64 (both little-endian), then the payload. Everything
// nodes say to each other on the bus travels in frames; the payload is
// msgpack. Files are sealed with the same checksum, in full width (Seal, Open).
package frame

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cespare/xxhash/v2"
)

// HeaderSize is what a frame adds to its payload, in bytes.
const HeaderSize = 8

// ProgressTimeout is how long a MiB of a frame may take between nodes, see Reader.Bound.
// It is far longer than any network takes that a cluster works on.
const ProgressTimeout = 10 * time.Second

// ErrCorrupt is matched by every error about bytes that are not what a frame
// writer or Seal wrote.
var ErrCorrupt = errors.New("corrupt data")

// Append appends payload as one frame to dst.
func Append(dst, payload []byte) []byte {
	dst, start := Begin(dst)
	return Finish(append(dst, payload...), start)
}

// Begin appends an empty header to dst; append the payload after it, then
// call Finish with the returned start.
func Begin(dst []byte) (b []byte, start int) {
	return append(dst, make([]byte, HeaderSize)...), len(dst)
}

// Finish fills in the header of the frame that begins at start and ends with b.
func Finish(b []byte, start int) []byte {
	payload := b[start+HeaderSize:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[start+4:], uint32(xxhash.Sum64(payload)))
	return b
}

// Reader reads frames. It is not safe for concurrent use.
type Reader struct {
	r        *bufio.Reader
	max      int
	buf      []byte
	conn     deadliner // see Bound, nil: no bound
	progress time.Duration
}

// deadliner is the part of a net.Conn that Bound needs.
type deadliner interface{ SetReadDeadline(t time.Time) error }

// boundStep is how much of a frame must arrive within the time of Bound, in bytes.
const boundStep = 1 << 20

// keepBuffer is the greatest buffer a Reader holds on to between frames.
const keepBuffer = 64 << 10

// NewReader returns a Reader that refuses payloads longer than max bytes.
func NewReader(r io.Reader, max int) *Reader {
	br, ok := r.(*bufio.Reader)
	if !ok {
		br = bufio.NewReader(r)
	}
	return &Reader{r: br, max: max}
}

// Bound makes a frame that has begun arrive in time: each MiB of it within progress, or
// Next fails. Without it, half a frame would take memory for as long as its sender likes.
// How long no frame begins is not bounded. The Reader changes the read deadline of conn,
// which is what it reads from.
func (r *Reader) Bound(conn deadliner, progress time.Duration) { r.conn, r.progress = conn, progress }

// begin waits for the first byte of a frame, and bounds the rest if that is not here yet.
func (r *Reader) begin() (bounded bool, err error) {
	if _, err := r.r.Peek(1); err != nil {
		return false, err
	}
	if have := r.r.Buffered(); have >= HeaderSize {
		head, _ := r.r.Peek(HeaderSize)
		if uint64(have) >= HeaderSize+uint64(binary.LittleEndian.Uint32(head)) {
			return false, nil // nearly always
		}
	}
	return true, r.conn.SetReadDeadline(time.Now().Add(r.progress))
}

// Next returns the next payload, valid until the next call. The error is io.EOF
// at a clean end, io.ErrUnexpectedEOF inside a frame, and matches ErrCorrupt for
// a length over the limit or a wrong checksum. Memory grows with the bytes
// that arrive, never with what a length claims.
func (r *Reader) Next() ([]byte, error) {
	if r.conn != nil {
		switch bounded, err := r.begin(); {
		case err != nil:
			return nil, err
		case bounded:
			defer r.conn.SetReadDeadline(time.Time{})
		}
	}
	return r.next()
}

func (r *Reader) next() ([]byte, error) {
	var head [HeaderSize]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n > r.max {
		return nil, fmt.Errorf("frame: length %d exceeds the limit of %d bytes: %w", n, r.max, ErrCorrupt)
	}
	if err := r.fill(n); err != nil {
		return nil, err
	}
	if uint32(xxhash.Sum64(r.buf)) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, fmt.Errorf("frame: wrong checksum on a frame of %d bytes: %w", n, ErrCorrupt)
	}
	return r.buf, nil
}

func (r *Reader) fill(n int) error {
	if cap(r.buf) > keepBuffer && n <= keepBuffer {
		r.buf = nil
	}
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		step := min(n-len(r.buf), max(keepBuffer, len(r.buf)))
		have := len(r.buf)
		if cap(r.buf) < have+step {
			grown := make([]byte, have, have+step)
			copy(grown, r.buf)
			r.buf = grown
		}
		r.buf = r.buf[:have+step]
		if err := r.read(r.buf[have:]); err != nil {
			return err
		}
	}
	return nil
}

// read fills b, step by step if there is a bound.
func (r *Reader) read(b []byte) error {
	for len(b) > 0 {
		n := len(b)
		if r.conn != nil && n > r.r.Buffered() {
			n = min(n, boundStep)
			r.conn.SetReadDeadline(time.Now().Add(r.progress))
		}
		if _, err := io.ReadFull(r.r, b[:n]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		b = b[n:]
	}
	return nil
}
