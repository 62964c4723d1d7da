package stream

// State is what a stream knows besides its entries and groups.
type State struct {
	Last       ID     // of the entry added last
	MaxDeleted ID     // the greatest ID that has been deleted, not trimmed
	Added      uint64 // entries that have ever been added
}

// Stream is a stream. The zero Stream is empty. It is not for concurrent use, but clones
// may be used at the same time.
type Stream struct {
	State   State
	limits  *Limits // nil: the defaults
	account account
	nodes   ordered[*node] // under the IDs with which they began
	n       int
	groups  groups
}

// streamOverhead is the allocated size of a Stream and its mark.
const streamOverhead = 128 + 16

// SetLimits says where nodes end that are added to from now on. l must not change.
func (s *Stream) SetLimits(l *Limits) { s.limits = l }

// Len returns the number of entries.
func (s *Stream) Len() int { return s.n }

// Nodes returns the number of nodes that hold the entries.
func (s *Stream) Nodes() int { return s.nodes.n }

// Memory returns the bytes of memory in use, also of what is shared with clones.
func (s *Stream) Memory() int64 { return streamOverhead + s.account.memory }

// Clone returns a copy. It shares memory with s; each side copies what it changes.
func (s *Stream) Clone() *Stream {
	c := *s
	s.account.owner, c.account.owner = new(owner), new(owner)
	return &c
}

// writer returns the account for a change.
func (s *Stream) writer() *account {
	if s.account.owner == nil {
		s.account.owner = new(owner)
	}
	return &s.account
}

// ownNode returns a node that may be changed. The caller charges the account with what the
// change makes of its size, by settle.
func (s *Stream) ownNode(p position) *node {
	n := s.nodes.at(p)
	if n.owner == s.account.owner {
		return n
	}
	copied := n.clone(&s.account)
	s.account.memory += copied.bytes() - n.bytes()
	s.nodes.set(&s.account, p, copied)
	return copied
}

// Cut removes an entry and reports whether it was there.
func (s *Stream) Cut(id ID) bool {
	p, ok := s.nodes.floor(id)
	if !ok {
		return false
	}
	n := s.nodes.at(p)
	if r, ok := n.seek(id); !ok || r.id != id {
		return false
	}
	if n.n == 1 {
		s.dropNode(p)
		return true
	}
	s.cutIn(p, id, id)
	return true
}

func (s *Stream) dropNode(p position) {
	n := s.nodes.at(p)
	s.account.memory -= n.bytes()
	s.n -= int(n.n)
	s.nodes.remove(s.writer(), p)
}

// cutIn removes entries of a node, which stays.
func (s *Stream) cutIn(p position, first, last ID) {
	if r, ok := s.nodes.at(p).seek(first); !ok || last.Less(r.id) {
		return
	}
	s.writer()
	n := s.ownNode(p)
	before := n.bytes()
	s.n -= n.cut(first, last)
	s.account.memory += n.bytes() - before
}

// CutRange removes the entries from first to last, and returns how many there were. It
// removes nodes all of whose entries are in the range, also those removed before. Another
// node stays even if it has no entries left, as it does in Redis.
func (s *Stream) CutRange(first, last ID) int {
	if s.nodes.n == 0 || last.Less(first) {
		return 0
	}
	before := s.n
	from, ok := s.nodes.floor(first)
	if !ok {
		from = position{}
	}
	if n := s.nodes.at(from); n.n > 0 && n.first.Less(first) {
		s.cutIn(from, first, last)
		from = s.nodes.after(from)
	}
	to := from
	for !s.nodes.end(to) && !last.Less(s.nodes.at(to).final) {
		n := s.nodes.at(to)
		s.account.memory -= n.bytes()
		s.n -= int(n.n)
		to = s.nodes.after(to)
	}
	if !s.nodes.end(to) && !last.Less(s.nodes.id(to)) {
		s.cutIn(to, first, last)
	}
	if from != to {
		s.nodes.removeRange(s.writer(), from, to)
	}
	return before - s.n
}
