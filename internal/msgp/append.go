package msgp

import (
	"encoding/binary"
	"math"
)

// AppendUint appends v in the shortest form.
func AppendUint(dst []byte, v uint64) []byte {
	switch {
	case v <= maxFixInt:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, codeUint8, byte(v))
	case v <= math.MaxUint16:
		return AppendUint16(dst, uint16(v))
	case v <= math.MaxUint32:
		return AppendUint32(dst, uint32(v))
	}
	return AppendUint64(dst, v)
}

// AppendUint16 appends v as a uint 16, however small it is.
func AppendUint16(dst []byte, v uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, codeUint16), v)
}

// AppendUint32 appends v as a uint 32, however small it is.
func AppendUint32(dst []byte, v uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, codeUint32), v)
}

// AppendUint64 appends v as a uint 64, however small it is.
func AppendUint64(dst []byte, v uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, codeUint64), v)
}

// AppendInt appends v as AppendUint does, and a negative v as an int 64.
func AppendInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return AppendUint(dst, uint64(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, codeInt64), uint64(v))
}

// AppendBool appends v.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, codeTrue)
	}
	return append(dst, codeFalse)
}

// AppendBytes appends data as a byte string (bin) with the shortest header.
func AppendBytes[T ~string | ~[]byte](dst []byte, data T) []byte {
	if n := len(data); n <= math.MaxUint8 {
		dst = append(dst, codeBin8, byte(n)) // the usual form without a further call
	} else {
		dst = AppendBytesHeader(dst, n)
	}
	return append(dst, data...)
}

// AppendBytesHeader appends the shortest header of a byte string of n bytes. The caller
// appends the bytes.
func AppendBytesHeader(dst []byte, n int) []byte {
	switch {
	case n <= math.MaxUint8:
		return append(dst, codeBin8, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, codeBin16), uint16(n))
	}
	return AppendBytes32Header(dst, n)
}

// AppendBytes32Header appends the header of a byte string as bin 32, however short it is.
func AppendBytes32Header(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, codeBin32), uint32(n))
}

// AppendString appends s as text (str) with the shortest header.
func AppendString(dst []byte, s string) []byte {
	switch n := len(s); {
	case n <= maxFixStr:
		dst = append(dst, codeFixStr|byte(n))
	case n <= math.MaxUint8:
		dst = append(dst, codeStr8, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, codeStr16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, codeStr32), uint32(n))
	}
	return append(dst, s...)
}

// AppendArrayHeader appends the shortest header of an array of n elements. The caller
// appends the elements.
func AppendArrayHeader(dst []byte, n int) []byte {
	switch {
	case n <= maxFixLen:
		return append(dst, codeFixArray|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, codeArray16), uint16(n))
	}
	return AppendArray32Header(dst, n)
}

// AppendArray32Header appends the header of an array as array 32, however short it is.
func AppendArray32Header(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(append(dst, codeArray32), uint32(n))
}

// BeginMap leaves room for the header of a map whose number of entries is not known yet.
// EndMap needs the position that it returns.
func BeginMap(dst []byte) (_ []byte, at int) { return append(dst, codeMap16, 0, 0), len(dst) }

// EndMap completes the map that BeginMap began at position at. It has n entries, at most
// 65535; they end dst.
func EndMap(dst []byte, at, n int) []byte {
	if n <= maxFixLen { // the short form: move the entries two bytes down
		dst[at] = codeFixMap | byte(n)
		return append(dst[:at+1], dst[at+3:]...)
	}
	binary.BigEndian.PutUint16(dst[at+1:], uint16(n))
	return dst
}
