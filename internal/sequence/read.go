package sequence

import "iter"

// pageOf returns the page that has, or would have, a position.
func (s *Sequence) pageOf(position int64) *page {
	for n := s.root; ; {
		e := &n.entries[n.search(position)]
		if n.leaf {
			return e.page
		}
		n = e.node
	}
}

// find is pageOf that also returns the index of the page's first element.
func (s *Sequence) find(position int64) (p *page, before int) {
	for n := s.root; ; {
		at := n.search(position)
		for i := range at {
			before += n.entries[i].n
		}
		if n.leaf {
			return n.entries[at].page, before
		}
		n = n.entries[at].node
	}
}

// pageAt returns the page of the element with an index, and its index there.
func (s *Sequence) pageAt(i int) (p *page, within int) {
	total := s.n
	for n := s.root; ; {
		at, within := n.index(i, total)
		if n.leaf {
			return n.entries[at].page, within
		}
		i, total = within, n.entries[at].n
		n = n.entries[at].node
	}
}

// Find returns the index of the first element whose position is not below a given one,
// and whether it is that one.
func (s *Sequence) Find(position int64) (i int, there bool) {
	if s.root == nil {
		return 0, false
	}
	p, before := s.find(position)
	i, there = p.runs.find(position)
	return before + i, there
}

// Get returns the element at a position.
func (s *Sequence) Get(position int64) (v []byte, ok bool) {
	if s.root == nil {
		return nil, false
	}
	p := s.pageOf(position)
	i, ok := p.runs.find(position)
	if !ok {
		return nil, false
	}
	return valueOf(p.element(i)), true
}

// At returns the element with an index from 0 to Len-1, and its position.
func (s *Sequence) At(i int) (position int64, v []byte) {
	p, within := s.pageAt(i)
	return p.runs.at(within), valueOf(p.element(within))
}

// Position returns the position of the element with an index from 0 to Len-1.
func (s *Sequence) Position(i int) int64 {
	p, within := s.pageAt(i)
	return p.runs.at(within)
}

// From yields positions and elements from an index on.
func (s *Sequence) From(i int) iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		var t texts
		for p, within := range s.pages(i) {
			r, k := p.runs.locate(within)
			more := p.forward(within, func(b []byte) bool {
				position := p.runs[r].at(k)
				if k++; k == p.runs[r].n {
					r, k = r+1, 0
				}
				return yield(position, t.value(b))
			})
			if !more {
				return
			}
		}
	}
}

// Backward yields positions and elements from an index down to 0.
func (s *Sequence) Backward(i int) iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		var t texts
		for p, within := range s.pagesBackward(i) {
			r, k := p.runs.locate(within)
			more := p.backward(within, func(b []byte) bool {
				position := p.runs[r].at(k)
				if k--; k < 0 && r > 0 {
					r--
					k = p.runs[r].n - 1
				}
				return yield(position, t.value(b))
			})
			if !more {
				return
			}
		}
	}
}

// Matches yields the indexes of the elements from an index on, and whether they are v.
func (s *Sequence) Matches(v []byte, i int) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		n, isNumber := integer(v)
		for p, within := range s.pages(i) {
			more := p.forward(within, func(b []byte) bool {
				i++
				return yield(i-1, isValue(b, v, n, isNumber))
			})
			if !more {
				return
			}
		}
	}
}

// MatchesBackward is Matches from an index down to 0.
func (s *Sequence) MatchesBackward(v []byte, i int) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		n, isNumber := integer(v)
		for p, within := range s.pagesBackward(i) {
			more := p.backward(within, func(b []byte) bool {
				i--
				return yield(i+1, isValue(b, v, n, isNumber))
			})
			if !more {
				return
			}
		}
	}
}

// pages yields the pages from that of an element on, and where to begin in each.
func (s *Sequence) pages(i int) iter.Seq2[*page, int] {
	return func(yield func(*page, int) bool) {
		for i < s.n {
			p, within := s.pageAt(i)
			if !yield(p, within) {
				return
			}
			i += p.len() - within
		}
	}
}

// pagesBackward is pages down to the first one.
func (s *Sequence) pagesBackward(i int) iter.Seq2[*page, int] {
	return func(yield func(*page, int) bool) {
		for i >= 0 {
			p, within := s.pageAt(i)
			if !yield(p, within) {
				return
			}
			i -= within + 1
		}
	}
}

// forward visits the bytes of the elements from i on until visit returns false.
func (p *page) forward(i int, visit func(b []byte) bool) bool {
	for at := p.offset(i); at < int(p.hi); {
		b := p.buf[at:p.hi]
		if !visit(b) {
			return false
		}
		at += skip(b)
	}
	return true
}

// backward visits the bytes of the elements from i down to 0 until visit returns false.
func (p *page) backward(i int, visit func(b []byte) bool) bool {
	var offsets [markEvery]int // of the elements between two marks
	for i >= 0 {
		start := max(0, i-(i+int(p.skew))%markEvery)
		for k, at := start, p.offset(start); k <= i; k++ {
			offsets[k-start] = at
			at += skip(p.buf[at:])
		}
		for ; i >= start; i-- {
			if !visit(p.buf[offsets[i-start]:p.hi]) {
				return false
			}
		}
	}
	return true
}
