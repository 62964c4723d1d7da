package sequence

import "slices"

const (
	pageSize  = 8 << 10
	pageStart = 64 // bytes of a new page; it grows by quarters
	// maxInline is the longest element that shares a page with others.
	maxInline = 1 << 10
	markEvery = 32
	// pageOverhead is the memory of a page beside its slices.
	pageOverhead = 96
)

// owner is a Sequence that may change nodes and pages in place. It has a size so that no
// two are at the same address.
type owner struct{ _ byte }

// page is some elements in a row. They stand in buf[lo:hi]; the room on both sides makes
// pushes and pops at both ends cheap.
type page struct {
	owner *owner
	buf   []byte
	lo    int32
	hi    int32
	n     int32
	// marks are where every markEvery-th element begins, counted from lo. The first element
	// counts as number skew of its stretch, so that pops at the front move no mark.
	skew  int32
	marks []uint16
	runs  runs
}

// newPage returns a page of one element.
func newPage(o *owner, position int64, v []byte) *page {
	p := &page{owner: o}
	if size := elementSize(v); size > maxInline {
		p.buf = make([]byte, size)
	}
	p.insert(0, position, v)
	return p
}

func (p *page) len() int { return int(p.n) }

func (p *page) used() int { return int(p.hi - p.lo) }

// bytes returns the memory of the page.
func (p *page) bytes() int64 {
	return int64(pageOverhead + cap(p.buf) + 2*cap(p.marks) + 24*cap(p.runs))
}

// long reports whether the page is that of one long element.
func (p *page) long() bool { return p.n == 1 && p.used() > maxInline }

// room reports whether there may be an element of size bytes more in the page.
func (p *page) room(size int) bool {
	return p.used()+size <= pageSize && size <= maxInline && !p.long()
}

// clone returns a copy that o may change.
func (p *page) clone(o *owner) *page {
	next := *p
	next.owner = o
	next.buf = makeBytes(len(p.buf))
	copy(next.buf[p.lo:], p.buf[p.lo:p.hi])
	next.marks, next.runs = slices.Clone(p.marks), slices.Clone(p.runs)
	return &next
}

// offset returns where element i begins in buf; for len it is hi.
func (p *page) offset(i int) int {
	if i == p.len() {
		return int(p.hi)
	}
	at, ordinal := int(p.lo), i+int(p.skew)
	if mark := ordinal / markEvery; mark > 0 {
		at += int(p.marks[mark-1])
		i = ordinal % markEvery
	}
	for range i {
		at += skip(p.buf[at:])
	}
	return at
}

// element returns the bytes from element i on.
func (p *page) element(i int) []byte { return p.buf[p.offset(i):p.hi] }

// insert adds v as element i, at a position that is in order there. It has room.
func (p *page) insert(i int, position int64, v []byte) {
	p.runs = p.runs.insert(i, position)
	size := elementSize(v)
	at := p.open(p.offset(i), size)
	appendElement(p.buf[at:at:at+size], v)
	p.n++
	switch i {
	case p.len() - 1:
		if ordinal := i + int(p.skew); ordinal > 0 && ordinal%markEvery == 0 {
			p.marks = append(p.marks, uint16(at-int(p.lo)))
		}
	case 0:
		p.markFront(size)
	default:
		p.mark(i)
	}
}

// markFront adjusts the marks to a new first element.
func (p *page) markFront(size int) {
	for i := range p.marks {
		p.marks[i] += uint16(size)
	}
	if p.skew > 0 {
		p.skew--
		return
	}
	p.skew = markEvery - 1
	p.marks = slices.Insert(p.marks, 0, uint16(size))
}

// mark sets the marks from element i on anew.
func (p *page) mark(i int) {
	i = max(i-1, 0)
	keep := (i + int(p.skew)) / markEvery
	i = max(0, keep*markEvery-int(p.skew))
	p.marks = p.marks[:keep]
	for at := p.offset(i); i < p.len(); i++ {
		if ordinal := i + int(p.skew); ordinal/markEvery > len(p.marks) {
			p.marks = append(p.marks, uint16(at-int(p.lo)))
		}
		at += skip(p.buf[at:])
	}
}

// replace makes element i v. It has room.
func (p *page) replace(i int, v []byte) {
	size := elementSize(v)
	at := p.offset(i)
	old := skip(p.buf[at:])
	if size != old {
		p.close(at, old)
		at = p.open(at, size)
	}
	appendElement(p.buf[at:at:at+size], v)
	if size != old {
		p.mark(i)
	}
}

// remove removes the elements [from, to).
func (p *page) remove(from, to int) {
	start, end := p.offset(from), p.offset(to)
	p.runs = p.runs.remove(from, to).compact(p.len() - (to - from))
	n := p.len()
	p.n -= int32(to - from)
	switch {
	case from == 0:
		p.lo += int32(end - start)
		p.unmarkFront(to, end-start)
	case to == n:
		p.hi -= int32(end - start)
		p.marks = p.marks[:(p.len()-1+int(p.skew))/markEvery]
	default:
		p.close(start, end-start)
		p.mark(from)
	}
	p.shrink()
}

// shrink gives most of the buffer back when little of it is in use.
func (p *page) shrink() {
	if used := p.used(); len(p.buf) > 4*pageStart && used < len(p.buf)/4 {
		to := makeBytes(2 * used)
		lo := (len(to) - used) / 2
		copy(to[lo:], p.buf[p.lo:p.hi])
		p.buf, p.lo, p.hi = to, int32(lo), int32(lo+used)
	}
}

// unmarkFront adjusts the marks after the first n elements, of so many bytes, have gone.
func (p *page) unmarkFront(n, size int) {
	ordinal := n + int(p.skew)
	p.marks = append(p.marks[:0], p.marks[min(ordinal/markEvery, len(p.marks)):]...)
	p.skew = int32(ordinal % markEvery)
	for i := range p.marks {
		p.marks[i] -= uint16(size)
	}
}

// close removes size bytes at an offset.
func (p *page) close(at, size int) {
	copy(p.buf[at:], p.buf[at+size:p.hi])
	p.hi -= int32(size)
}

// open makes room for size bytes before the one at an offset and returns where it is.
func (p *page) open(at, size int) int {
	for {
		lo, hi := int(p.lo), int(p.hi)
		front, back := lo >= size, len(p.buf)-hi >= size
		switch {
		case front && (at-lo < hi-at || !back):
			copy(p.buf[lo-size:], p.buf[lo:at])
			p.lo -= int32(size)
			return at - size
		case back:
			copy(p.buf[at+size:], p.buf[at:hi])
			p.hi += int32(size)
			return at
		}
		at = p.shift(at, size)
	}
}

// shift moves the elements so that there is room for size more bytes at the end that is
// nearer to an offset, in a larger buffer if it must. It returns the new offset.
func (p *page) shift(at, size int) int {
	used := p.used()
	from, to := p.buf[p.lo:p.hi], p.buf
	if need := used + size; len(to) < pageSize && need+need/8 > len(to) {
		to = makeBytes(max(need, min(need+need/4, pageSize), pageStart))
	}
	lo := 0
	if at-int(p.lo) < int(p.hi)-at {
		lo = len(to) - used
	}
	copy(to[lo:], from)
	at += lo - int(p.lo)
	p.buf, p.lo, p.hi = to, int32(lo), int32(lo+used)
	return at
}

// makeBytes returns at least n bytes, all that the allocator's size class has.
func makeBytes(n int) []byte {
	b := append([]byte(nil), make([]byte, n)...)
	return b[:cap(b)]
}

// split removes the elements from i on and returns a page of them.
func (p *page) split(i int) *page {
	q := &page{owner: p.owner, n: p.n - int32(i)}
	at := p.offset(i)
	q.buf = makeBytes(int(p.hi) - at)
	q.hi = int32(copy(q.buf, p.buf[at:p.hi]))
	first, within := p.runs.locate(i)
	q.runs = slices.Clone(p.runs[first:])
	q.runs[0] = q.runs[0].slice(within, q.runs[0].n)
	q.mark(0)
	p.remove(i, p.len())
	return q
}

// join appends the elements of q, which come after those of p.
func (p *page) join(q *page) {
	n := p.len()
	size := q.used()
	at := p.open(int(p.hi), size)
	copy(p.buf[at:], q.buf[q.lo:q.hi])
	p.n += q.n
	for _, r := range q.runs {
		if last := &p.runs[len(p.runs)-1]; last.n > 1 && last.stride == r.stride && last.appends(r.first) {
			last.n += r.n - 1
		} else {
			p.runs = append(p.runs, r)
		}
	}
	p.runs = p.runs.compact(p.len())
	p.mark(n)
}

// middle returns the index of the element in the middle of the page's bytes; it is not
// the first one.
func (p *page) middle() int {
	at, half := int(p.lo), int(p.lo)+p.used()/2
	for i := range p.len() {
		if i > 0 && at >= half {
			return i
		}
		at += skip(p.buf[at:])
	}
	return p.len() - 1
}
