package rdb

import (
	"encoding/binary"
	"io"
	"strconv"
)

// A ziplist is Redis' compact row of strings up to version 6.2:
//
//	bytes of all (4) · where the last entry begins (4) · entries (2) · entries … · 0xff
//
// An entry is the length of the one before it, a head, which has the length of a string or
// the width of a number, and the string or the number. All numbers are little-endian, but
// for the lengths in heads.
const (
	ziplistHead    = 4 + 4 + 2
	ziplistEnd     = 0xff
	ziplistUnknown = 1<<16 - 1
	ziplistLong    = 0xfe // before a length of 4 bytes
)

// ziplist reads entries and checks all that it passes.
type ziplist struct {
	b     []byte // all up to the end mark
	at    int    // where the next entry begins
	last  int    // where the one before it begins; ziplistHead if there is none
	tail  int    // where the last one is said to begin
	claim int
	seen  int
}

func newZiplist(b []byte) (entries, bool) {
	if len(b) <= ziplistHead || int64(binary.LittleEndian.Uint32(b)) != int64(len(b)) || b[len(b)-1] != ziplistEnd {
		return nil, false
	}
	return &ziplist{b: b[:len(b)-1], at: ziplistHead, last: ziplistHead, tail: int(binary.LittleEndian.Uint32(b[4:])),
		claim: int(binary.LittleEndian.Uint16(b[8:]))}, true
}

func (z *ziplist) next(scratch []byte) ([]byte, error) {
	if z.at == len(z.b) {
		if z.tail != z.last || z.claim != ziplistUnknown && z.claim != z.seen {
			return nil, ErrFormat
		}
		return nil, io.EOF
	}
	before, size, ok := ziplistBefore(z.b[z.at:])
	if !ok || before != z.at-z.last {
		return nil, ErrFormat
	}
	value, n, ok := ziplistEntry(z.b[z.at+size:], scratch)
	if !ok {
		return nil, ErrFormat
	}
	z.last, z.at = z.at, z.at+size+n
	z.seen++
	return value, nil
}

// ziplistBefore reads the length of the entry before; size is its own.
func ziplistBefore(b []byte) (before, size int, ok bool) {
	switch {
	case b[0] < ziplistLong:
		return int(b[0]), 1, true
	case b[0] == ziplistLong && len(b) >= 5:
		return int(binary.LittleEndian.Uint32(b[1:])), 5, true
	}
	return 0, 0, false
}

// ziplistEntry reads a head and what belongs to it; size is the bytes of both.
func ziplistEntry(b, scratch []byte) (value []byte, size int, ok bool) {
	if len(b) == 0 {
		return nil, 0, false
	}
	width := 0
	switch first := b[0]; {
	case first < 0x40: // a string with a length of 6 bits
		return cutString(b, 1, int(first))
	case first < 0x80: // of 14 bits
		if len(b) < 2 {
			return nil, 0, false
		}
		return cutString(b, 2, int(first&0x3f)<<8|int(b[1]))
	case first == 0x80: // of 32 bits
		if len(b) < 5 {
			return nil, 0, false
		}
		return cutString(b, 5, int(binary.BigEndian.Uint32(b[1:])))
	case first == 0xc0:
		width = 2
	case first == 0xd0:
		width = 4
	case first == 0xe0:
		width = 8
	case first == 0xf0:
		width = 3
	case first == 0xfe:
		width = 1
	case first > 0xf0 && first < 0xfe: // 0 to 12
		return strconv.AppendInt(scratch[:0], int64(first&0x0f)-1, 10), 1, true
	default:
		return nil, 0, false
	}
	if len(b) < 1+width {
		return nil, 0, false
	}
	return strconv.AppendInt(scratch[:0], littleInt(b[1:1+width]), 10), 1 + width, true
}

// zipmap reads a hash of Redis 2.4: one byte, the number of pairs if there are few; then
// fields and values in turn, each after its length, and 0xff. Behind the length of a value
// stands how many unused bytes follow it.
type zipmap struct {
	b     []byte
	value bool // the next entry is a value
	claim int
	seen  int
}

const (
	zipmapLong  = 0xfe // before a length of 4 bytes, and as the number of pairs: unknown
	zipmapShort = 1 + 1
)

func newZipmap(b []byte) (entries, bool) {
	if len(b) < zipmapShort || b[len(b)-1] != ziplistEnd {
		return nil, false
	}
	return &zipmap{b: b[1 : len(b)-1], claim: int(b[0])}, true
}

func (z *zipmap) next([]byte) ([]byte, error) {
	if len(z.b) == 0 {
		if z.value || z.claim < zipmapLong && z.seen != z.claim {
			return nil, ErrFormat
		}
		return nil, io.EOF
	}
	n, size, ok := ziplistBefore(z.b) // lengths are written alike
	free := 0
	if ok && z.value {
		if ok = len(z.b) > size; ok {
			free = int(z.b[size])
			size++
		}
	}
	if !ok || n < 0 || n > len(z.b)-size-free {
		return nil, ErrFormat
	}
	entry := z.b[size : size+n : size+n]
	z.b = z.b[size+n+free:]
	if z.value {
		z.seen++
	}
	z.value = !z.value
	return entry, nil
}

// An intset is a set of numbers in ascending order, all of one width:
//
//	width in bytes (4) · how many (4) · numbers …
const intsetHead = 4 + 4

// eachInt calls fn with the text of each number.
func eachInt(b []byte, fn func([]byte) error) error {
	if len(b) < intsetHead {
		return ErrFormat
	}
	width, n := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	if b = b[intsetHead:]; width != 2 && width != 4 && width != 8 || len(b)%width != 0 || len(b)/width != n {
		return ErrFormat
	}
	var text [20]byte
	for last := int64(0); len(b) > 0; b = b[width:] {
		number := littleInt(b[:width])
		if number <= last && len(b) < n*width {
			return ErrFormat
		}
		if err := fn(strconv.AppendInt(text[:0], number, 10)); err != nil {
			return err
		}
		last = number
	}
	return nil
}
