package keyspace

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// maxString bounds what an Op may make of a string: an offset that comes from outside must
// not cost more than the list of chunks up to it.
const maxString = 1 << 32

// appendOffset appends the name of the part of a string that begins at offset.
func appendOffset(dst []byte, offset int) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(offset))
}

// offsetOf returns the offset that names a part of a string of n bytes.
func offsetOf(part []byte, n int) (int, error) {
	if len(part) != 8 {
		return 0, fmt.Errorf("keyspace: an offset in a string has %d bytes instead of 8", len(part))
	}
	if offset := binary.BigEndian.Uint64(part); offset <= maxString-uint64(n) && n <= maxString {
		return int(offset), nil
	}
	return 0, fmt.Errorf("keyspace: %d bytes at offset %d exceed the longest string, %d bytes", n,
		binary.BigEndian.Uint64(part), int64(maxString))
}

// stringForm is the form of strings: a small one is its bytes.
type stringForm struct{}

func init() { forms[String] = stringForm{} }

func (stringForm) get(packed, part []byte) (value []byte, expireAt int64, ok bool) {
	if offset, err := offsetOf(part, 0); err == nil && offset < len(packed) {
		return packed[offset:], 0, true
	}
	return nil, 0, false
}

func (stringForm) set(packed, part, value []byte, _ int64) []byte {
	if offset, err := offsetOf(part, len(value)); err == nil {
		return writeRange(packed, offset, value)
	}
	return packed
}

// writeRange makes the bytes at offset those of value, in place or by append.
func writeRange(dst []byte, offset int, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	if n := offset + len(value); n > len(dst) {
		had := len(dst)
		dst = slices.Grow(dst, n-had)[:n]
		clear(dst[had:])
	}
	copy(dst[offset:], value)
	return dst
}

func (stringForm) cut(packed, _ []byte) ([]byte, bool) { return packed, false }
func (stringForm) size(packed []byte) int              { return len(packed) }
func (stringForm) due([]byte) int64                    { return never }
func (stringForm) fits(packed []byte) bool             { return len(packed) <= LargeValue }
func (stringForm) grow(packed []byte) object           { return newLongString(slices.Clone(packed)) }
func (stringForm) check([]byte) error                  { return nil }

func (stringForm) each(packed []byte, visit func(part, value []byte, expireAt int64) bool) {
	if len(packed) > 0 {
		visit(appendOffset(nil, 0), packed, 0)
	}
}

func (s *longString) form() form { return stringForm{} }

func (s *longString) get(part []byte) (value []byte, expireAt int64, ok bool) {
	offset, err := offsetOf(part, 0)
	if err != nil || offset >= s.length {
		return nil, 0, false
	}
	return s.chunks[offset/chunkSize].bytes()[offset%chunkSize:], 0, true
}

func (s *longString) set(part, value []byte, _ int64) error {
	offset, err := offsetOf(part, len(value))
	if err == nil {
		s.write(offset, value)
	}
	return err
}

func (s *longString) cut([]byte) bool { return false }
func (s *longString) size() int       { return s.length }
func (s *longString) due() int64      { return never }

func (s *longString) bytes() int64 {
	return s.held + int64(cap(s.chunks))*chunkOverhead + stringFixed
}

// walk visits the chunks. Those that take no memory are passed over, but for the last: the
// others make them again.
func (s *longString) walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (partCursor, bool) {
	i := 0
	if from != nil {
		i = int(binary.BigEndian.Uint64(from)) / chunkSize
	}
	for ; i < len(s.chunks); i++ {
		c := &s.chunks[i]
		if c.b == nil && i < len(s.chunks)-1 {
			continue
		}
		if len(c.b) > LargeValue {
			c.own = false // the visitor may keep it
		}
		if part := appendOffset(nil, i*chunkSize); !visit(part, c.bytes(), 0) {
			return part, false
		}
	}
	return nil, true
}

func (s *longString) clone() object {
	for i := range s.chunks {
		s.chunks[i].own, s.chunks[i].room = false, false
	}
	c := *s
	c.chunks = slices.Clone(s.chunks)
	return &c
}
