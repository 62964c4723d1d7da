package sequence

import "slices"

// run is positions at equal distances.
type run struct {
	first  int64
	stride uint64 // 0 if n is 1
	n      int
}

// runs are ascending positions. Pushes make one run of any number of positions; what is
// removed or inserted in the middle splits it.
type runs []run

func (r run) at(i int) int64 { return int64(uint64(r.first) + r.stride*uint64(i)) }

func (r run) last() int64 { return r.at(r.n - 1) }

// slice returns the positions [from, to) of the run.
func (r run) slice(from, to int) run {
	part := run{first: r.at(from), stride: r.stride, n: to - from}
	if part.n == 1 {
		part.stride = 0
	}
	return part
}

// appends extends the run by a position beyond its last one, if that has the right
// distance. A run of one position accepts any distance.
func (r *run) appends(position int64) bool {
	distance := uint64(position) - uint64(r.last())
	if r.n == 1 {
		r.stride = distance
	}
	if distance != r.stride {
		return false
	}
	r.n++
	return true
}

// prepends is appends at the other end.
func (r *run) prepends(position int64) bool {
	distance := uint64(r.first) - uint64(position)
	if r.n == 1 {
		r.stride = distance
	}
	if distance != r.stride {
		return false
	}
	r.first = position
	r.n++
	return true
}

func (rs runs) len() (n int) {
	for i := range rs {
		n += rs[i].n
	}
	return n
}

// locate returns the run of index i and its index there: len(rs) and 0 at the end.
func (rs runs) locate(i int) (r, within int) {
	for r := range rs {
		if i < rs[r].n {
			return r, i
		}
		i -= rs[r].n
	}
	return len(rs), 0
}

// at returns the position at index i.
func (rs runs) at(i int) int64 {
	r, within := rs.locate(i)
	return rs[r].at(within)
}

// last returns the last position.
func (rs runs) last() int64 { return rs[len(rs)-1].last() }

// find returns the index of the first position that is not below a given one, and whether
// it is that one.
func (rs runs) find(position int64) (i int, ok bool) {
	for _, r := range rs {
		if position <= r.first {
			return i, position == r.first
		}
		if position <= r.last() {
			distance := uint64(position) - uint64(r.first)
			within := int(distance / r.stride)
			if distance%r.stride != 0 {
				within++
			}
			return i + within, r.at(within) == position
		}
		i += r.n
	}
	return i, false
}

// insert adds a position at index i, where it is in order.
func (rs runs) insert(i int, position int64) runs {
	r, within := rs.locate(i)
	if within > 0 {
		whole := rs[r]
		return slices.Replace(rs, r, r+1, whole.slice(0, within), run{position, 0, 1}, whole.slice(within, whole.n))
	}
	before, after := r > 0, r < len(rs)
	switch {
	case before && rs[r-1].n > 1 && rs[r-1].appends(position):
	case after && rs[r].n > 1 && rs[r].prepends(position):
	case before && rs[r-1].n == 1 && rs[r-1].appends(position):
	case after && rs[r].n == 1 && rs[r].prepends(position):
	default:
		return slices.Insert(rs, r, run{position, 0, 1})
	}
	return rs
}

// remove removes the positions at the indexes [from, to).
func (rs runs) remove(from, to int) runs {
	if from == to {
		return rs
	}
	if from == 0 && to == 1 && rs[0].n > 1 { // a pop at the front
		rs[0] = rs[0].slice(1, rs[0].n)
		return rs
	}
	first, head := rs.locate(from)
	last, tail := rs.locate(to)
	var buf [2]run
	keep := buf[:0]
	if head > 0 {
		keep = append(keep, rs[first].slice(0, head))
	}
	if tail > 0 {
		keep = append(keep, rs[last].slice(tail, rs[last].n))
		last++
	}
	return slices.Replace(rs, first, last, keep...)
}

// compact joins what can be joined, so that there are no more runs than half the
// positions and one, if there are many more.
func (rs runs) compact(n int) runs {
	if len(rs) <= n/4*3+8 {
		return rs
	}
	joined := rs[:0:0]
	for _, r := range rs {
		for i := range r.n {
			joined = joined.insert(n, r.at(i))
		}
	}
	return slices.Clip(joined)
}
