package stream

// TrimPoint says which entries go when a stream is trimmed to keep at most so many, or, if
// keep is negative, to those from an ID on: all up to last. whole leaves nodes whole, as
// `XTRIM ~` does, and limit, unless it is 0, bounds how many go. ok is false if none goes.
//
// It stops at the first node that would take more than limit, or that cannot go as a whole.
// A node whose last entries have been deleted goes if those come before the ID too.
func (s *Stream) TrimPoint(keep int, from ID, whole bool, limit int) (last ID, count int, ok bool) {
	for p := (position{}); !s.nodes.end(p); p = s.nodes.after(p) {
		n := s.nodes.at(p)
		left := s.n - count
		if keep >= 0 && left <= keep || limit > 0 && count+int(n.n) > limit {
			break
		}
		if keep >= 0 && left-int(n.n) >= keep || keep < 0 && n.final.Less(from) {
			last, count = n.final, count+int(n.n)
			continue
		}
		if !whole {
			return n.trimPoint(last, count, left-keep, from, keep < 0)
		}
		break
	}
	return last, count, count > 0
}

// trimPoint is TrimPoint within a node: the first entries go, so many, or if byID is set,
// those before an ID. last and count are of the nodes before.
func (n *node) trimPoint(last ID, count, first int, from ID, byID bool) (ID, int, bool) {
	if byID {
		r, ok := reader{}, false
		if n.n > 0 {
			r, ok = n.start(), true
		}
		for ; ok && r.id.Less(from); ok = r.next() {
			count++
		}
		last, _ = from.Prev()
		return last, count, count > 0
	}
	for r, ok := n.start(), true; ok && first > 0; ok = r.next() {
		last, count, first = r.id, count+1, first-1
	}
	return last, count, count > 0
}

// TrimLimit returns how many entries trimming whole nodes removes at most if nothing is
// said: those of 100 nodes.
func (l Limits) TrimLimit() int {
	if l.Entries <= 0 {
		return 10_000
	}
	return min(100*l.Entries, 1_000_000)
}
