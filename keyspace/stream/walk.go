package stream

// Get returns the fields of an entry.
func (s *Stream) Get(id ID) (f Fields, ok bool) {
	p, ok := s.nodes.floor(id)
	if !ok {
		return Fields{}, false
	}
	r, ok := s.nodes.at(p).seek(id)
	if !ok || r.id != id {
		return Fields{}, false
	}
	return r.fields(nil), true
}

// First returns the ID of the first entry, and false if there is none.
func (s *Stream) First() (id ID, ok bool) {
	for p := (position{}); !s.nodes.end(p); p = s.nodes.after(p) {
		if n := s.nodes.at(p); n.n > 0 {
			return n.first, true
		}
	}
	return ID{}, false
}

// Final returns the ID of the last entry that is there, and false if there is none.
func (s *Stream) Final() (id ID, ok bool) {
	p := s.nodes.behind()
	for p, ok = s.nodes.before(p); ok; p, ok = s.nodes.before(p) {
		if n := s.nodes.at(p); n.n > 0 {
			return n.last, true
		}
	}
	return ID{}, false
}

// Ascend visits the entries from an ID on until visit returns false. fields is valid during
// the call. The stream must not change meanwhile.
func (s *Stream) Ascend(from ID, visit func(id ID, fields Fields) bool) {
	p, _ := s.nodes.floor(from)
	text := new(numeral)
	for ; !s.nodes.end(p); p = s.nodes.after(p) {
		r, ok := s.nodes.at(p).seek(from)
		for ; ok; ok = r.next() {
			if !visit(r.id, r.fields(text)) {
				return
			}
		}
	}
}

// Descend visits the entries from an ID down.
func (s *Stream) Descend(from ID, visit func(id ID, fields Fields) bool) {
	text := new(numeral)
	var starts []reader
	for p, ok := s.nodes.floor(from); ok; p, ok = s.nodes.before(p) {
		n := s.nodes.at(p)
		if n.n == 0 {
			continue
		}
		upTo := n.tail
		if !from.Less(n.last) {
			if r := n.finish(); !visit(r.id, r.fields(text)) {
				return
			}
		} else {
			upTo = len(n.buf)
		}
		starts = n.readers(starts[:0], upTo, from)
		for i := len(starts) - 1; i >= 0; i-- {
			if r := &starts[i]; !visit(r.id, r.fields(text)) {
				return
			}
		}
	}
}

// readers returns the entries of a node that begin before an offset and are not behind an
// ID.
func (n *node) readers(list []reader, offset int, upTo ID) []reader {
	for r, ok := n.start(), true; ok && r.at < offset && !upTo.Less(r.id); ok = r.next() {
		list = append(list, r)
	}
	return list
}
