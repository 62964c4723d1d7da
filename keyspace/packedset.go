package keyspace

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// A packed set of integers keeps them in their order, as Redis' intset does:
//
//	width<<1|1 1 | most 2 | integer …
//
// each of width bytes, little endian, so that a search is a binary one. most is the
// greatest number of members that there have been: OBJECT ENCODING goes by it, see
// Encodings. With the first member that is no integer it becomes, for good,
//
//	0 1 | members 2 | member …
//
// with each member, in the order in which they came, behind its length as a varint.
const (
	setInts = 1 << 0

	setCountAt = 1 // most, if all are integers
	setHeader  = 3
)

// packedSet is the form of sets.
type packedSet struct{}

func init() { forms[Set] = packedSet{} }

func areInts(packed []byte) bool { return packed[0]&setInts != 0 }

// memberAt returns where the member at position at begins and ends; it is before the end.
func memberAt(p []byte, at int) (start, end int) {
	n := int(p[at])
	if at++; n&0x80 != 0 {
		n, at = longLength(p, at-1)
	}
	return at, at + n
}

// findMember returns where member and its length begin and end.
func findMember(p, member []byte) (start, end int, ok bool) {
	for at := setHeader; at < len(p); at = end {
		if start, end = memberAt(p, at); string(p[start:end]) == string(member) {
			return at, end, true
		}
	}
	return 0, 0, false
}

func (packedSet) get(packed, part []byte) (value []byte, expireAt int64, ok bool) {
	switch {
	case len(packed) == 0:
	case areInts(packed):
		if n, isInt := parseInt(part); isInt {
			_, ok = intsOf(packed).find(n)
		}
	default:
		_, _, ok = findMember(packed, part)
	}
	return nil, 0, ok
}

// set must not be given a part that lies in packed, whose bytes move. A member has no
// value, and does not expire.
func (s packedSet) set(packed, part, _ []byte, _ int64) []byte {
	n, isInt := parseInt(part)
	if len(packed) == 0 {
		packed = append(packed, make([]byte, setHeader)...)
		if isInt {
			packed[0] = 1<<1 | setInts
		}
	}
	if areInts(packed) {
		if isInt {
			return addInt(packed, n)
		}
		packed = asMembers(packed)
	}
	if _, _, ok := findMember(packed, part); ok {
		return packed
	}
	return appendMember(packed, part)
}

func appendMember(packed, member []byte) []byte {
	addTo(packed[setCountAt:], 1)
	packed = binary.AppendUvarint(packed, uint64(len(member)))
	return append(packed, member...)
}

// asMembers returns a set of integers in the form that holds any members.
func asMembers(packed []byte) []byte {
	v := intsOf(packed)
	members := make([]byte, setHeader, 2*len(packed)+setHeader)
	var text [maxIntText]byte
	for i := range v.len() {
		members = appendMember(members, appendInt(text[:0], v.at(i)))
	}
	return members
}

func (packedSet) cut(packed, part []byte) ([]byte, bool) {
	if len(packed) == 0 {
		return packed, false
	}
	if areInts(packed) {
		if n, isInt := parseInt(part); isInt {
			return cutInt(packed, n)
		}
		return packed, false
	}
	start, end, ok := findMember(packed, part)
	if !ok {
		return packed, false
	}
	addTo(packed[setCountAt:], -1)
	return slices.Delete(packed, start, end), true
}

func (packedSet) size(packed []byte) int {
	switch {
	case len(packed) == 0:
		return 0
	case areInts(packed):
		return intsOf(packed).len()
	}
	return le16(packed[setCountAt:])
}

func (packedSet) due([]byte) int64 { return never }

func (packedSet) each(packed []byte, visit func(part, value []byte, expireAt int64) bool) {
	if len(packed) == 0 {
		return
	}
	if areInts(packed) {
		intsOf(packed).each(func(text []byte) bool { return visit(text, nil, 0) })
		return
	}
	for at := setHeader; at < len(packed); {
		start, end := memberAt(packed, at)
		if !visit(packed[start:end:end], nil, 0) {
			return
		}
		at = end
	}
}

func (packedSet) fits(packed []byte) bool { return len(packed) <= LargeValue }

func (s packedSet) grow(packed []byte) object {
	n := newNested(Set)
	s.each(packed, func(part, _ []byte, _ int64) bool {
		n.mustSet(part, nil, 0)
		return true
	})
	if len(packed) > 0 {
		if n.ints = areInts(packed); n.ints {
			n.most = max(n.most, le16(packed[setCountAt:]))
		}
	}
	return n
}

func (packedSet) check(packed []byte) error {
	if len(packed) <= setHeader {
		return fmt.Errorf("keyspace: a packed set of %d bytes has no members", len(packed))
	}
	if areInts(packed) {
		return checkInts(packed)
	}
	if packed[0] != 0 {
		return fmt.Errorf("keyspace: a packed set begins with %#x, which is of a newer release", packed[0])
	}
	members, count := newPartSet(packedSet{}.size(packed)), 0
	for at := setHeader; at < len(packed); count++ {
		n, start, ok := checkLength(packed, at)
		if !ok || n > len(packed)-start {
			return fmt.Errorf("keyspace: member %d of a packed set is longer than the set (offset %d)", count, at)
		}
		if at = start + n; !members.add(packed[start:at]) {
			return fmt.Errorf("keyspace: member %d of a packed set is there twice (offset %d)", count, start)
		}
	}
	if count != members.expected {
		return fmt.Errorf("keyspace: a packed set of %d members claims %d", count, members.expected)
	}
	return nil
}
