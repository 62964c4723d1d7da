package hll

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	registers = 1 << indexBits
	indexBits = 14
	restBits  = 64 - indexBits // of a hash, beyond the index

	// HeaderSize is how many bytes stand before the registers.
	HeaderSize = 16
	// DenseSize is the length of a dense sketch.
	DenseSize = HeaderSize + registers*6/8

	encodingAt = 4
	// CacheAt is where the header has the estimate, in CacheSize bytes.
	CacheAt   = 8
	CacheSize = 8

	staleAt = 15 // the byte whose highest bit says that the cached estimate is out of date
	stale   = 0x80

	dense  = 0
	sparse = 1
)

// DefaultSparse is the length in bytes, with the header, up to which Redis keeps a sketch
// sparse by default (hll-sparse-max-bytes).
const DefaultSparse = 3000

// Errors of strings that are no sketches.
var (
	ErrNoSketch = errors.New("hll: the string is no HyperLogLog")
	ErrCorrupt  = errors.New("hll: the registers of the HyperLogLog are corrupt")
)

// New returns a sketch of no elements.
func New() []byte {
	b := make([]byte, HeaderSize, HeaderSize+2)
	copy(b, "HYLL")
	b[encodingAt] = sparse
	return appendZeros(b, registers)
}

// Check returns ErrNoSketch unless a string of size bytes that begins with header may be a
// sketch. It does not look at the registers.
func Check(header []byte, size int) error {
	if len(header) < HeaderSize || string(header[:encodingAt]) != "HYLL" || header[encodingAt] > sparse ||
		header[encodingAt] == dense && size != DenseSize {
		return ErrNoSketch
	}
	return nil
}

// IsDense reports whether the sketch with this header has every register.
func IsDense(header []byte) bool { return header[encodingAt] == dense }

// Cached returns the estimate that the header has, false if it is out of date.
func Cached(header []byte) (uint64, bool) {
	return binary.LittleEndian.Uint64(header[CacheAt:]), header[staleAt]&stale == 0
}

// AppendCache appends what the header has at CacheAt for an estimate that is up to date.
func AppendCache(dst []byte, estimate uint64) []byte {
	return binary.LittleEndian.AppendUint64(dst, estimate)
}

// Outdate says that the estimate in the header is out of date.
func Outdate(header []byte) { header[staleAt] |= stale }

// StaleByte is where Outdate changes the header, to what it makes of the byte there.
func StaleByte(header []byte) (at int, value byte) { return staleAt, header[staleAt] | stale }

// Register returns the register that an element belongs to, and what it raises it to.
func Register(element []byte) (index int, count byte) {
	h := murmur64(element, 0xadc83b19)
	return int(h & (registers - 1)), byte(bits.TrailingZeros64(h>>indexBits|1<<restBits)) + 1
}

// murmur64 is MurmurHash64A of A. Appleby.
func murmur64(b []byte, seed uint64) uint64 {
	const m, r = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(b))*m
	for ; len(b) >= 8; b = b[8:] {
		k := binary.LittleEndian.Uint64(b) * m
		k = (k ^ k>>r) * m
		h = (h ^ k) * m
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		h = (h ^ binary.LittleEndian.Uint64(last[:])) * m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}

// Add adds an element to a sketch, which it may change in place. changed is false if the
// sketch stays as it was. A sparse sketch becomes dense when it would get longer than
// maxSparse bytes.
func Add(sketch, element []byte, maxSparse int) (result []byte, changed bool, err error) {
	index, count := Register(element)
	return raise(sketch, index, count, maxSparse)
}

// Raises reports whether Add would change a sparse sketch.
func Raises(sketch, element []byte) (bool, error) {
	index, count := Register(element)
	for b := sketch[HeaderSize:]; ; {
		r, ok := runAt(b)
		if !ok {
			return false, ErrCorrupt
		}
		if index < r.length {
			return r.value < count, nil
		}
		index, b = index-r.length, b[r.size:]
	}
}

// raise makes a register at least count.
func raise(sketch []byte, index int, count byte, maxSparse int) ([]byte, bool, error) {
	if !IsDense(sketch) {
		return raiseSparse(sketch, index, count, maxSparse)
	}
	at, two := DenseRegister(index)
	low, high := sketch[at], byte(0)
	if two {
		high = sketch[at+1]
	}
	low, high, changed := RaiseDense(index, count, low, high)
	sketch[at] = low
	if two {
		sketch[at+1] = high
	}
	if changed {
		Outdate(sketch)
	}
	return sketch, changed, nil
}

// DenseRegister returns where in a dense sketch the register lies, and whether a second byte
// has a part of it.
func DenseRegister(index int) (at int, two bool) { return HeaderSize + index*6/8, index*6%8 > 2 }

// RaiseDense makes a register at least count, in the byte or the two in which it lies.
func RaiseDense(index int, count, low, high byte) (newLow, newHigh byte, changed bool) {
	shift := index * 6 % 8
	both := uint16(high)<<8 | uint16(low)
	if byte(both>>shift)&63 >= count {
		return low, high, false
	}
	both = both&^(63<<shift) | uint16(count)<<shift
	return byte(both), byte(both >> 8), true
}
