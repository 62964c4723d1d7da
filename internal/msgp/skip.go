package msgp

import "fmt"

// Skip passes over n values of any kind, such as fields that a later release added. It
// counts instead of recursing, so that deep nesting costs nothing, and each value takes
// at least a byte, which bounds the work by the length of the input.
func (r *Reader) Skip(field string, n int) {
	for todo := uint64(max(n, 0)); todo > 0 && r.err == nil; todo-- {
		if left := len(r.b) - r.at; todo > uint64(left) {
			r.value = r.at
			r.Fail(field, fmt.Sprintf("claims %d values in %d bytes", todo, left))
			return
		}
		todo += r.skipOne(field)
	}
}

// skipOne passes over one value without its elements, and returns their number.
func (r *Reader) skipOne(field string) (elements uint64) {
	c := r.code()
	switch {
	case c <= maxFixInt || c >= codeNegative || c == codeNil || c == codeFalse || c == codeTrue:
	case c < codeFixArray:
		return 2 * uint64(c&maxFixLen)
	case c < codeFixStr:
		return uint64(c & maxFixLen)
	case c < codeNil:
		r.next(field, uint64(c&maxFixStr))
	case c >= codeBin8 && c <= codeBin32:
		r.next(field, r.bigEndian(field, 1<<(c-codeBin8)))
	case c >= codeExt8 && c <= codeExt32: // the type takes a byte
		r.next(field, r.bigEndian(field, 1<<(c-codeExt8))+1)
	case c == codeFloat32 || c == codeFloat64:
		r.next(field, 4<<(c-codeFloat32))
	case c >= codeUint8 && c <= codeUint64:
		r.next(field, 1<<(c-codeUint8))
	case c >= codeInt8 && c <= codeInt64:
		r.next(field, 1<<(c-codeInt8))
	case c >= codeFixExt1 && c <= codeFixExt16:
		r.next(field, 1<<(c-codeFixExt1)+1)
	case c >= codeStr8 && c <= codeStr32:
		r.next(field, r.bigEndian(field, 1<<(c-codeStr8)))
	case c == codeArray16 || c == codeArray32:
		return r.bigEndian(field, 2<<(c-codeArray16))
	case c == codeMap16 || c == codeMap32:
		return 2 * r.bigEndian(field, 2<<(c-codeMap16))
	default:
		r.mismatch(field, c, "a msgpack value")
	}
	return 0
}
