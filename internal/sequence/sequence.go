package sequence

// Sequence is a list whose elements have position numbers. The zero Sequence is empty.
// What its methods return aliases it until its next change; an element longer than
// [LongElement] stays as it is for as long as wanted. It is not for concurrent use, but
// clones may be used at the same time.
type Sequence struct {
	root   *node // nil: empty
	owner  *owner
	n      int
	memory int64
}

// LongElement is the length beyond which an element is never changed in place.
const LongElement = maxInline

// Len returns the number of elements.
func (s *Sequence) Len() int { return s.n }

// Memory returns the bytes of memory in use, also of what is shared with clones.
func (s *Sequence) Memory() int64 { return s.memory }

// Clone returns a copy. It shares memory with s; each side copies what it changes.
func (s *Sequence) Clone() *Sequence {
	copied := *s
	s.owner, copied.owner = new(owner), new(owner)
	return &copied
}

// Set makes the element at a position v, whose bytes are copied.
func (s *Sequence) Set(position int64, v []byte) {
	if s.owner == nil {
		s.owner = new(owner)
	}
	if s.root == nil {
		p := newPage(s.owner, position, v)
		s.root = &node{owner: s.owner, leaf: true, entries: []entry{pageEntry(p)}}
		s.n, s.memory = 1, s.root.total()
		return
	}
	var way path
	s.ownPath(position, &way)
	leaf := way.leaf()
	p := leaf.entry().page
	i, there := p.runs.find(position)
	size := elementSize(v)
	if !there {
		s.n++
	}
	if there && p.long() {
		s.swap(leaf, newPage(s.owner, position, v))
		return
	}
	if !there && i == p.len() && !p.room(size) && s.toNext(&way, size) {
		leaf, i = way.leaf(), 0
		p = leaf.entry().page
	}
	need := size
	if there {
		need -= min(size, skip(p.element(i)))
	}
	if size > maxInline || !p.room(need) {
		s.setInNew(leaf, i, there, position, v)
		s.fix(&way)
		return
	}
	s.memory -= p.bytes()
	if there {
		p.replace(i, v)
	} else {
		p.insert(i, position, v)
	}
	s.memory += p.bytes()
	if !there {
		way.grow(1, position)
	}
}

// grow adds n elements to the entries on the way; position may be a new first one.
func (w *path) grow(n int, position int64) {
	for i := range w.depth {
		e := w.steps[i].entry()
		e.n += n
		e.first = min(e.first, position)
	}
}

// toNext moves a way to the next page of the leaf if that has room. Otherwise insertions
// between a full page and the next one would make a page each.
func (s *Sequence) toNext(way *path, size int) bool {
	leaf := &way.steps[way.depth-1]
	if leaf.at+1 == len(leaf.node.entries) || !leaf.node.entries[leaf.at+1].page.room(size) {
		return false
	}
	leaf.at++
	e := leaf.entry()
	e.page = s.ownPage(e.page)
	return true
}

// swap replaces the page of an entry by one with the same position.
func (s *Sequence) swap(at step, p *page) {
	e := at.entry()
	s.memory += p.bytes() - e.page.bytes()
	e.page = p
}

// setInNew is Set where the page has no room: element i is, if there is one already,
// replaced, otherwise inserted.
func (s *Sequence) setInNew(leaf step, i int, there bool, position int64, v []byte) {
	p := leaf.entry().page
	list := make([]entry, 0, 3)
	before := p.bytes()
	after := int64(0)
	add := func(p *page) {
		list = append(list, pageEntry(p))
		after += p.bytes()
	}
	short := elementSize(v) <= maxInline
	switch {
	case !there && i == p.len():
		add(p)
		add(newPage(s.owner, position, v))
	case !there && i == 0:
		add(newPage(s.owner, position, v))
		add(p)
	case short && p.len() > 1:
		middle := p.middle()
		tail := p.split(middle)
		half := p
		if i >= middle && (there || i > middle || !p.room(elementSize(v))) {
			half, i = tail, i-middle
		}
		if there {
			half.replace(i, v)
		} else {
			half.insert(i, position, v)
		}
		add(p)
		add(tail)
	default:
		s.around(p, i, there, newPage(s.owner, position, v), add)
	}
	s.memory += after - before
	s.put(leaf.node, leaf.at, 1, list...)
}

// around adds the part of p before element i, the page own, and the part after it; element
// i itself is dropped if own is in its place.
func (s *Sequence) around(p *page, i int, drop bool, own *page, add func(*page)) {
	after := i
	if drop {
		after++
	}
	var tail *page
	if after < p.len() {
		tail = p.split(after)
	}
	if i > 0 {
		if drop {
			p.remove(i, i+1)
		}
		add(p)
	}
	add(own)
	if tail != nil {
		add(tail)
	}
}

// Cut removes the element at a position and reports whether there was one.
func (s *Sequence) Cut(position int64) bool {
	if s.root == nil {
		return false
	}
	var way path
	s.ownPath(position, &way)
	leaf := way.leaf()
	p := leaf.entry().page
	i, there := p.runs.find(position)
	if !there {
		return false
	}
	s.n--
	s.memory -= p.bytes()
	if p.len() == 1 {
		s.put(leaf.node, leaf.at, 1)
		s.fix(&way)
		return true
	}
	p.remove(i, i+1)
	s.memory += p.bytes()
	for k := range way.depth {
		way.steps[k].entry().n--
	}
	if i == 0 {
		for k := way.depth - 1; k >= 0; k-- {
			way.steps[k].entry().first = p.runs[0].first
			if way.steps[k].at > 0 {
				break
			}
		}
	}
	if p.used() < pageSize/4 && len(leaf.node.entries) > 1 {
		s.joinAround(leaf.node, leaf.at)
		s.fix(&way)
	}
	return true
}

// CutRange removes the elements at the positions from first to last and returns how many
// there were.
func (s *Sequence) CutRange(first, last int64) int {
	if s.root == nil || first > last {
		return 0
	}
	before := s.n
	s.root = s.ownNode(s.root)
	s.cutRange(s.root, first, last)
	s.fixRoot()
	return before - s.n
}

// cutRange removes positions of what is below n, which s owns.
func (s *Sequence) cutRange(n *node, first, last int64) {
	from, to := n.search(first), n.search(last)
	keepFrom := s.cutEntry(n, from, from < to, first, last)
	keepTo := from < to && s.cutEntry(n, to, false, first, last)
	for i := from + 1; i < to; i++ {
		s.drop(&n.entries[i])
	}
	start, end := from, to+1
	if keepFrom {
		start++
	}
	if keepTo {
		end--
	}
	if start < end {
		s.put(n, start, end-start)
	}
	if len(n.entries) > 0 {
		s.joinNext(n, start)
		s.joinNext(n, start-1)
		s.joinNext(n, start-2)
	}
}

// cutEntry is cutRange for one entry. whole says that last is beyond the entry. It
// reports whether anything is left of it.
func (s *Sequence) cutEntry(n *node, at int, whole bool, first, last int64) bool {
	e := &n.entries[at]
	if whole && e.first >= first {
		s.drop(e)
		return false
	}
	if !n.leaf {
		e.node = s.ownNode(e.node)
		s.cutRange(e.node, first, last)
		if len(e.node.entries) == 0 {
			s.memory -= e.node.bytes()
			return false
		}
		*e = nodeEntry(e.node)
		return true
	}
	i, _ := e.page.runs.find(first)
	j, there := e.page.runs.find(last)
	if there {
		j++
	}
	if i == 0 && j == e.page.len() {
		s.drop(e)
		return false
	}
	if i < j {
		e.page = s.ownPage(e.page)
		s.memory -= e.page.bytes()
		e.page.remove(i, j)
		s.memory += e.page.bytes()
		s.n -= j - i
		*e = pageEntry(e.page)
	}
	return true
}

// drop forgets all of an entry.
func (s *Sequence) drop(e *entry) {
	s.memory -= e.total()
	s.n -= e.n
}
