package stream

import "fmt"

// check returns an error if a stream is not as its parts say.
func check(s *Stream) error {
	memory, entries := s.nodes.recount(), 0
	prev := ID{}
	for p := (position{}); !s.nodes.end(p); p = s.nodes.after(p) {
		n, key := s.nodes.at(p), s.nodes.id(p)
		if err := n.check(key, prev); err != nil {
			return fmt.Errorf("node %v: %w", key, err)
		}
		memory += n.bytes()
		entries += int(n.n)
		prev = n.final
	}
	memory += int64(cap(s.groups.list)) * pointerLen
	for _, g := range s.groups.list {
		inGroup := g.consumers.recount()
		if inGroup != g.consumers.memory {
			return fmt.Errorf("consumers of %s: %d bytes, recounted %d", g.Name, g.consumers.memory, inGroup)
		}
		memory += groupOverhead + int64(cap(g.Name)) + inGroup + g.pending.recount()
	}
	if memory != s.account.memory || entries != s.n {
		return fmt.Errorf("%d bytes, recounted %d; %d entries, recounted %d", s.account.memory, memory, s.n, entries)
	}
	return nil
}

func (n *node) check(key, prev ID) error {
	if n.n == 0 {
		if n.lo != n.names || len(n.buf) != n.names || n.dead == 0 {
			return fmt.Errorf("empty, but lo = %d, %d bytes, %d dead", n.lo, len(n.buf), n.dead)
		}
		return nil
	}
	if n.first.Less(key) || key != (ID{}) && !prev.Less(key) || n.final.Less(n.last) {
		return fmt.Errorf("prev %v, first %v, last %v, final %v", prev, n.first, n.last, n.final)
	}
	count, at := int32(0), 0
	var last ID
	size := listpackFrame + listpackInt(int64(n.n)) + listpackInt(int64(n.dead)) + n.master()
	for r, ok := n.start(), true; ok; ok = r.next() {
		if count > 0 && !last.Less(r.id) {
			return fmt.Errorf("%v behind %v", r.id, last)
		}
		count++
		last, at = r.id, r.at
		size += n.sizeOf(key, &r)
	}
	if count != n.n || last != n.last || at != n.tail {
		return fmt.Errorf("%d entries up to %v at %d, not %d, %v, %d", count, last, at, n.n, n.last, n.tail)
	}
	if n.dead == 0 && size != n.size || n.dead > 0 && size >= n.size {
		return fmt.Errorf("size %d, recounted %d with %d dead", n.size, size, n.dead)
	}
	return nil
}

// master returns the size of what is before the entries of Redis' listpack besides counts.
func (n *node) master() int {
	count, at := uvarint(n.buf)
	size := listpackInt(int64(count)) + listpackInt(0)
	for rest := n.buf[at:n.names]; len(rest) > 0; {
		var s []byte
		s, rest = cutString(rest)
		size += listpackField(s)
	}
	return size
}

func (o *ordered[V]) recount() (memory int64) {
	n := 0
	if o.top != nil {
		memory = o.top.bytes()
		var prev ID
		for i, r := range o.top.refs {
			memory += r.page.bytes()
			n += len(r.page.ids)
			for j, id := range r.page.ids {
				if id.Less(r.first) || (i > 0 || j > 0) && !prev.Less(id) || i > 0 && j == 0 && !prev.Less(r.first) {
					panic(fmt.Sprintf("page %d of %v: %v at %d after %v", i, r.first, id, j, prev))
				}
				prev = id
			}
		}
	}
	if memory != o.memory || n != o.n {
		panic(fmt.Sprintf("%d bytes, recounted %d; %d elements, recounted %d", o.memory, memory, o.n, n))
	}
	return memory
}

func (c *consumers) recount() (memory int64) {
	if c.table == nil {
		return 0
	}
	memory = c.table.bytes()
	for _, one := range c.table.byNumber {
		if one != nil {
			memory += consumerOverhead + int64(cap(one.name)) + one.pending.recount()
		}
	}
	return memory
}
