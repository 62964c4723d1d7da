package msgp

// The first bytes of values, as the msgpack specification names them
// (https://github.com/msgpack/msgpack/blob/master/spec.md#formats). The widths of a family
// follow each other: 8, 16, 32 and, for numbers, 64 bits.
const (
	maxFixInt = 0x7f // 0x00 to 0x7f are the numbers 0 to 127
	maxFixLen = 0x0f // of fixmap and fixarray
	maxFixStr = 0x1f

	codeFixMap   = 0x80
	codeFixArray = 0x90
	codeFixStr   = 0xa0
	codeNil      = 0xc0
	codeNever    = 0xc1 // begins no value
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	codeBin8     = 0xc4
	codeBin16    = 0xc5
	codeBin32    = 0xc6
	codeExt8     = 0xc7
	codeExt32    = 0xc9
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	codeUint8    = 0xcc
	codeUint16   = 0xcd
	codeUint32   = 0xce
	codeUint64   = 0xcf
	codeInt8     = 0xd0
	codeInt64    = 0xd3
	codeFixExt1  = 0xd4
	codeFixExt16 = 0xd8
	codeStr8     = 0xd9
	codeStr16    = 0xda
	codeStr32    = 0xdb
	codeArray16  = 0xdc
	codeArray32  = 0xdd
	codeMap16    = 0xde
	codeMap32    = 0xdf
	codeNegative = 0xe0 // 0xe0 to 0xff are the numbers -32 to -1
)

// nameOf returns the kind of value that c begins, for errors.
func nameOf(c byte) string {
	switch {
	case c <= maxFixInt || c >= codeUint8 && c <= codeInt64 || c >= codeNegative:
		return "an integer"
	case c < codeFixArray || c >= codeMap16:
		return "a map"
	case c < codeFixStr || c == codeArray16 || c == codeArray32:
		return "an array"
	case c < codeNil || c >= codeStr8 && c <= codeStr32:
		return "text"
	case c == codeNil:
		return "nil"
	case c == codeFalse || c == codeTrue:
		return "a boolean"
	case c >= codeBin8 && c <= codeBin32:
		return "bytes"
	case c == codeFloat32 || c == codeFloat64:
		return "a float"
	case c == codeNever:
		return "no msgpack value"
	}
	return "an extension"
}
