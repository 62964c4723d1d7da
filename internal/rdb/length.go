package rdb

import (
	"encoding/binary"
	"math"
	"strconv"
)

// The two upper bits of a length's first byte say how it is written.
const (
	len6     = 0 // in the 6 lower bits
	len14    = 1 // in these and the next byte
	lenWide  = 2 // in the next 4 or 8 bytes, big-endian
	lenValue = 3 // no length: the 6 lower bits say how the string is encoded

	wide32 = 0x80
	wide64 = 0x81
)

// The encodings that stand behind lenValue.
const (
	encInt8  = 0
	encInt16 = 1
	encInt32 = 2
	encLZF   = 3
)

// appendLength writes n in its shortest form.
func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 1<<6:
		return append(dst, len6<<6|byte(n))
	case n < 1<<14:
		return append(dst, len14<<6|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, wide32), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, wide64), uint64(n))
	}
}

// lengthSize returns the bytes that appendLength writes.
func lengthSize(n int) int {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<14:
		return 2
	case n <= math.MaxUint32:
		return 5
	default:
		return 9
	}
}

// readWide reads any number of 64 bits that is written as lengths are.
func readWide(b []byte) (n uint64, rest []byte, ok bool) {
	switch {
	case len(b) >= 9 && b[0] == wide64:
		return binary.BigEndian.Uint64(b[1:]), b[9:], true
	case len(b) >= 5 && b[0] == wide32:
		return uint64(binary.BigEndian.Uint32(b[1:])), b[5:], true
	}
	small, encoded, rest, ok := readLength(b)
	return uint64(small), rest, ok && !encoded
}

// appendWide writes any number of 64 bits as lengths are written.
func appendWide(dst []byte, n uint64) []byte {
	if n > math.MaxUint32 {
		return binary.BigEndian.AppendUint64(append(dst, wide64), n)
	}
	return appendLength(dst, int(n))
}

// wideSize returns the bytes that appendWide writes.
func wideSize(n uint64) int {
	if n > math.MaxUint32 {
		return 9
	}
	return lengthSize(int(n))
}

// readLength reads a length of at most maxValue; encoded says that n is an
// encoding instead.
func readLength(b []byte) (n int, encoded bool, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, false, nil, false
	}
	var wide uint64
	switch first := b[0]; {
	case first>>6 == len6 || first>>6 == lenValue:
		return int(first & 63), first>>6 == lenValue, b[1:], true
	case first>>6 == len14 && len(b) >= 2:
		return int(first&63)<<8 | int(b[1]), false, b[2:], true
	case first == wide32 && len(b) >= 5:
		wide, rest = uint64(binary.BigEndian.Uint32(b[1:])), b[5:]
	case first == wide64 && len(b) >= 9:
		wide, rest = binary.BigEndian.Uint64(b[1:]), b[9:]
	default:
		return 0, false, nil, false
	}
	if wide > maxValue {
		return 0, false, nil, false
	}
	return int(wide), false, rest, true
}

// readCount reads the number of elements of a collection.
func readCount(b []byte) (n int, rest []byte, ok bool) {
	n, encoded, rest, ok := readLength(b)
	return n, rest, ok && !encoded
}

// readString reads a string in any form that Redis writes. A plain one aliases b, a number
// is put into scratch.
func readString(b, scratch []byte) (value, rest []byte, ok bool) {
	n, encoded, b, ok := readLength(b)
	if !ok {
		return nil, nil, false
	}
	if encoded {
		return readEncoded(b, n, scratch)
	}
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

func readEncoded(b []byte, encoding int, scratch []byte) (value, rest []byte, ok bool) {
	var number int64
	switch {
	case encoding == encInt8 && len(b) >= 1:
		number, b = int64(int8(b[0])), b[1:]
	case encoding == encInt16 && len(b) >= 2:
		number, b = int64(int16(binary.LittleEndian.Uint16(b))), b[2:]
	case encoding == encInt32 && len(b) >= 4:
		number, b = int64(int32(binary.LittleEndian.Uint32(b))), b[4:]
	case encoding == encLZF:
		return readLZF(b)
	default:
		return nil, nil, false
	}
	return strconv.AppendInt(scratch[:0], number, 10), b, true
}

// appendString writes a string plain, or as a number if it is one of 32 bits.
func appendString(dst, s []byte) []byte {
	n, ok := shortInt(s)
	switch {
	case !ok:
		return append(appendLength(dst, len(s)), s...)
	case n == int64(int8(n)):
		return append(dst, lenValue<<6|encInt8, byte(n))
	case n == int64(int16(n)):
		return binary.LittleEndian.AppendUint16(append(dst, lenValue<<6|encInt16), uint16(n))
	default:
		return binary.LittleEndian.AppendUint32(append(dst, lenValue<<6|encInt32), uint32(n))
	}
}

// stringSize returns the bytes that appendString writes.
func stringSize(s []byte) int {
	n, ok := shortInt(s)
	switch {
	case !ok:
		return lengthSize(len(s)) + len(s)
	case n == int64(int8(n)):
		return 2
	case n == int64(int16(n)):
		return 3
	default:
		return 5
	}
}

// shortInt returns the number that s is the text of, if it has 32 bits.
func shortInt(s []byte) (int64, bool) {
	const longest = len("-2147483648")
	if len(s) > longest {
		return 0, false
	}
	n, ok := parseInt(s)
	return n, ok && n == int64(int32(n))
}

// parseInt returns the number that s is the text of: only the one text that a number is
// written as will do, so that reading gives back the same bytes.
func parseInt(s []byte) (n int64, ok bool) {
	digits := s
	if len(s) > 1 && s[0] == '-' {
		digits = s[1:]
	}
	const most = 19 // digits that may be a number of 64 bits
	if len(digits) == 0 || len(digits) > most || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var u uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
	}
	if len(digits) < len(s) {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u <= math.MaxInt64
}

// readLZF reads the compressed length, the true length, and the compressed bytes.
func readLZF(b []byte) (value, rest []byte, ok bool) {
	packed, encoded, b, ok := readLength(b)
	if !ok || encoded {
		return nil, nil, false
	}
	size, encoded, b, ok := readLength(b)
	if !ok || encoded || packed > len(b) {
		return nil, nil, false
	}
	value, ok = lzfExpand(b[:packed], size)
	return value, b[packed:], ok
}
