package rdb

import (
	"encoding/binary"
	"io"
	"strconv"
)

// A listpack is Redis' compact row of strings since version 7:
//
//	bytes of all (4) · entries (2) · entries … · 0xff
//
// An entry is a head, which has the length of a string or is a number, the string, and the
// length of both once more, so that it can be read backwards. All numbers are
// little-endian, but for those in the head's own bits and the length at the end.
const (
	listpackHead    = 4 + 2
	listpackFrame   = listpackHead + 1
	listpackEnd     = 0xff
	listpackUnknown = 1<<16 - 1 // as the number of entries: there are that many or more
)

// entries is a row of strings. next returns io.EOF behind the last and ErrFormat if
// the bytes are wrong. A string aliases the row, or is a number in scratch.
type entries interface {
	next(scratch []byte) ([]byte, error)
}

// listpack reads entries and checks all that it passes, the backward lengths too.
type listpack struct {
	b     []byte // the entries that follow
	claim int
	seen  int
}

func newListpack(b []byte) (entries, bool) {
	if len(b) < listpackFrame || int64(binary.LittleEndian.Uint32(b)) != int64(len(b)) || b[len(b)-1] != listpackEnd {
		return nil, false
	}
	return &listpack{b: b[listpackHead : len(b)-1], claim: int(binary.LittleEndian.Uint16(b[4:]))}, true
}

func (l *listpack) next(scratch []byte) ([]byte, error) {
	if len(l.b) == 0 {
		if l.claim != listpackUnknown && l.claim != l.seen {
			return nil, ErrFormat
		}
		return nil, io.EOF
	}
	value, size, ok := listpackEntry(l.b, scratch)
	if !ok {
		return nil, ErrFormat
	}
	back := backLength(size)
	if len(l.b)-size < len(back.bytes()) || string(l.b[size:size+len(back.bytes())]) != string(back.bytes()) {
		return nil, ErrFormat
	}
	l.b = l.b[size+len(back.bytes()):]
	l.seen++
	return value, nil
}

// listpackEntry reads the head and the string of the entry that b begins with; size is the
// bytes of both.
func listpackEntry(b, scratch []byte) (value []byte, size int, ok bool) {
	number := int64(0)
	switch first := b[0]; {
	case first < 0x80: // 7 bits
		number, size = int64(first), 1
	case first < 0xc0: // a string with a length of 6 bits
		return cutString(b, 1, int(first&0x3f))
	case first < 0xe0: // 13 bits with a sign
		if len(b) < 2 {
			return nil, 0, false
		}
		number, size = int64(int16(uint16(first)<<11|uint16(b[1])<<3)>>3), 2
	case first < 0xf0: // a string with a length of 12 bits
		if len(b) < 2 {
			return nil, 0, false
		}
		return cutString(b, 2, int(first&0x0f)<<8|int(b[1]))
	case first == 0xf0: // a string with a length of 32 bits
		if len(b) < 5 {
			return nil, 0, false
		}
		return cutString(b, 5, int(binary.LittleEndian.Uint32(b[1:])))
	case first <= 0xf4: // 16, 24, 32 or 64 bits
		width := [...]int{2, 3, 4, 8}[first-0xf1]
		if len(b) < 1+width {
			return nil, 0, false
		}
		number, size = littleInt(b[1:1+width]), 1+width
	default:
		return nil, 0, false
	}
	return strconv.AppendInt(scratch[:0], number, 10), size, true
}

// cutString returns the string of n bytes that stands behind a head.
func cutString(b []byte, head, n int) (value []byte, size int, ok bool) {
	if n < 0 || n > len(b)-head {
		return nil, 0, false
	}
	return b[head : head+n : head+n], head + n, true
}

// littleInt reads a little-endian number with a sign.
func littleInt(b []byte) (n int64) {
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | int64(b[i])
	}
	shift := 64 - 8*len(b)
	return n << shift >> shift
}

// appendLittle writes the lower width bytes of a number.
func appendLittle(dst []byte, n int64, width int) []byte {
	for range width {
		dst = append(dst, byte(n))
		n >>= 8
	}
	return dst
}

// shortBytes is a few bytes that need no memory of their own.
type shortBytes struct {
	b [9]byte
	n int
}

func (s *shortBytes) bytes() []byte { return s.b[:s.n] }

// backLength is the length at the end of an entry: 7 bits a byte, the upper ones first;
// all bytes but the first have their upper bit set.
func backLength(n int) (s shortBytes) {
	s.n = 1
	// Redis changes over one below the greatest number that would fit.
	for limit := 1<<7 - 1; s.n < 5 && (n >= limit && s.n > 1 || n > limit && s.n == 1); limit = limit<<7 | 0x7f {
		s.n++
	}
	for i := s.n - 1; i > 0; i-- {
		s.b[i] = byte(n) | 0x80
		n >>= 7
	}
	s.b[0] = byte(n)
	return s
}

// packedEntry is an entry that is to be written.
type packedEntry struct {
	head shortBytes
	data []byte // of a string; a number is in the head
}

// packEntry makes an entry of a string, of a number if it is the text of one.
func packEntry(s []byte) (e packedEntry) {
	if n, ok := parseInt(s); ok {
		return packInt(n)
	}
	e.data = s
	head := e.head.b[:0]
	switch n := len(s); {
	case n < 1<<6:
		head = append(head, 0x80|byte(n))
	case n < 1<<12:
		head = append(head, 0xe0|byte(n>>8), byte(n))
	default:
		head = binary.LittleEndian.AppendUint32(append(head, 0xf0), uint32(n))
	}
	e.head.n = len(head)
	return e
}

// packInt makes an entry of a number.
func packInt(n int64) (e packedEntry) {
	e.head.n = len(appendPackedInt(e.head.b[:0], n))
	return e
}

// appendPackedInt writes the head of a number.
func appendPackedInt(dst []byte, n int64) []byte {
	switch {
	case n >= 0 && n < 1<<7:
		return append(dst, byte(n))
	case n >= -1<<12 && n < 1<<12:
		return append(dst, 0xc0|byte(n>>8)&0x1f, byte(n))
	case n == int64(int16(n)):
		return appendLittle(append(dst, 0xf1), n, 2)
	case n >= -1<<23 && n < 1<<23:
		return appendLittle(append(dst, 0xf2), n, 3)
	case n == int64(int32(n)):
		return appendLittle(append(dst, 0xf3), n, 4)
	default:
		return appendLittle(append(dst, 0xf4), n, 8)
	}
}

// size returns the bytes of the entry.
func (e *packedEntry) size() int {
	n := e.head.n + len(e.data)
	return n + backLength(n).n
}

// appendListpackHead writes what stands before the entries of a listpack.
func appendListpackHead(dst []byte, bytes, entries int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(listpackFrame+bytes))
	return binary.LittleEndian.AppendUint16(dst, uint16(min(entries, listpackUnknown)))
}
