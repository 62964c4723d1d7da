package msgp

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Reader reads msgpack values one after the other. Its methods take the name of what
// they read, for errors. What Bytes and BytesOrText return aliases the input.
type Reader struct {
	b     []byte
	at    int // of the next value; after an error, the end of b
	value int // where the value that was read last begins
	class error
	err   error
}

// NewReader returns a Reader of b. Its errors match class, whose text they begin with.
func NewReader(b []byte, class error) Reader { return Reader{b: b, class: class} }

// Reset makes r a new Reader of b: NewReader for a Reader that is part of another type.
func (r *Reader) Reset(b []byte, class error) { *r = Reader{b: b, class: class} }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Remaining returns what has not been read; nothing after an error.
func (r *Reader) Remaining() []byte { return r.b[r.at:] }

// Fail records that the value that was read last, field, is wrong; what completes the
// sentence, as in "is out of range". It does nothing after an earlier error.
func (r *Reader) Fail(field, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d of %d %s", r.class, field, r.value, len(r.b), what)
	}
	r.at = len(r.b)
}

// End reports bytes behind the last value as an error.
func (r *Reader) End() {
	if r.at < len(r.b) {
		r.value = r.at
		r.Fail("what follows the end", fmt.Sprintf("is %d bytes too many", len(r.b)-r.at))
	}
}

// Uint reads an integer that is not negative, in any of msgpack's forms.
func (r *Reader) Uint(field string) uint64 {
	c := r.code()
	if c > maxFixInt {
		return r.wideUint(field, c)
	}
	return uint64(c)
}

// UintMax reads an integer of 0 to greatest.
func (r *Reader) UintMax(field string, greatest uint64) uint64 {
	c := r.code()
	v := uint64(c)
	if c > maxFixInt {
		v = r.wideUint(field, c)
	}
	if v > greatest {
		r.exceeds(field, v, greatest)
		return 0
	}
	return v
}

// Int reads an integer in any of msgpack's forms.
func (r *Reader) Int(field string) int64 {
	switch c := r.code(); {
	case c <= maxFixInt || c >= codeNegative:
		return int64(int8(c))
	case c >= codeInt8 && c <= codeInt64:
		return r.signed(field, c)
	default:
		v := r.wideUint(field, c)
		if v > math.MaxInt64 {
			r.exceeds(field, v, math.MaxInt64)
			return 0
		}
		return int64(v)
	}
}

// Bool reads a boolean.
func (r *Reader) Bool(field string) bool {
	switch c := r.code(); c {
	case codeTrue:
		return true
	case codeFalse:
	default:
		r.mismatch(field, c, "a boolean")
	}
	return false
}

// Nil reads a nil and returns true if one is next; otherwise it reads nothing.
func (r *Reader) Nil() bool {
	if r.at >= len(r.b) || r.b[r.at] != codeNil {
		return false
	}
	r.value = r.at
	r.at++
	return true
}

// Bytes reads a byte string (bin).
func (r *Reader) Bytes(field string) []byte {
	c := r.code()
	if c < codeBin8 || c > codeBin32 {
		r.mismatch(field, c, "bytes")
		return nil
	}
	return r.next(field, r.bigEndian(field, 1<<(c-codeBin8)))
}

// Fixed reads a byte string (bin) of the length of dst into dst.
func (r *Reader) Fixed(field string, dst []byte) {
	b := r.Bytes(field)
	if r.err == nil && len(b) != len(dst) {
		r.Fail(field, fmt.Sprintf("has %d bytes instead of %d", len(b), len(dst)))
		return
	}
	copy(dst, b)
}

// BytesOrText reads a byte string (bin) or text (str), for fields of which both have been
// written.
func (r *Reader) BytesOrText(field string) []byte {
	switch c := r.code(); {
	case c >= codeBin8 && c <= codeBin32:
		return r.next(field, r.bigEndian(field, 1<<(c-codeBin8)))
	default:
		return r.text(field, c, "bytes")
	}
}

// String reads text (str) of at most limit bytes.
func (r *Reader) String(field string, limit int) string {
	b := r.text(field, r.code(), "text")
	if len(b) > limit {
		r.Fail(field, fmt.Sprintf("has %d bytes, more than %d", len(b), limit))
		return ""
	}
	return string(b)
}

// Array reads the header of an array and returns the number of its elements, of which
// each takes at least size bytes: more than there is room for is an error.
func (r *Reader) Array(field string, size int) int {
	var n uint64
	switch c := r.code(); {
	case c&^maxFixLen == codeFixArray:
		n = uint64(c & maxFixLen)
	case c == codeArray16 || c == codeArray32:
		n = r.bigEndian(field, 2<<(c-codeArray16))
	default:
		r.mismatch(field, c, "an array")
		return 0
	}
	return r.count(field, n, size)
}

// Map reads the header of a map and returns the number of its entries, whose keys and
// values follow.
func (r *Reader) Map(field string) int {
	var n uint64
	switch c := r.code(); {
	case c&^maxFixLen == codeFixMap:
		n = uint64(c & maxFixLen)
	case c == codeMap16 || c == codeMap32:
		n = r.bigEndian(field, 2<<(c-codeMap16))
	default:
		r.mismatch(field, c, "a map")
		return 0
	}
	return r.count(field, n, 2)
}

// count returns n if that many elements of at least size bytes can follow.
func (r *Reader) count(field string, n uint64, size int) int {
	if left := len(r.b) - r.at; n*uint64(size) > uint64(left) {
		r.Fail(field, fmt.Sprintf("claims %d elements in %d bytes", n, left))
		return 0
	}
	return int(n)
}

// code returns the first byte of the next value. Behind the last it is codeNever, which
// fits nothing.
func (r *Reader) code() byte {
	r.value = r.at
	if r.at >= len(r.b) {
		return codeNever
	}
	r.at++
	return r.b[r.at-1]
}

// next returns the next n bytes.
func (r *Reader) next(field string, n uint64) []byte {
	if n > uint64(len(r.b)-r.at) {
		r.Fail(field, "is cut short")
		return nil
	}
	end := r.at + int(n)
	part := r.b[r.at:end:end]
	r.at = end
	return part
}

// bigEndian reads size bytes as a number: 1, 2, 4 or 8.
func (r *Reader) bigEndian(field string, size int) uint64 {
	b := r.b[r.at:]
	if len(b) < size {
		r.Fail(field, "is cut short")
		return 0
	}
	r.at += size
	switch size {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	}
	return binary.BigEndian.Uint64(b)
}

// wideUint reads the rest of a number that c begins.
func (r *Reader) wideUint(field string, c byte) uint64 {
	b := r.b[r.at:]
	switch {
	case c == codeUint64 && len(b) >= 8: // the usual forms without a further call
		r.at += 8
		return binary.BigEndian.Uint64(b)
	case c == codeUint32 && len(b) >= 4:
		r.at += 4
		return uint64(binary.BigEndian.Uint32(b))
	case c == codeUint16 && len(b) >= 2:
		r.at += 2
		return uint64(binary.BigEndian.Uint16(b))
	case c >= codeUint8 && c <= codeUint64:
		return r.bigEndian(field, 1<<(c-codeUint8))
	case c >= codeInt8 && c <= codeInt64:
		if v := r.signed(field, c); v >= 0 {
			return uint64(v)
		}
		r.Fail(field, "is negative")
	case c >= codeNegative:
		r.Fail(field, "is negative")
	default:
		r.mismatch(field, c, "an integer")
	}
	return 0
}

// signed reads the rest of an int 8 to int 64 that c begins.
func (r *Reader) signed(field string, c byte) int64 {
	size := 1 << (c - codeInt8)
	shift := 64 - 8*size
	return int64(r.bigEndian(field, size)<<shift) >> shift
}

// text reads the rest of the text (str) that c begins.
func (r *Reader) text(field string, c byte, want string) []byte {
	switch {
	case c&^maxFixStr == codeFixStr:
		return r.next(field, uint64(c&maxFixStr))
	case c >= codeStr8 && c <= codeStr32:
		return r.next(field, r.bigEndian(field, 1<<(c-codeStr8)))
	}
	r.mismatch(field, c, want)
	return nil
}

func (r *Reader) exceeds(field string, v, greatest uint64) {
	r.Fail(field, fmt.Sprintf("is %d, out of range: at most %d", v, greatest))
}

// mismatch records that field begins with c instead of with the code of what is wanted.
func (r *Reader) mismatch(field string, c byte, want string) {
	switch {
	case r.err != nil:
	case r.value == len(r.b):
		r.Fail(field, "is missing: want "+want)
	default:
		r.Fail(field, "is "+nameOf(c)+": want "+want)
	}
}
