package sequence

import (
	"slices"
	"sort"
)

const (
	// fanout is how many entries a node may have.
	fanout = 64
	// maxDepth is the greatest height of a tree: neighbours have more than fanout/2 entries
	// together, so 12 levels are more than memory holds.
	maxDepth = 16
	// nodeOverhead and entryBytes are the memory of a node.
	nodeOverhead = 48
	entryBytes   = 32
)

// node is a node of the tree. All leaves are at the same depth; their entries are pages.
type node struct {
	owner   *owner
	leaf    bool
	entries []entry
}

// entry is a page or a node below, and what a search must know of it.
type entry struct {
	first int64 // position of its first element
	n     int   // its elements
	page  *page // in a leaf
	node  *node // above
}

func pageEntry(p *page) entry { return entry{first: p.runs[0].first, n: p.len(), page: p} }

func nodeEntry(n *node) entry {
	e := entry{first: n.entries[0].first, node: n}
	for i := range n.entries {
		e.n += n.entries[i].n
	}
	return e
}

func (n *node) bytes() int64 { return int64(nodeOverhead + cap(n.entries)*entryBytes) }

// total returns the memory of a node and all that is below.
func (n *node) total() int64 {
	sum := n.bytes()
	for i := range n.entries {
		sum += n.entries[i].total()
	}
	return sum
}

func (e *entry) total() int64 {
	if e.page != nil {
		return e.page.bytes()
	}
	return e.node.total()
}

// search returns the entry in which a position is, or would be.
func (n *node) search(position int64) int {
	last := len(n.entries) - 1
	if position >= n.entries[last].first { // pushes at the end
		return last
	}
	if last == 0 || position < n.entries[1].first {
		return 0
	}
	return sort.Search(last, func(i int) bool { return n.entries[i+1].first > position })
}

// index returns the entry that has the element with an index, and its index there.
func (n *node) index(i, len int) (at, within int) {
	if i > len/2 {
		rest := len
		for at = range slices.Backward(n.entries) {
			if rest -= n.entries[at].n; rest <= i {
				return at, i - rest
			}
		}
	}
	for at = range n.entries {
		if i < n.entries[at].n {
			return at, i
		}
		i -= n.entries[at].n
	}
	panic("sequence: index out of range")
}

// step is a node on the way from the root to a page, and the entry in it.
type step struct {
	node *node
	at   int
}

func (s step) entry() *entry { return &s.node.entries[s.at] }

// path is the way from the root to a page.
type path struct {
	steps [maxDepth]step
	depth int
}

func (p *path) leaf() step { return p.steps[p.depth-1] }

// ownPath returns the way to the page in which a position is or would be; all of it may
// be changed in place.
func (s *Sequence) ownPath(position int64, way *path) {
	s.root = s.ownNode(s.root)
	for n := s.root; ; {
		at := n.search(position)
		way.steps[way.depth] = step{n, at}
		way.depth++
		e := &n.entries[at]
		if n.leaf {
			if e.page.owner != s.owner {
				e.page = s.ownPage(e.page)
			}
			return
		}
		if e.node.owner != s.owner {
			e.node = s.ownNode(e.node)
		}
		n = e.node
	}
}

func (s *Sequence) ownNode(n *node) *node {
	if n.owner == s.owner {
		return n
	}
	copied := &node{owner: s.owner, leaf: n.leaf, entries: slices.Clone(n.entries)}
	s.memory += copied.bytes() - n.bytes()
	return copied
}

func (s *Sequence) ownPage(p *page) *page {
	if p.owner == s.owner {
		return p
	}
	copied := p.clone(s.owner)
	s.memory += copied.bytes() - p.bytes()
	return copied
}

// put replaces count entries, from at on, of a node.
func (s *Sequence) put(n *node, at, count int, entries ...entry) {
	s.memory -= n.bytes()
	n.entries = slices.Replace(n.entries, at, at+count, entries...)
	if len(n.entries) < cap(n.entries)/4 {
		n.entries = slices.Clone(n.entries)
	}
	s.memory += n.bytes()
}

// fix brings the nodes of a way up to date after its leaf has changed, from the leaf to
// the root: it splits, joins and removes nodes.
func (s *Sequence) fix(way *path) {
	for level := way.depth - 1; level > 0; level-- {
		n, above := way.steps[level].node, way.steps[level-1]
		switch {
		case len(n.entries) == 0:
			s.memory -= n.bytes()
			s.put(above.node, above.at, 1)
		case len(n.entries) > fanout:
			tail := s.splitNode(n, way.steps[level].at)
			s.put(above.node, above.at, 1, nodeEntry(n), nodeEntry(tail))
		default:
			*above.entry() = nodeEntry(n)
			s.joinAround(above.node, above.at)
		}
	}
	s.fixRoot()
}

// fixRoot splits or lowers the root.
func (s *Sequence) fixRoot() {
	if n := s.root; len(n.entries) > fanout {
		tail := s.splitNode(n, len(n.entries)/2)
		s.root = &node{owner: s.owner, entries: []entry{nodeEntry(n), nodeEntry(tail)}}
		s.memory += s.root.bytes()
	}
	for !s.root.leaf && len(s.root.entries) == 1 {
		s.memory -= s.root.bytes()
		s.root = s.root.entries[0].node
	}
	if len(s.root.entries) == 0 {
		s.root, s.memory = nil, 0
	}
}

// splitNode moves entries of n to a new node after it: half of them, but few at that end
// where the last change was, because a list grows at its ends.
func (s *Sequence) splitNode(n *node, changed int) *node {
	at := len(n.entries) / 2
	switch {
	case changed >= len(n.entries)-4:
		at = len(n.entries) - 4
	case changed < 4:
		at = 4
	}
	tail := &node{owner: s.owner, leaf: n.leaf, entries: slices.Clone(n.entries[at:])}
	s.memory -= n.bytes()
	n.entries = slices.Clone(n.entries[:at])
	s.memory += n.bytes() + tail.bytes()
	return tail
}

// joinAround joins an entry of n with its neighbours if that leaves much room in what
// they become.
func (s *Sequence) joinAround(n *node, at int) {
	s.joinNext(n, at)
	s.joinNext(n, at-1)
}

// joinNext joins an entry with the one after it.
func (s *Sequence) joinNext(n *node, at int) {
	if at < 0 || at+1 >= len(n.entries) {
		return
	}
	a, b := &n.entries[at], &n.entries[at+1]
	if n.leaf {
		if a.page.used()+b.page.used() > pageSize/2 || a.page.long() || b.page.long() {
			return
		}
		a.page = s.ownPage(a.page)
		s.memory -= a.page.bytes() + b.page.bytes()
		a.page.join(b.page)
		s.memory += a.page.bytes()
		s.put(n, at, 2, pageEntry(a.page))
		return
	}
	if len(a.node.entries)+len(b.node.entries) > fanout/2 {
		return
	}
	a.node = s.ownNode(a.node)
	s.memory -= b.node.bytes()
	s.put(a.node, len(a.node.entries), 0, b.node.entries...)
	s.put(n, at, 2, nodeEntry(a.node))
}
