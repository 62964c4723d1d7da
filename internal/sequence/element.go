package sequence

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// The first byte of an element says what it is:
//
//	0x00-0x7f  a string of so many bytes, which follow
//	0x80-0xbf  a number from 0 to 63
//	0xc0-0xc7  a number in one to eight bytes, which follow, little-endian
//	0xc8       a string; its length follows as a uvarint, then its bytes
const (
	maxShort   = 0x7f
	tagNumber  = 0x80
	maxNumber  = 63
	tagInteger = 0xc0
	tagLong    = 0xc8
)

// elementSize returns the bytes that appendElement appends for v.
func elementSize(v []byte) int {
	if n, ok := integer(v); ok {
		if n >= 0 && n <= maxNumber {
			return 1
		}
		return 1 + integerWidth(n)
	}
	if len(v) <= maxShort {
		return 1 + len(v)
	}
	return 1 + uvarintSize(uint64(len(v))) + len(v)
}

func uvarintSize(n uint64) int { return (bits.Len64(n|1) + 6) / 7 }

// appendElement appends v to dst.
func appendElement(dst, v []byte) []byte {
	if n, ok := integer(v); ok {
		if n >= 0 && n <= maxNumber {
			return append(dst, tagNumber+byte(n))
		}
		width := integerWidth(n)
		dst = append(dst, tagInteger+byte(width-1))
		for range width {
			dst = append(dst, byte(n))
			n >>= 8
		}
		return dst
	}
	if len(v) <= maxShort {
		dst = append(dst, byte(len(v)))
	} else {
		dst = append(dst, tagLong)
		dst = binary.AppendUvarint(dst, uint64(len(v)))
	}
	return append(dst, v...)
}

// skip returns the size of the element at the beginning of b.
func skip(b []byte) int {
	switch tag := b[0]; {
	case tag <= maxShort:
		return 1 + int(tag)
	case tag < tagInteger:
		return 1
	case tag < tagLong:
		return 2 + int(tag-tagInteger)
	}
	n, width := binary.Uvarint(b[1:])
	return 1 + width + int(n)
}

// checkElement returns the size of the element at the beginning of b, 0 if there is none.
func checkElement(b []byte) int {
	switch {
	case len(b) == 0 || b[0] > tagLong:
		return 0
	case b[0] == tagLong:
		n, width := binary.Uvarint(b[1:])
		if width <= 0 || n > uint64(len(b)) {
			return 0
		}
	}
	if n := skip(b); n <= len(b) {
		return n
	}
	return 0
}

// texts holds the decimal digits of numbers that have been read. A block is never written
// twice, so that what was read stays as it is.
type texts struct{ block []byte }

const (
	maxDigits  = 20  // of an int64, with its sign
	textsBlock = 512 // bytes for the numbers of a whole walk
)

// value returns the element at the beginning of b. A string aliases b.
func (t *texts) value(b []byte) []byte {
	n, v, isText := decode(b)
	if isText {
		return v
	}
	if cap(t.block)-len(t.block) < maxDigits {
		t.block = make([]byte, 0, textsBlock)
	}
	start := len(t.block)
	t.block = strconv.AppendInt(t.block, n, 10)
	return t.block[start:len(t.block):len(t.block)]
}

// valueOf returns the element at the beginning of b. A string aliases b.
func valueOf(b []byte) []byte {
	n, v, isText := decode(b)
	if isText {
		return v
	}
	return strconv.AppendInt(nil, n, 10)
}

// appendValue appends the element at the beginning of b to dst.
func appendValue(dst, b []byte) []byte {
	n, v, isText := decode(b)
	if isText {
		return append(dst, v...)
	}
	return strconv.AppendInt(dst, n, 10)
}

// isValue reports whether the element at the beginning of b is v. n is v as a number, if
// isNumber.
func isValue(b, v []byte, n int64, isNumber bool) bool {
	m, text, isText := decode(b)
	if isText {
		return string(text) == string(v)
	}
	return isNumber && m == n
}

// decode reads the element at the beginning of b: a text that aliases b or a number.
func decode(b []byte) (n int64, text []byte, isText bool) {
	switch tag := b[0]; {
	case tag <= maxShort:
		end := 1 + int(tag)
		return 0, b[1:end:end], true
	case tag < tagInteger:
		return int64(tag - tagNumber), nil, false
	case tag < tagLong:
		width := int(tag-tagInteger) + 1
		var u uint64
		for i, c := range b[1 : 1+width] {
			u |= uint64(c) << (8 * i)
		}
		unused := 64 - 8*width
		return int64(u<<unused) >> unused, nil, false
	}
	size, width := binary.Uvarint(b[1:])
	from := 1 + width
	end := from + int(size)
	return 0, b[from:end:end], true
}

// integer reads v as a number if that gives back the same text: no plus sign, no zeros in
// front.
func integer(v []byte) (n int64, ok bool) {
	if len(v) == 0 || len(v) > maxDigits {
		return 0, false
	}
	digits, negative := v, v[0] == '-'
	if negative {
		digits = v[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(v) > 1 {
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		} else if u > (1<<63)/10 {
			return 0, false
		} else {
			u = u*10 + uint64(c)
		}
	}
	if negative {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// integerWidth returns how many bytes n needs in two's complement.
func integerWidth(n int64) int {
	return bits.Len64(uint64(n^n>>63))/8 + 1
}
