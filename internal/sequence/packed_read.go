package sequence

import "iter"

// From is [Sequence.From].
func (p Packed) From(i int) iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		var buf [fewRuns]run
		var t texts
		h := p.read(buf[:0])
		if i >= h.n {
			return
		}
		r, within := h.runs.locate(i)
		for at := h.offset(p, i); at < len(p); at = p.next(at) {
			if !yield(h.runs[r].at(within), t.value(p[at:])) {
				return
			}
			if within++; within == h.runs[r].n {
				r, within = r+1, 0
			}
		}
	}
}

// Backward is [Sequence.Backward].
func (p Packed) Backward(i int) iter.Seq2[int64, []byte] {
	return func(yield func(int64, []byte) bool) {
		var buf [fewRuns]run
		var t texts
		h := p.read(buf[:0])
		h.backward(p, i, func(i int, b []byte) bool { return yield(h.runs.at(i), t.value(b)) })
	}
}

// backward visits the bytes of the elements from i down to 0 until visit returns false.
func (h *head) backward(p Packed, i int, visit func(i int, b []byte) bool) {
	if i < 0 {
		return
	}
	for at := h.offset(p, i+1); i >= 0; i-- {
		at = p.before(at)
		if !visit(i, p[at:]) {
			return
		}
	}
}

// Matches is [Sequence.Matches].
func (p Packed) Matches(v []byte, i int) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		var buf [fewRuns]run
		h := p.read(buf[:0])
		n, isNumber := integer(v)
		for at := h.offset(p, min(i, h.n)); at < len(p); at = p.next(at) {
			if !yield(i, isValue(p[at:], v, n, isNumber)) {
				return
			}
			i++
		}
	}
}

// MatchesBackward is [Sequence.MatchesBackward].
func (p Packed) MatchesBackward(v []byte, i int) iter.Seq2[int, bool] {
	return func(yield func(int, bool) bool) {
		var buf [fewRuns]run
		h := p.read(buf[:0])
		n, isNumber := integer(v)
		h.backward(p, i, func(i int, b []byte) bool { return yield(i, isValue(b, v, n, isNumber)) })
	}
}
