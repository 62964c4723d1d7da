package sequence

// Stride is the distance between the positions of two elements that were pushed one after
// the other: room for twenty insertions at the same place before the first renumbering,
// and for 2^43 pushes at one end.
const Stride = 1 << 20

// Insertion says which position an element gets that is inserted, and which elements must be
// renumbered for it.
type Insertion struct {
	Position int64
	From, To int    // elements [From, To), indexes before the insertion, get new positions …
	first    uint64 // … so that those from From on, the new one among them, begin with this one
	step     uint64 // … and have this distance
	index    int
}

// minWindow is how many elements are renumbered at least.
const minWindow = 32

// offset turns positions to numbers from 0 on, in the same order.
const offset = 1 << 63

// InsertAt returns the place for a new element before index i of a list of n elements;
// position returns their positions.
func InsertAt(n, i int, position func(i int) int64) Insertion {
	free := span{0, 1<<64 - 1, false}
	if i > 0 {
		at := position(i - 1)
		if i == n && at <= 1<<63-1-Stride {
			return Insertion{Position: at + Stride}
		}
		free.low = uint64(at) ^ offset + 1
		free.empty = free.low == 0
	}
	if i < n {
		at := position(i)
		if i == 0 && at >= -1<<63+Stride {
			return Insertion{Position: at - Stride}
		}
		free.below(at)
	}
	if n == 0 {
		return Insertion{}
	}
	if !free.empty {
		return Insertion{Position: int64((free.low + (free.high-free.low)/2) ^ offset)}
	}
	return renumber(n, i, position)
}

// span is the free numbers between two elements.
type span struct {
	low, high uint64 // inclusive
	empty     bool
}

// below limits the span to what is below a position.
func (s *span) below(position int64) {
	at := uint64(position) ^ offset
	if at == 0 || at-1 < s.low {
		s.empty = true
		return
	}
	s.high = at - 1
}

// renumber finds the smallest window around index i whose positions are sparse enough: the
// larger it is, the sparser, so that the next window is needed only after many insertions
// (the list labelling of Dietz and Sleator, in the form of Bender and others, 2002).
func renumber(n, i int, position func(i int) int64) Insertion {
	for window := minWindow; ; window *= 2 {
		from, to := max(0, i-window/2), min(n, i+window/2)
		free := span{0, 1<<64 - 1, false}
		if from > 0 {
			free.low = uint64(position(from-1)) ^ offset + 1 // another element is above it
		}
		if to < n {
			free.high = uint64(position(to)) ^ offset - 1
		}
		count := uint64(to - from + 1)
		step := min((free.high-free.low)/(count+1), Stride)
		whole := from == 0 && to == n
		if step < uint64(min(window, Stride/2)) && !whole {
			continue
		}
		in := Insertion{From: from, To: to, step: step, first: free.low + step, index: i}
		switch { // at an end, leave room for pushes
		case whole:
			in.first = offset - count/2*step
		case from == 0:
			in.first = free.high - count*step
		}
		in.Position = in.At(i)
		return in
	}
}

// At returns the position that the element with an index after the insertion gets; it is
// one of those from From to To, To included.
func (in Insertion) At(i int) int64 {
	return int64((in.first + in.step*uint64(i-in.From)) ^ offset)
}

// Renumbered returns the position that the element with an index before the insertion
// gets, if that is from From to To-1.
func (in Insertion) Renumbered(i int) int64 {
	if i >= in.index {
		i++
	}
	return in.At(i)
}
