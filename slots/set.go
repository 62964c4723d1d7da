package slots

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// SetSize is the length in bytes of a Set's binary form: one bit a slot.
const SetSize = Count / 8

// Set is a set of slots. The zero value is empty. It is a bitmap of 2 KiB:
// compare with ==, copy by assignment, pass by pointer where that matters.
type Set struct {
	words [Count / 64]uint64
}

// NewSet returns the set of the given slots.
func NewSet(list ...Slot) Set {
	var s Set
	for _, slot := range list {
		s.Add(slot)
	}
	return s
}

// Full returns the set of all slots.
func Full() Set {
	var s Set
	s.AddRange(Range{0, Count - 1})
	return s
}

// Has reports whether slot is in the set.
func (s *Set) Has(slot Slot) bool { return s.words[slot/64]&(1<<(slot%64)) != 0 }

// Add puts slot into the set.
func (s *Set) Add(slot Slot) { s.words[slot/64] |= 1 << (slot % 64) }

// Remove takes slot out of the set.
func (s *Set) Remove(slot Slot) { s.words[slot/64] &^= 1 << (slot % 64) }

// AddRange puts r.First to r.Last, both included, into the set.
func (s *Set) AddRange(r Range) {
	for slot, end := int(r.First), int(r.Last)+1; slot < end; {
		n := min(64-slot%64, end-slot) // as many as are in one word
		s.words[slot/64] |= (1<<n - 1) << (slot % 64)
		slot += n
	}
}

// Union adds all slots of o.
func (s *Set) Union(o *Set) {
	for i := range s.words {
		s.words[i] |= o.words[i]
	}
}

// Subtract removes all slots of o.
func (s *Set) Subtract(o *Set) {
	for i := range s.words {
		s.words[i] &^= o.words[i]
	}
}

// Intersect keeps only the slots that are in o too.
func (s *Set) Intersect(o *Set) {
	for i := range s.words {
		s.words[i] &= o.words[i]
	}
}

// Len returns the number of slots in the set.
func (s *Set) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Empty reports whether no slot is in the set.
func (s *Set) Empty() bool { return s.words == [Count / 64]uint64{} }

// All yields the slots of the set in ascending order.
func (s *Set) All() iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		for i, w := range s.words {
			for ; w != 0; w &= w - 1 {
				if !yield(Slot(i*64 + bits.TrailingZeros64(w))) {
					return
				}
			}
		}
	}
}

// Ranges yields the maximal runs of adjacent slots in ascending order.
func (s *Set) Ranges() iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for first := s.next(0, 0); first < Count; {
			end := s.next(first, ^uint64(0))
			if !yield(Range{Slot(first), Slot(end - 1)}) {
				return
			}
			first = s.next(end, 0)
		}
	}
}

// next returns the first slot from one on that is in the set, Count if none is. With an
// invert of all ones it returns the first that is not.
func (s *Set) next(from int, invert uint64) int {
	if from >= Count {
		return Count
	}
	w := (s.words[from/64] ^ invert) >> (from % 64) << (from % 64)
	for i := from / 64; ; w = s.words[i] ^ invert {
		if w != 0 {
			return i*64 + bits.TrailingZeros64(w)
		}
		if i++; i == len(s.words) {
			return Count
		}
	}
}

// String prints the set as ranges, "0-5460 5462", the form of CLUSTER NODES.
func (s Set) String() string {
	var b []byte
	for r := range s.Ranges() {
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = r.append(b)
	}
	return string(b)
}

// Short prints the set like String, but only the first ranges of one that has many,
// with the number of its slots: "0 2 4 6 8 10 12 14 … (100 slots)".
func (s *Set) Short() string {
	const few = 8
	var b []byte
	n := 0
	for r := range s.Ranges() {
		if n++; n > few {
			return fmt.Sprintf("%s … (%d slots)", b, s.Len())
		}
		if n > 1 {
			b = append(b, ' ')
		}
		b = r.append(b)
	}
	return string(b)
}

// Digest returns the xxhash64 of the set's binary form. Equal sets have equal
// digests; nodes compare digests before they send bitmaps.
func (s *Set) Digest() uint64 {
	var buf [SetSize]byte
	return xxhash.Sum64(s.AppendBinaryTo(buf[:0]))
}

// AppendBinaryTo appends the set's binary form to b: SetSize bytes, slot n is bit n%8
// (least significant first) of byte n/8.
func (s *Set) AppendBinaryTo(b []byte) []byte {
	for _, w := range s.words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// SetFromBinary reads the form written by AppendBinaryTo.
func SetFromBinary(b []byte) (Set, error) {
	var s Set
	if len(b) != SetSize {
		return s, fmt.Errorf("slots: a slot bitmap has %d bytes, not %d", SetSize, len(b))
	}
	for i := range s.words {
		s.words[i] = binary.LittleEndian.Uint64(b[i*8:])
	}
	return s, nil
}

// ParseSet reads slots and ranges separated by spaces or commas: "0-5460 5462".
// The error names the part that is wrong.
func ParseSet(text string) (Set, error) {
	var s Set
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' })
	for _, f := range fields {
		r, err := ParseRange(f)
		if err != nil {
			return Set{}, err
		}
		s.AddRange(r)
	}
	return s, nil
}

// Range is the slots First to Last, both included.
type Range struct {
	First, Last Slot
}

// Len returns the number of slots in the range.
func (r Range) Len() int { return int(r.Last) - int(r.First) + 1 }

// String prints "0-5460", or "5462" for a single slot.
func (r Range) String() string { return string(r.append(nil)) }

func (r Range) append(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(r.First), 10)
	if r.Last != r.First {
		b = append(b, '-')
		b = strconv.AppendUint(b, uint64(r.Last), 10)
	}
	return b
}

// ParseRange reads "0-5460" or "5462".
func ParseRange(text string) (Range, error) {
	from, to, dash := strings.Cut(text, "-")
	first, err := Parse(from)
	if err != nil {
		return Range{}, err
	}
	if !dash {
		return Range{first, first}, nil
	}
	last, err := Parse(to)
	if err != nil {
		return Range{}, err
	}
	if last < first {
		return Range{}, fmt.Errorf("slots: range %q ends before it starts", text)
	}
	return Range{first, last}, nil
}

// Even cuts all slots into n contiguous ranges of nearly equal length, the
// remainder spread by rounding (docs/spec.md §1.4): for 3, 0-5460, 5461-10922 and
// 10923-16383. n is clamped to 1 … Count.
func Even(n int) []Range {
	n = max(1, min(n, Count))
	per := float64(Count) / float64(n)
	ranges := make([]Range, n)
	first, cursor := 0, 0.0
	for i := range ranges {
		last := int(cursor + per - 1 + 0.5)
		if i == n-1 {
			last = Count - 1
		}
		last = max(last, first)
		ranges[i] = Range{Slot(first), Slot(last)}
		first = last + 1
		cursor += per
	}
	return ranges
}
