package keyspace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/internal/ranked"
)

// zsetForm is how sorted sets are packed:
//
//	0 | members 2 | most 2 | longest 2 | entries in order: score 8 | length | member
//
// The lengths are varints, the scores big-endian IEEE 754, other numbers little endian.
// most and longest are the most members that the set ever had and the longest of them.
// They decide about the encoding that OBJECT ENCODING tells: in Redis, too, a set that has
// once outgrown the compact one does not return to it.
type zsetForm struct{}

const (
	zsetHeader   = 7
	zsetScoreLen = 8
	zsetLengthAt = zsetScoreLen
	// zsetEntries is how many entries a packed form has at most that fits.
	zsetEntries = (LargeValue - zsetHeader) / (zsetScoreLen + 1)
)

func init() { forms[ZSet] = zsetForm{} }

// zsetEntry is an entry of the packed form.
type zsetEntry struct {
	score  []byte // aliases the packed form, as member does
	member []byte
	size   int // of the entry
}

// zsetEntryAt reads the entry at the beginning of b.
func zsetEntryAt(b []byte) zsetEntry {
	n, from := int(b[zsetLengthAt]), zsetLengthAt+1
	if n >= 0x80 {
		long, k := binary.Uvarint(b[zsetLengthAt:])
		n, from = int(long), zsetLengthAt+k
	}
	return zsetEntry{b[:zsetScoreLen:zsetScoreLen], b[from : from+n : from+n], from + n}
}

func (e *zsetEntry) number() float64 { return zsetScore(e.score) }

func zsetScore(value []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(value)) }

// find returns the position of a member's entry.
func (zsetForm) find(packed, member []byte) (at int, e zsetEntry, ok bool) {
	for at = zsetHeader; at < len(packed); at += e.size {
		if e = zsetEntryAt(packed[at:]); string(e.member) == string(member) {
			return at, e, true
		}
	}
	return 0, e, false
}

func (f zsetForm) get(packed, part []byte) (value []byte, expireAt int64, ok bool) {
	if _, e, ok := f.find(packed, part); ok {
		return e.score, 0, true
	}
	return nil, 0, false
}

func (f zsetForm) set(packed, part, value []byte, _ int64) []byte {
	if len(packed) == 0 {
		packed = append(packed, make([]byte, zsetHeader)...)
	}
	if from, e, ok := f.find(packed, part); ok {
		if bytes.Equal(e.score, value) {
			return packed
		}
		packed = slices.Delete(packed, from, from+e.size)
	} else {
		f.count(packed, f.size(packed)+1, len(part))
	}
	at, end, size := f.behind(packed, zsetScore(value), part), len(packed), zsetEntryLen(part)
	packed = slices.Grow(packed, size)[:end+size]
	copy(packed[at+size:], packed[at:end])
	copy(packed[at:], value[:zsetScoreLen])
	at += zsetLengthAt
	at += binary.PutUvarint(packed[at:], uint64(len(part)))
	copy(packed[at:], part)
	return packed
}

func zsetEntryLen(member []byte) int { return zsetScoreLen + varintLen(len(member)) + len(member) }

// behind returns the position of the first entry that is not before a score and a member.
func (zsetForm) behind(packed []byte, score float64, member []byte) int {
	at := zsetHeader
	for at < len(packed) {
		e := zsetEntryAt(packed[at:])
		if s := e.number(); s > score || s == score && bytes.Compare(e.member, member) >= 0 {
			break
		}
		at += e.size
	}
	return at
}

// count enters a number of members, and the length of one.
func (zsetForm) count(packed []byte, members, length int) {
	binary.LittleEndian.PutUint16(packed[1:], uint16(members))
	most, longest := zsetMarks(packed)
	binary.LittleEndian.PutUint16(packed[3:], uint16(max(most, members)))
	binary.LittleEndian.PutUint16(packed[5:], uint16(max(longest, min(length, math.MaxUint16))))
}

// zsetMarks returns the most members and the longest member that the set ever had.
func zsetMarks(packed []byte) (most, longest int) {
	if len(packed) == 0 {
		return 0, 0
	}
	return int(binary.LittleEndian.Uint16(packed[3:])), int(binary.LittleEndian.Uint16(packed[5:]))
}

func (f zsetForm) cut(packed, part []byte) ([]byte, bool) {
	at, e, ok := f.find(packed, part)
	if !ok {
		return packed, false
	}
	packed = slices.Delete(packed, at, at+e.size)
	f.count(packed, f.size(packed)-1, 0)
	return packed, true
}

func (zsetForm) size(packed []byte) int {
	if len(packed) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint16(packed[1:]))
}

func (zsetForm) due([]byte) int64 { return never }

func (zsetForm) each(packed []byte, visit func(part, value []byte, expireAt int64) bool) {
	for at := zsetHeader; at < len(packed); {
		e := zsetEntryAt(packed[at:])
		if !visit(e.member, e.score, 0) {
			return
		}
		at += e.size
	}
}

func (zsetForm) fits(packed []byte) bool { return len(packed) <= LargeValue }

func (f zsetForm) grow(packed []byte) object {
	z := &zsetObject{ranked: ranked.New()}
	f.each(packed, func(part, value []byte, _ int64) bool {
		if err := z.set(part, value, 0); err != nil {
			panic(err) // cannot be: it is a small set
		}
		return true
	})
	most, longest := zsetMarks(packed)
	z.most, z.longest = max(z.most, most), max(z.longest, longest)
	return z
}

func (zsetForm) checkPart(_, value []byte) error {
	switch {
	case len(value) != zsetScoreLen:
		return fmt.Errorf("a score of %d bytes, want %d", len(value), zsetScoreLen)
	case math.IsNaN(zsetScore(value)):
		return ErrScore
	}
	return nil
}

var errPackedZSet = errors.New("not a sorted set in packed form")

func (f zsetForm) check(packed []byte) error {
	if len(packed) < zsetHeader || packed[0] != 0 {
		return errPackedZSet
	}
	seen := make(map[string]struct{}, min(f.size(packed), zsetEntries))
	var last zsetEntry
	for b := packed[zsetHeader:]; len(b) > 0; {
		if !isZSetEntry(b) {
			return errPackedZSet
		}
		e := zsetEntryAt(b)
		if math.IsNaN(e.number()) || last.size > 0 && !last.isBefore(&e) {
			return errPackedZSet
		}
		if _, twice := seen[string(e.member)]; twice {
			return errPackedZSet
		}
		seen[string(e.member)] = struct{}{}
		last, b = e, b[e.size:]
	}
	if most, _ := zsetMarks(packed); len(seen) == 0 || len(seen) != f.size(packed) || most < len(seen) {
		return errPackedZSet
	}
	return nil
}

// isZSetEntry reports whether b begins with an entry, with a length as it is written here.
func isZSetEntry(b []byte) bool {
	if len(b) <= zsetLengthAt {
		return false
	}
	n, k := binary.Uvarint(b[zsetLengthAt:])
	return k > 0 && (k == 1 || b[zsetLengthAt+k-1] != 0) && n <= uint64(len(b)-zsetLengthAt-k)
}

func (e *zsetEntry) isBefore(other *zsetEntry) bool {
	a, b := e.number(), other.number()
	return a < b || a == b && bytes.Compare(e.member, other.member) < 0
}
