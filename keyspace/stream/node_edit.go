package stream

import "slices"

// recode appends the entry of r as one that follows another ID.
func (r *reader) recode(b []byte, prev ID) []byte {
	buf := r.node.buf
	at := len(b)
	b = appendRoom(b, r.end-r.body+20)
	start := len(b)
	b = appendDistance(b, r.flags&entryNames, prev, r.id)
	b = append(b, buf[r.body:r.end]...)
	return putSize(b, at, start)
}

// cut removes the entries from first to last and returns how many those were. They stay
// counted as removed ones.
func (n *node) cut(first, last ID) int {
	r, ok := n.seek(first)
	if !ok || last.Less(r.id) {
		return 0
	}
	start, tail, prev := r.at, n.lo, n.first
	if start > n.lo {
		tail, prev = n.entryBefore(start)
	}
	count := int32(1)
	for r.next() {
		if last.Less(r.id) {
			n.cutBefore(start, prev, &r)
			n.count(n.n-count, n.dead+count)
			return int(count)
		}
		count++
	}
	n.count(n.n-count, n.dead+count)
	n.buf = n.buf[:start]
	n.last, n.tail = prev, tail
	if n.n == 0 {
		n.buf = n.buf[:n.names]
		n.lo, n.tail = n.names, n.names
	}
	n.spare()
	return int(count)
}

// entryBefore returns where the entry before an offset begins, and its ID.
func (n *node) entryBefore(offset int) (at int, id ID) {
	r := n.start()
	for r.end < offset {
		r.next()
	}
	return r.at, r.id
}

// cutBefore removes what is from an offset up to the entry of r; prev is the ID before it.
func (n *node) cutBefore(start int, prev ID, r *reader) {
	if start == n.lo {
		n.first, n.lo = r.id, r.at
		n.spare()
		return
	}
	n.replace(start, r.end, r.recode(nil, prev))
	n.spare()
}

// replace puts other entries in the place of those between two offsets; the last of them
// stands for the last of those.
func (n *node) replace(start, end int, entries []byte) {
	if more := len(entries) - (end - start); end == len(n.buf) {
		n.tail = start
	} else {
		n.tail += more
	}
	n.buf = slices.Replace(n.buf, start, end, entries...)
}

// spare gives memory back if most of it is not in use.
func (n *node) spare() {
	if used := len(n.buf) - n.lo + n.names; used < cap(n.buf)/2 {
		n.shrink()
	}
}

// insert adds an entry that is not the last one, or replaces one. It reports whether it has
// added one. key is the ID with which the node began.
func (n *node) insert(key, id ID, value []byte) (added bool) {
	r, _ := n.seek(id)
	prev := id
	if r.at > n.lo {
		_, prev = n.entryBefore(r.at)
	}
	entries, size := n.appendEntry(nil, prev, id, value)
	if r.id == id {
		before := n.sizeOf(key, &r)
		n.size += size + listpackDelta(id, key) - before
		n.replace(r.at, r.end, entries)
		return false
	}
	n.count(n.n+1, n.dead)
	n.size += size + listpackDelta(id, key)
	if r.at == n.lo {
		n.first = id
	}
	at := len(entries)
	entries = r.recode(entries, id)
	last := r.end == len(n.buf)
	start := r.at
	n.replace(start, r.end, entries)
	if last {
		n.tail = start + at
	}
	return true
}

// sizeOf returns the bytes that Redis' listpack has for an entry.
func (n *node) sizeOf(key ID, r *reader) int {
	var text numeral
	size := listpackInt(0) + listpackDelta(r.id, key)
	f := r.fields(&text)
	fields := int64(f.Len() / 2)
	elements := 3 + fields
	if !f.shared {
		elements += 1 + fields
		size += listpackInt(fields)
	}
	for i := 0; ; i++ {
		s, ok := f.Next()
		if !ok {
			return size + listpackInt(elements)
		}
		if !f.shared || i%2 != 0 {
			size += listpackField(s)
		}
	}
}

// rekey adjusts the size to another ID with which the node began.
func (n *node) rekey(key, id ID) {
	for r, ok := n.start(), true; ok; ok = r.next() {
		n.size += listpackDelta(r.id, id) - listpackDelta(r.id, key)
	}
}

// split moves the entries behind an ID, of which there are some, to a new node.
func (n *node) split(a *account, key, id ID) (tail *node) {
	var text numeral
	var value []byte
	size := 0
	for r, ok := n.seek(id); ok; ok = r.next() {
		value = r.fields(&text).AppendValue(value[:0])
		if tail == nil {
			tail = newNode(a, r.id, value, len(n.buf)-r.at)
		} else {
			tail.append(tail.first, r.id, value)
		}
		size += n.sizeOf(key, &r)
	}
	n.size -= size
	moved := int32(n.cut(tail.first, tail.last))
	n.count(n.n, n.dead-moved)
	tail.final, n.final = n.final, n.greatest(key)
	return tail
}

// greatest returns the greatest ID that is there, or else that with which the node began.
func (n *node) greatest(key ID) ID {
	if n.n == 0 {
		return key
	}
	return n.last
}
