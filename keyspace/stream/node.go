package stream

import "encoding/binary"

// nodeOverhead is the allocated size of a node beside its buffer.
const nodeOverhead = 128

// node is some entries in a row. Its buffer begins with the number of fields of the first
// entry that it has had, and their names, each behind its length; entries follow, with a gap
// where some have been removed at the front. What an entry looks like is in entry.go.
type node struct {
	owner *owner
	buf   []byte
	first ID    // of the first entry
	last  ID    // of the last entry
	final ID    // the greatest ID that has been here
	n     int32 // entries
	dead  int32 // removed entries that would still be in Redis' listpack
	size  int   // bytes of Redis' listpack
	names int   // bytes of the names of fields
	lo    int   // where the first entry begins
	tail  int   // where the last entry begins
}

// bytes returns the memory of a node.
func (n *node) bytes() int64 { return int64(nodeOverhead + cap(n.buf)) }

// newNode returns a node of one entry, with room for so many bytes.
func newNode(a *account, id ID, value []byte, room int) *node {
	n := &node{owner: a.owner, first: id, final: id, size: listpackFrame + 2*listpackInt(0)}
	count, size := binary.Uvarint(value)
	fields := int(count / 2)
	names := size
	for i, rest := 0, value[size:]; i < 2*fields; i++ {
		length, size := binary.Uvarint(rest)
		end := size + int(length)
		if i%2 == 0 {
			names += end
			n.size += listpackField(rest[size:end])
		}
		rest = rest[end:]
	}
	n.size += listpackInt(int64(fields)) + listpackInt(0)
	n.buf = makeBytes(max(room, names+len(value)+entryMore(int(count))))[:0]
	n.buf = binary.AppendUvarint(n.buf, count/2)
	for i, rest := 0, value[size:]; i < 2*fields; i++ {
		length, size := binary.Uvarint(rest)
		end := size + int(length)
		if i%2 == 0 {
			n.buf = append(n.buf, rest[:end]...)
		}
		rest = rest[end:]
	}
	n.names = len(n.buf)
	n.lo = n.names
	n.append(id, id, value)
	return n
}

// clone returns a copy that a may change, with the same room.
func (n *node) clone(a *account) *node {
	next := *n
	next.owner = a.owner
	next.buf = append(makeBytes(cap(n.buf))[:0], n.buf...)
	return &next
}

// full reports whether Redis would begin a new node for an entry.
func (n *node) full(value []byte, l Limits) bool {
	most := l.Bytes
	if most <= 0 || most > maxNodeBytes {
		most = maxNodeBytes
	}
	if l.Entries > 0 && int(n.n)+int(n.dead) >= l.Entries {
		return true
	}
	return n.size+len(value) >= most && n.size+rawBytes(value) >= most // it has less than the value
}

// append adds an entry behind all others. key is the ID with which the node began.
func (n *node) append(key, id ID, value []byte) {
	n.count(n.n+1, n.dead)
	n.reserve(len(value) + entryMore(stringsOf(value)))
	at := len(n.buf)
	prev := n.last
	if n.n == 1 {
		n.first, prev = id, id
		n.lo = at
	}
	var size int
	n.buf, size = n.appendEntry(n.buf, prev, id, value)
	n.size += size + listpackDelta(id, key)
	n.last, n.tail = id, at
	if n.final.Less(id) {
		n.final = id
	}
}

// count changes the numbers of entries there are and of those removed.
func (n *node) count(live, dead int32) {
	n.size += listpackInt(int64(live)) - listpackInt(int64(n.n)) + listpackInt(int64(dead)) - listpackInt(int64(n.dead))
	n.n, n.dead = live, dead
}

// reserve makes room for more bytes at the end.
func (n *node) reserve(more int) {
	need := len(n.buf) + more
	if need <= cap(n.buf) {
		return
	}
	n.closeGap()
	if need = len(n.buf) + more; need <= cap(n.buf) {
		return
	}
	room := 2 * cap(n.buf)
	if room > 4<<10 {
		room = cap(n.buf) + cap(n.buf)/4
	}
	n.buf = append(makeBytes(max(need, room))[:0], n.buf...)
}

// closeGap moves the entries to where those begin that have been removed.
func (n *node) closeGap() {
	if gap := n.lo - n.names; gap > 0 {
		n.buf = append(n.buf[:n.names], n.buf[n.lo:]...)
		n.lo, n.tail = n.names, n.tail-gap
	}
}

// shrink gives back what the node does not use, if that is much.
func (n *node) shrink() {
	if used := len(n.buf) - n.lo + n.names; cap(n.buf) > 64 && cap(n.buf)-used > used/8 {
		n.closeGap()
		n.buf = append([]byte(nil), n.buf...)
	}
}

// makeBytes returns at least n bytes, all that the allocator's size class has.
func makeBytes(n int) []byte {
	b := append([]byte(nil), make([]byte, n)...)
	return b[:cap(b)]
}
