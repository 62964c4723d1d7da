package keyspace

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A packed hash keeps its fields in the order in which they came, as Redis does:
//
//	flags 1 | fields 2 | most 2 | longest 2 | field …
//
// and of each field
//
//	name length<<1|expires 1-… | value length 1-… | expiry 0 or 8 | name | value
//
// Lengths are varints, numbers little endian. most and longest are the greatest number of
// fields and the greatest length of a name or a value that there have been: OBJECT
// ENCODING goes by them, see Encodings. A search reads all fields before the one that is
// looked for; with at most LargeValue bytes that takes less than a microsecond.
const (
	hashExpires = 1 << 0 // a field may have an expiry

	hashCountAt   = 1
	hashMostAt    = 3
	hashLongestAt = 5
	hashHeader    = 7
)

// packedHash is the form of hashes.
type packedHash struct{}

func init() { forms[Hash] = packedHash{} }

// packedField is where the parts of a field are.
type packedField struct {
	start, name, value, end int
	expires                 bool
}

// fieldAt returns the field at position at, which is before the end.
func fieldAt(p []byte, at int) (f packedField) {
	f.start = at
	name, value := int(p[at]), int(p[at+1])
	at += 2
	if (name|value)&0x80 != 0 { // seldom: longer than 63 or 127 bytes
		name, at = longLength(p, f.start)
		value, at = longLength(p, at)
	}
	if f.expires = name&1 != 0; f.expires {
		at += 8
	}
	f.name = at
	f.value = at + name>>1
	f.end = f.value + value
	return f
}

func (f *packedField) nameIn(p []byte) []byte  { return p[f.name:f.value:f.value] }
func (f *packedField) valueIn(p []byte) []byte { return p[f.value:f.end:f.end] }

func (f *packedField) expireAt(p []byte) int64 {
	if !f.expires {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(p[f.name-8:]))
}

// findField returns the field of that name.
func findField(p, name []byte) (f packedField, ok bool) {
	for at := hashHeader; at < len(p); at = f.end {
		if f = fieldAt(p, at); string(p[f.name:f.value]) == string(name) {
			return f, true
		}
	}
	return packedField{}, false
}

// fieldSize returns the bytes of a field.
func fieldSize(name, value int, expireAt int64) int {
	n := varintLen(name<<1) + varintLen(value) + name + value
	if expireAt != 0 {
		n += 8
	}
	return n
}

// putField writes a field to b, which has fieldSize bytes.
func putField(b, name, value []byte, expireAt int64) {
	length := uint64(len(name)) << 1
	if expireAt != 0 {
		length |= 1
	}
	at := binary.PutUvarint(b, length)
	at += binary.PutUvarint(b[at:], uint64(len(value)))
	if expireAt != 0 {
		binary.LittleEndian.PutUint64(b[at:], uint64(expireAt))
		at += 8
	}
	at += copy(b[at:], name)
	copy(b[at:], value)
}

func (packedHash) get(packed, part []byte) (value []byte, expireAt int64, ok bool) {
	f, ok := findField(packed, part)
	if !ok {
		return nil, 0, false
	}
	return f.valueIn(packed), f.expireAt(packed), true
}

// set must not be given a part or a value that lies in packed, whose bytes move.
func (h packedHash) set(packed, part, value []byte, expireAt int64) []byte {
	if len(packed) == 0 {
		packed = append(packed, make([]byte, hashHeader)...)
	}
	size := fieldSize(len(part), len(value), expireAt)
	f, ok := findField(packed, part)
	if !ok {
		f.start, f.end = len(packed), len(packed)
		raise(packed[hashMostAt:], addTo(packed[hashCountAt:], 1))
	}
	packed = resizeAt(packed, f.start, f.end, size)
	putField(packed[f.start:f.start+size], part, value, expireAt)
	raise(packed[hashLongestAt:], max(len(part), len(value)))
	if expireAt != 0 {
		packed[0] |= hashExpires
	}
	return packed
}

func (packedHash) cut(packed, part []byte) ([]byte, bool) {
	f, ok := findField(packed, part)
	if !ok {
		return packed, false
	}
	addTo(packed[hashCountAt:], -1)
	return slices.Delete(packed, f.start, f.end), true
}

func (packedHash) size(packed []byte) int {
	if len(packed) == 0 {
		return 0
	}
	return le16(packed[hashCountAt:])
}

func (packedHash) due(packed []byte) int64 {
	due := int64(never)
	if len(packed) == 0 || packed[0]&hashExpires == 0 {
		return due
	}
	var f packedField
	for at := hashHeader; at < len(packed); at = f.end {
		if f = fieldAt(packed, at); f.expires {
			due = min(due, f.expireAt(packed))
		}
	}
	return due
}

func (packedHash) each(packed []byte, visit func(part, value []byte, expireAt int64) bool) {
	var f packedField
	for at := hashHeader; at < len(packed); at = f.end {
		f = fieldAt(packed, at)
		if !visit(f.nameIn(packed), f.valueIn(packed), f.expireAt(packed)) {
			return
		}
	}
}

func (packedHash) fits(packed []byte) bool { return len(packed) <= LargeValue }

func (h packedHash) grow(packed []byte) object {
	n := newNested(Hash)
	h.each(packed, func(part, value []byte, expireAt int64) bool {
		n.mustSet(part, value, expireAt)
		return true
	})
	if len(packed) > 0 {
		n.most = max(n.most, le16(packed[hashMostAt:]))
		n.longest = max(n.longest, le16(packed[hashLongestAt:]))
	}
	return n
}

func (packedHash) check(packed []byte) error {
	if len(packed) <= hashHeader || packed[0]&^hashExpires != 0 {
		return fmt.Errorf("keyspace: a packed hash of %d bytes has no header, or one of a newer release", len(packed))
	}
	names := newPartSet(packedHash{}.size(packed))
	count := 0
	for at := hashHeader; at < len(packed); count++ {
		end, expires, ok := checkField(packed, at)
		if !ok {
			return fmt.Errorf("keyspace: field %d of a packed hash is longer than the hash (offset %d)", count, at)
		}
		f := fieldAt(packed, at)
		if expires && (packed[0]&hashExpires == 0 || f.expireAt(packed) == 0) {
			return fmt.Errorf("keyspace: field %d of a packed hash has an expiry that cannot be (offset %d)", count, at)
		}
		if !names.add(f.nameIn(packed)) {
			return fmt.Errorf("keyspace: field %d of a packed hash is there twice (offset %d)", count, at)
		}
		at = end
	}
	if most := le16(packed[hashMostAt:]); count != names.expected || most < count {
		return fmt.Errorf("keyspace: a packed hash of %d fields claims %d, and at most %d", count, names.expected, most)
	}
	return nil
}

// checkField reports whether the field at position at, before the end, is all there, and
// where it ends. Its lengths must be encoded as putField does, so that fieldAt reads the
// same.
func checkField(p []byte, at int) (end int, expires, ok bool) {
	name, at, ok := checkLength(p, at)
	if !ok {
		return 0, false, false
	}
	value, at, ok := checkLength(p, at)
	if !ok {
		return 0, false, false
	}
	need := name>>1 + value
	if expires = name&1 != 0; expires {
		need += 8
	}
	return at + need, expires, need <= len(p)-at
}

// checkLength reads a varint that came from outside: in its shortest form, and not
// greater than what is there.
func checkLength(p []byte, at int) (length, next int, ok bool) {
	v, n := binary.Uvarint(p[at:])
	if n <= 0 || v > uint64(2*len(p)+1) || varintLen(int(v)) != n {
		return 0, 0, false
	}
	return int(v), at + n, true
}
