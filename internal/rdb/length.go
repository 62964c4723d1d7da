package rdb

import (
	"encoding/binary"
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

// appendLength writes n, below 2^32, in its shortest form.
func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 1<<6:
		return append(dst, len6<<6|byte(n))
	case n < 1<<14:
		return append(dst, len14<<6|byte(n>>8), byte(n))
	default:
		return binary.BigEndian.AppendUint32(append(dst, wide32), uint32(n))
	}
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

// readString reads a string in any form that Redis writes. A plain one aliases b.
func readString(b []byte) (value, rest []byte, ok bool) {
	n, encoded, b, ok := readLength(b)
	if !ok {
		return nil, nil, false
	}
	if encoded {
		return readEncoded(b, n)
	}
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

func readEncoded(b []byte, encoding int) (value, rest []byte, ok bool) {
	switch {
	case encoding == encInt8 && len(b) >= 1:
		return decimal(int64(int8(b[0]))), b[1:], true
	case encoding == encInt16 && len(b) >= 2:
		return decimal(int64(int16(binary.LittleEndian.Uint16(b)))), b[2:], true
	case encoding == encInt32 && len(b) >= 4:
		return decimal(int64(int32(binary.LittleEndian.Uint32(b)))), b[4:], true
	case encoding == encLZF:
		return readLZF(b)
	}
	return nil, nil, false
}

func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

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
