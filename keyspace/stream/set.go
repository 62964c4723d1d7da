package stream

// maxRoom is the greatest room that a node gets because the one before needed as much.
const maxRoom = 8 << 10

// Set adds an entry, or replaces it. value is as [AppendCount] says, and is copied. It
// reports whether the entry is new.
func (s *Stream) Set(id ID, value []byte) (added bool) {
	s.writer()
	if s.nodes.n == 0 {
		s.addNode(id, value, 0)
		return true
	}
	p, _ := s.nodes.before(s.nodes.behind()) // most entries are added there
	if id.Less(s.nodes.id(p)) {
		var ok bool
		if p, ok = s.nodes.floor(id); !ok {
			return s.setFirst(id, value)
		}
	}
	n := s.nodes.at(p)
	if n.n == 0 || n.last.Less(id) {
		s.appendTo(p, id, value)
		return true
	}
	// Before the first entry of a node there is nothing to split off: what has been removed
	// there comes back, as a transaction that has failed leaves it.
	if r, _ := n.seek(id); r.id != id && n.first.Less(id) && n.full(value, s.bounds()) {
		p = s.split(p, id)
		s.appendTo(p, id, value)
		return true
	}
	return s.insertIn(p, id, value)
}

// bounds returns the limits of nodes.
func (s *Stream) bounds() Limits {
	if s.limits != nil {
		return *s.limits
	}
	return DefaultLimits()
}

// addNode adds a node of one entry.
func (s *Stream) addNode(id ID, value []byte, room int) {
	n := newNode(&s.account, id, value, room)
	s.account.memory += n.bytes()
	s.nodes.insert(&s.account, id, n)
	s.n++
}

// appendTo adds an entry behind those of a node, or if that is full, in a new node.
func (s *Stream) appendTo(p position, id ID, value []byte) {
	n := s.nodes.at(p)
	if !n.full(value, s.bounds()) {
		n = s.ownNode(p)
		before := n.bytes()
		n.append(s.nodes.id(p), id, value)
		s.account.memory += n.bytes() - before
		s.n++
		return
	}
	if !n.final.Less(id) { // behind what has been removed there: so only a dump comes
		n = s.ownNode(p)
		n.final = n.greatest(s.nodes.id(p))
	}
	if n.owner == s.account.owner {
		before := n.bytes()
		n.shrink()
		s.account.memory += n.bytes() - before
	}
	s.addNode(id, value, min(len(n.buf), maxRoom))
}

// insertIn adds an entry before others of a node, or replaces it.
func (s *Stream) insertIn(p position, id ID, value []byte) (added bool) {
	n := s.ownNode(p)
	before := n.bytes()
	if added = n.insert(s.nodes.id(p), id, value); added {
		s.n++
	}
	s.account.memory += n.bytes() - before
	return added
}

// setFirst adds an entry before all nodes. Entries come in such an order only when those
// of a dump follow others that were added meanwhile.
func (s *Stream) setFirst(id ID, value []byte) (added bool) {
	first := position{}
	if n := s.nodes.at(first); n.n == 0 || n.full(value, s.bounds()) {
		s.addNode(id, value, 0)
		return true
	}
	n := s.ownNode(first)
	key := s.nodes.id(first)
	s.nodes.remove(&s.account, first)
	n.rekey(key, id)
	s.nodes.insert(&s.account, id, n)
	return s.insertIn(first, id, value)
}

// split moves the entries of a node that are behind an ID to a new one, and returns the
// position of the node.
func (s *Stream) split(p position, id ID) position {
	n := s.ownNode(p)
	before := n.bytes()
	tail := n.split(&s.account, s.nodes.id(p), id)
	s.account.memory += n.bytes() + tail.bytes() - before
	s.nodes.insert(&s.account, tail.first, tail)
	p, _ = s.nodes.floor(id)
	return p
}
