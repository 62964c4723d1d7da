package oplog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"

	"github.com/slotmesh/slotmesh/storage"
)

// reader reads the batches of one segment. Its memory has a fixed size.
type reader struct {
	name   string
	header header
	at     int64 // of the file: where the next batch begins, or the one that is bad

	file io.Closer
	r    *bufio.Reader
	size int // of the batch that was returned last and is still in r
}

// openSegment opens a segment and reads its header. buf is used again for each of them.
// Damage is a *DamageError.
func openSegment(disk storage.Disk, number uint64, buf *bufio.Reader) (*reader, error) {
	s := &reader{name: segmentName(number), r: buf}
	file, err := disk.Open(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamageError{File: s.name, Stream: -1, Err: err}
	}
	if err != nil {
		return nil, err
	}
	s.file = file
	buf.Reset(file)
	b, err := buf.Peek(segmentHeader)
	if err != nil && err != io.EOF {
		file.Close()
		return nil, err
	}
	if s.header, err = decodeHeader(b); err == nil && s.header.number != number {
		err = corrupt("it is segment %d", s.header.number)
	}
	if err != nil {
		size, _ := io.Copy(io.Discard, buf)
		file.Close()
		return nil, &DamageError{File: s.name, Stream: -1, Err: err, size: size}
	}
	s.skip(segmentHeader)
	return s, nil
}

// newBuffer returns what openSegment reads through: the longest batch fits in.
func newBuffer() *bufio.Reader { return bufio.NewReaderSize(nil, batchHeader+maxBody) }

func (s *reader) close() { s.file.Close() }

// skip passes over n bytes that are in r.
func (s *reader) skip(n int) {
	s.r.Discard(n)
	s.at += int64(n)
}

// seek goes to a batch that begins at byte at, behind the place where the reader is.
func (s *reader) seek(at int64) error {
	_, err := io.CopyN(io.Discard, s.r, at-s.at)
	s.at = at
	return err
}

// errShort says that the file ends within a batch.
var errShort = corrupt("the file ends within a batch")

// next reads a batch into b, whose body is valid until the next call. The error is io.EOF
// behind the last one, and matches ErrCorrupt if no batch begins here; others are those of
// reading.
func (s *reader) next(b *batch) error {
	s.skip(s.size)
	s.size = 0
	got, size, err := s.peek()
	if err == nil {
		*b, s.size = got, size
	}
	return err
}

// peek reads the batch that begins here and does not pass over it.
func (s *reader) peek() (b batch, size int, err error) {
	head, err := s.r.Peek(batchHeader)
	switch {
	case len(head) == 0:
		return b, 0, err
	case err == io.EOF:
		return b, 0, errShort
	case err != nil:
		return b, 0, err
	}
	b, size, err = decodeBatchHeader(head, s.header.number, s.at)
	if err != nil {
		return b, 0, err
	}
	whole, err := s.r.Peek(size)
	switch {
	case err == io.EOF:
		return b, 0, errShort
	case err != nil:
		return b, 0, err
	}
	b, err = decodeBatch(whole, b)
	return b, size, err
}

// markerBytes are what a batch begins with.
var markerBytes = binary.LittleEndian.AppendUint32(nil, marker)

// findBatch looks behind a place where no batch could be read for one that says that byte
// synced was on disk, or for any if that is -1, and goes there. It goes to the end of the
// file if there is none.
func (s *reader) findBatch(synced int64) (bool, error) {
	s.size = 0
	for s.skip(1); ; {
		window, err := s.r.Peek(s.r.Size())
		if err != nil && err != io.EOF {
			return false, err
		}
		found, passed := s.findIn(window, synced, err == io.EOF)
		if s.skip(passed); found || err == io.EOF {
			return found, nil
		}
	}
}

// findIn looks in a window of the file, which begins where the reader is, for a batch that
// says that byte synced was on disk. passed is how many bytes lie before it or need not be
// looked at again: all of them if the window is the file's last.
func (s *reader) findIn(window []byte, synced int64, last bool) (found bool, passed int) {
	for {
		i := bytes.Index(window[passed:], markerBytes)
		if i < 0 || len(window)-passed-i < batchHeader {
			if last {
				return false, len(window)
			}
			return false, max(passed, len(window)-batchHeader+1)
		}
		passed += i
		rest := window[passed:]
		b, size, err := decodeBatchHeader(rest, s.header.number, s.at+int64(passed))
		if err == nil && b.durable > synced {
			if size > len(rest) && !last {
				return false, passed // the next window has all of it
			}
			if size <= len(rest) {
				if _, err := decodeBatch(rest[:size], b); err == nil {
					return true, passed
				}
			}
		}
		passed++
	}
}

// contentEnd returns the place in a segment, at byte from or behind it, from which on there
// are only zeros: they were reserved and nothing was written there, or it was lost.
func contentEnd(disk storage.Disk, name string, from int64) (end int64, err error) {
	f, err := disk.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := io.CopyN(io.Discard, f, from); err != nil {
		return 0, err
	}
	end = from
	buf := make([]byte, 64<<10)
	for at := from; ; {
		n, err := f.Read(buf)
		if written := len(bytes.TrimRight(buf[:n], "\x00")); written > 0 {
			end = at + int64(written)
		}
		at += int64(n)
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
