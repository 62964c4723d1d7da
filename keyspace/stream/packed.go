package stream

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// How a string is packed follows from its first byte:
//
//	0xxxxxxx              an integer from 0 to 127
//	10xxxxxx              a string of so many bytes
//	110xxxxx x            a signed integer of 13 bits
//	11100nnn              a signed integer of n+1 bytes, little-endian
//	11101nnn              a string whose length is in n+1 bytes, little-endian
//
// A string is an integer if it is how strconv writes one of 64 bits.
const (
	packedString = 0x80
	packedShort  = 0xc0
	packedInt    = 0xe0
	packedLong   = 0xe8
)

// maxPackedMore is how many bytes a packed string may have more than one with its length as
// a uvarint before it.
const maxPackedMore = 1

// numeral is where the text of an integer is made.
type numeral [20]byte

// appendPacked appends a string, and returns the bytes that Redis' listpack has for it.
func appendPacked(b, s []byte) (_ []byte, listpack int) {
	if v, ok := parseInt(s); ok {
		return appendPackedInt(b, v), listpackInt(v)
	}
	n := len(s)
	if n < 64 {
		b = append(b, packedString|byte(n))
	} else {
		size := (bits.Len64(uint64(n)) + 7) / 8
		b = append(b, packedLong|byte(size-1))
		b = binary.LittleEndian.AppendUint64(b, uint64(n))[:len(b)+size]
	}
	return append(b, s...), listpackString(n)
}

func appendPackedInt(b []byte, v int64) []byte {
	switch {
	case v >= 0 && v <= 127:
		return append(b, byte(v))
	case v >= -4096 && v <= 4095:
		return append(b, packedShort|byte(uint64(v)>>8&0x1f), byte(v))
	}
	size := bits.Len64(uint64(v^v>>63))/8 + 1
	b = append(b, packedInt|byte(size-1))
	return binary.LittleEndian.AppendUint64(b, uint64(v))[:len(b)+size]
}

// littleEndian reads an integer of up to 8 bytes.
func littleEndian(b []byte) (v uint64) {
	for i := range b {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}

// readPacked returns the string at the beginning of b, and what follows it. The text of an
// integer is written to text.
func readPacked(b []byte, text *numeral) (s, rest []byte) {
	tag := b[0]
	switch {
	case tag < packedString:
		return strconv.AppendInt(text[:0], int64(tag), 10), b[1:]
	case tag < packedShort:
		n := int(tag&0x3f) + 1
		return b[1:n], b[n:]
	case tag < packedInt:
		v := int64(uint64(tag)<<59|uint64(b[1])<<51) >> 51
		return strconv.AppendInt(text[:0], v, 10), b[2:]
	}
	n := int(tag&7) + 2
	v := littleEndian(b[1:n])
	if tag < packedLong {
		shift := 64 - 8*(n-1)
		return strconv.AppendInt(text[:0], int64(v<<shift)>>shift, 10), b[n:]
	}
	end := n + int(v)
	return b[n:end], b[end:]
}

// parseInt returns the integer of which s is the decimal text.
func parseInt(s []byte) (v int64, ok bool) {
	if len(s) == 0 || len(s) > 20 || s[0] > '9' {
		return 0, false
	}
	digits, negative := s, s[0] == '-'
	if negative {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var u uint64 // 19 digits fit
	for _, c := range digits {
		if c -= '0'; c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c)
	}
	if negative {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}
