package rdb

import (
	"bufio"
	"encoding/binary"
	"io"
)

// scanner passes over the parts of a file, which stay in buf as they are in the file. It has no
// more memory than twice what it has read. After an error all calls do nothing.
type scanner struct {
	r      *bufio.Reader
	buf    []byte
	hashed int    // of buf, the bytes that crc includes
	crc    uint64 // of the file
	offset int64  // of what follows buf
	forget bool   // the bytes are not needed
	limit  int    // of buf; more makes them forgotten. 0: none
	err    error

	exceeded bool // the limit was
}

const (
	scanStep    = 64 << 10 // bytes that are read at once
	scanKeep    = 4 << 20  // a larger buffer is not kept
	maxElements = 1 << 48  // of a collection; it is only counted to
)

// reset begins a part of which a caller may write the first bytes itself.
func (s *scanner) reset(room int) {
	s.hash()
	if cap(s.buf) > scanKeep {
		s.buf = nil
	}
	s.buf = append(s.buf[:0], make([]byte, room)...)
	s.hashed = room
}

// hash takes what has been read into the checksum.
func (s *scanner) hash() {
	s.crc = crc64Next(s.crc, s.buf[s.hashed:])
	s.hashed = len(s.buf)
}

func (s *scanner) fail(err error) {
	if s.err == nil {
		s.err = &FileError{s.offset, err}
	}
}

// read reads n bytes and returns them; they are valid until the next call. If there are
// fewer it fails and returns nil.
func (s *scanner) read(n int) []byte {
	if s.limit > 0 && len(s.buf) > s.limit {
		s.forget, s.exceeded = true, true
	}
	if s.forget && len(s.buf) >= scanStep {
		s.hash()
		s.buf, s.hashed = s.buf[:0], 0
	}
	start := len(s.buf)
	for left := n; left > 0 && s.err == nil; {
		step := min(left, scanStep)
		at := len(s.buf)
		if cap(s.buf)-at < step {
			grown := make([]byte, at, max(2*cap(s.buf), at+step, 4<<10))
			copy(grown, s.buf)
			s.buf = grown
		}
		got, err := io.ReadFull(s.r, s.buf[at:at+step])
		s.buf = s.buf[:at+got]
		s.offset += int64(got)
		left -= got
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			s.fail(err)
		}
	}
	if s.err != nil {
		return nil
	}
	return s.buf[start:]
}

// pass reads any number of bytes, in steps if they are not needed.
func (s *scanner) pass(n int) {
	for n > 0 && s.err == nil {
		step := min(n, scanStep)
		s.read(step)
		n -= step
	}
}

func (s *scanner) byte() byte {
	if b := s.read(1); b != nil {
		return b[0]
	}
	return 0
}

// wide passes over a number of 64 bits; encoded says that it is an encoding instead.
func (s *scanner) wide() (n uint64, encoded bool) {
	switch first := s.byte(); {
	case first>>6 == len6 || first>>6 == lenValue:
		return uint64(first & 63), first>>6 == lenValue
	case first>>6 == len14:
		return uint64(first&63)<<8 | uint64(s.byte()), false
	case first == wide32:
		if b := s.read(4); b != nil {
			return uint64(binary.BigEndian.Uint32(b)), false
		}
	case first == wide64:
		if b := s.read(8); b != nil {
			return binary.BigEndian.Uint64(b), false
		}
	default:
		s.fail(ErrFormat)
	}
	return 0, false
}

// number passes over a number.
func (s *scanner) number() uint64 {
	n, encoded := s.wide()
	if encoded {
		s.fail(ErrFormat)
	}
	if s.err != nil {
		return 0
	}
	return n
}

// count passes over the number of elements of something.
func (s *scanner) count() int {
	n := s.number()
	if n > maxElements {
		s.fail(ErrFormat)
		return 0
	}
	return int(n)
}

// length passes over the length of a string.
func (s *scanner) length() int {
	n := s.number()
	if n > maxValue {
		s.fail(ErrFormat)
		return 0
	}
	return int(n)
}

// str passes over a string.
func (s *scanner) str() {
	n, encoded := s.wide()
	if !encoded {
		if n > maxValue {
			s.fail(ErrFormat)
			return
		}
		s.pass(int(n))
		return
	}
	switch n {
	case encInt8:
		s.pass(1)
	case encInt16:
		s.pass(2)
	case encInt32:
		s.pass(4)
	case encLZF:
		packed := s.length()
		s.length()
		s.pass(packed)
	default:
		s.fail(ErrFormat)
	}
}

// text reads a string.
func (s *scanner) text() []byte {
	start := len(s.buf)
	s.str()
	if s.err != nil {
		return nil
	}
	text, _, ok := readString(s.buf[start:], make([]byte, 0, scoreText))
	if !ok {
		s.fail(ErrFormat)
	}
	return text
}

// each calls pass so often, or until there is an error.
func (s *scanner) each(n int, pass func()) {
	for i := 0; i < n && s.err == nil; i++ {
		pass()
	}
}

// element passes over an element of a table, or a node of a list.
func (s *scanner) element(f form) {
	switch f {
	case formList, formSet, formQuicklist:
		s.str()
	case formZSet:
		const longest = 252 // greater ones are no lengths
		s.str()
		if n := s.byte(); n <= longest {
			s.pass(int(n))
		}
	case formHash:
		s.str()
		s.str()
	case formZSet2:
		s.str()
		s.pass(8)
	case formQuicklist2:
		s.number()
		s.str()
	case formHashTimes, formHashTimesEarly:
		s.number()
		s.str()
		s.str()
	case formHashTimesValkey:
		s.str()
		s.str()
		s.pass(timeSize)
	}
}

// stream passes over a stream.
func (s *scanner) stream(f form) {
	s.each(s.count(), func() {
		s.str()
		s.str()
	})
	heads := 1 + 2 // the length, the last ID
	if f != formStreamEarly {
		heads += 2 + 2 + 1 // the first ID, the greatest deleted one, how many were added
	}
	s.each(heads, func() { s.number() })
	s.each(s.count(), func() { s.streamGroup(f) })
}

func (s *scanner) streamGroup(f form) {
	s.str()
	heads := 2 // the last ID
	if f != formStreamEarly {
		heads++ // how many entries were read
	}
	s.each(heads, func() { s.number() })
	s.each(s.count(), func() {
		s.pass(streamIDSize + timeSize)
		s.number()
	})
	s.each(s.count(), func() {
		s.str()
		s.pass(timeSize)
		if f == formStreamActive {
			s.pass(timeSize)
		}
		s.each(s.count(), func() { s.pass(streamIDSize) })
	})
}

// The codes in what a module has written.
const (
	moduleEnd    = 0
	moduleInt    = 1
	moduleUint   = 2
	moduleFloat  = 3
	moduleDouble = 4
	moduleString = 5
)

// module passes over what a module has written.
func (s *scanner) module() {
	for s.err == nil {
		switch s.number() {
		case moduleEnd:
			return
		case moduleInt, moduleUint:
			s.number()
		case moduleFloat:
			s.pass(4)
		case moduleDouble:
			s.pass(8)
		case moduleString:
			s.str()
		default:
			s.fail(ErrFormat)
		}
	}
}

// moduleName returns the name that is in a module's number: nine characters of 6 bits, and 10
// bits of a version.
func moduleName(id uint64) string {
	const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var name [idSize]byte
	id >>= 10
	for i := len(name) - 1; i >= 0; i-- {
		name[i] = characters[id&63]
		id >>= 6
	}
	return string(name[:])
}
