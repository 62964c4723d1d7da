package sequence

import (
	"encoding/binary"
	"slices"
)

// Packed is a short list in one byte string: a byte that is 0, the number of runs of
// positions as a uvarint, for each its first position (a varint), its distance and its
// length (uvarints), and then the elements, each with its length behind it for those who
// read backward. nil is empty.
//
// Methods that change it work in place where they can and return it after the change.
type Packed []byte

// head is what has been read of a Packed. It does not refer to it, so that it needs no
// memory of its own while its Packed is changed and returned.
type head struct {
	at   int // where the elements begin
	n    int
	runs runs
}

// fewRuns is the room for runs that methods have on the stack.
const fewRuns = 4

// read reads the runs into buf, which is empty, as far as there is room.
func (p Packed) read(buf []run) (h head) {
	h.runs = buf
	if len(p) == 0 {
		return h
	}
	count, width := binary.Uvarint(p[1:])
	h.at = 1 + width
	for range count {
		var r run
		r.first, width = binary.Varint(p[h.at:])
		h.at += width
		r.stride, width = binary.Uvarint(p[h.at:])
		h.at += width
		n, width := binary.Uvarint(p[h.at:])
		h.at += width
		r.n = int(n)
		h.n += r.n
		h.runs = append(h.runs, r)
	}
	return h
}

// write puts the runs, which have changed, in place of the old ones.
func (h head) write(p Packed) Packed {
	h.runs = h.runs.compact(h.n)
	var buf [64]byte
	text := binary.AppendUvarint(append(buf[:0], 0), uint64(len(h.runs)))
	for _, r := range h.runs {
		text = binary.AppendVarint(text, r.first)
		text = binary.AppendUvarint(text, r.stride)
		text = binary.AppendUvarint(text, uint64(r.n))
	}
	if len(text) == h.at {
		copy(p, text)
		return p
	}
	return slices.Replace(p, 0, h.at, text...)
}

// Len returns the number of elements.
func (p Packed) Len() int {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	return h.n
}

// offset returns where element i begins; for n it is the end.
func (h *head) offset(p Packed, i int) int {
	if i < h.n/2 {
		at := h.at
		for range i {
			at = p.next(at)
		}
		return at
	}
	at := len(p)
	for range h.n - i {
		at = p.before(at)
	}
	return at
}

// next returns where the element after the one at an offset begins.
func (p Packed) next(at int) int {
	n := skip(p[at:])
	return at + n + uvarintSize(uint64(n))
}

// before returns where the element that ends at an offset begins.
func (p Packed) before(end int) int {
	n, width := backLength(p[:end])
	return end - width - int(n)
}

// appendBackLength appends a number so that it can be read backward.
func appendBackLength(dst []byte, n uint64) []byte {
	at := len(dst)
	dst = binary.AppendUvarint(dst, n)
	slices.Reverse(dst[at:])
	return dst
}

// backLength reads the number that b ends with; width is 0 if there is none.
func backLength(b []byte) (n uint64, width int) {
	for width < min(len(b), binary.MaxVarintLen32) {
		c := b[len(b)-1-width]
		n |= uint64(c&0x7f) << (7 * width)
		width++
		if c < 0x80 {
			return n, width
		}
	}
	return 0, 0
}

// Get returns the element at a position.
func (p Packed) Get(position int64) (v []byte, ok bool) {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	i, ok := h.runs.find(position)
	if !ok {
		return nil, false
	}
	return valueOf(p[h.offset(p, i):]), true
}

// Find is [Sequence.Find].
func (p Packed) Find(position int64) (i int, there bool) {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	return h.runs.find(position)
}

// At returns the element with an index from 0 to Len-1, and its position.
func (p Packed) At(i int) (position int64, v []byte) {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	return h.runs.at(i), valueOf(p[h.offset(p, i):])
}

// Position returns the position of the element with an index from 0 to Len-1.
func (p Packed) Position(i int) int64 {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	return h.runs.at(i)
}

// Set makes the element at a position v, which must not alias p.
func (p Packed) Set(position int64, v []byte) Packed {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	if len(p) == 0 {
		p, h.at = append(p, 0, 0), 2
	}
	i, there := h.runs.find(position)
	at := h.offset(p, i)
	end := at
	if there {
		end = p.next(at)
	}
	size := elementSize(v)
	total := size + uvarintSize(uint64(size))
	p = resize(p, at, end, total)
	element := appendElement(p[at:at:at+total], v)
	appendBackLength(element[size:size:total], uint64(size))
	if there {
		return p
	}
	h.n++
	h.runs = h.runs.insert(i, position)
	return h.write(p)
}

// resize makes b[from:to] n bytes long.
func resize(b []byte, from, to, n int) []byte {
	length, grown := len(b), n-(to-from)
	if grown > 0 {
		b = slices.Grow(b, grown)[:length+grown]
	}
	copy(b[from+n:], b[to:length])
	return b[:length+grown]
}

// Cut removes the element at a position and reports whether there was one.
func (p Packed) Cut(position int64) (Packed, bool) {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	i, there := h.runs.find(position)
	if !there {
		return p, false
	}
	return h.remove(p, i, i+1), true
}

// CutRange removes the elements at the positions from first to last and returns how many
// there were.
func (p Packed) CutRange(first, last int64) (Packed, int) {
	var buf [fewRuns]run
	h := p.read(buf[:0])
	if first > last {
		return p, 0
	}
	from, _ := h.runs.find(first)
	to, there := h.runs.find(last)
	if there {
		to++
	}
	if from == to {
		return p, 0
	}
	return h.remove(p, from, to), to - from
}

// remove removes the elements [from, to).
func (h head) remove(p Packed, from, to int) Packed {
	if to-from == h.n {
		return p[:0]
	}
	start, end := h.offset(p, from), h.offset(p, to)
	h.n -= to - from
	h.runs = h.runs.remove(from, to)
	return h.write(resize(p, start, end, 0))
}

// Grow returns a Sequence with the same elements. It does not alias p.
func (p Packed) Grow() *Sequence {
	s := new(Sequence)
	for position, v := range p.From(0) {
		s.Set(position, v)
	}
	return s
}
