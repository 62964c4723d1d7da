package stream

import (
	"encoding/binary"
	"math/bits"
)

// An entry in a node is, in this order:
//
//   - how many bytes follow, as uvarint;
//   - a byte with the bits below, and in its upper 5 bits the distance of the ID from that of
//     the entry before, less 1; if they are all set, it follows as uvarint. The distance is
//     one of milliseconds, or if those are equal, of the number within the millisecond;
//   - that number as uvarint, if entrySeq is set;
//   - the number of fields as uvarint, if entryNames is set;
//   - the values, or if entryNames is set, fields and values in turn, packed.
//
// The ID of a node's first entry is in the node; what the entry says does not count.
const (
	entryNames = 1 << iota // the names of its fields are not the node's
	entryMs                // milliseconds differ
	entrySeq               // and the number within them is not 0
	entryBits  = iota
	entryFar   = 0x1f
)

// entryMore is how many bytes more than its value an entry of so many strings may need.
func entryMore(strings int) int { return 32 + strings*maxPackedMore }

// stringsOf returns the number of strings of an entry's value.
func stringsOf(value []byte) int {
	count, _ := binary.Uvarint(value)
	return int(count)
}

// rawBytes returns the sum of the lengths of the strings of an entry's value.
func rawBytes(value []byte) int {
	count, size := binary.Uvarint(value)
	sum := len(value) - size
	for value = value[size:]; count > 0; count-- {
		n, size := binary.Uvarint(value)
		sum -= size
		value = value[size+int(n):]
	}
	return sum
}

// appendEntry appends an entry, without the names of its fields if they are the node's. It
// returns the bytes that Redis' listpack has for it besides its ID.
func (n *node) appendEntry(b []byte, prev, id ID, value []byte) (_ []byte, listpack int) {
	count, size := uvarint(value)
	at := len(b)
	b = appendRoom(b, len(value)+entryMore(int(count)))
	start := len(b)
	if fields, size := uvarint(n.buf); fields == count/2 {
		b = appendDistance(b, 0, prev, id)
		var same bool
		if b, listpack, same = appendValues(b, value, n.buf[size:n.names]); same {
			return putSize(b, at, start), listpack + listpackInt(0) + listpackInt(3+int64(fields))
		}
		b = b[:start]
	}
	b = appendDistance(b, entryNames, prev, id)
	b = binary.AppendUvarint(b, count/2)
	listpack = listpackInt(0) + listpackInt(4+int64(count)) + listpackInt(int64(count/2))
	for value = value[size:]; count > 0; count-- {
		var s []byte
		var bytes int
		s, value = cutString(value)
		b, bytes = appendPacked(b, s)
		listpack += bytes
	}
	return putSize(b, at, start), listpack
}

// appendValues appends the values of as many fields as there are names. same is false if one
// has another name. names has each behind its length, as value does.
func appendValues(b, value, names []byte) (_ []byte, listpack int, same bool) {
	_, size := uvarint(value)
	value = value[size:]
	for len(value) > 0 {
		length, size := uvarint(value)
		end := size + int(length)
		if len(names) < end || string(names[:end]) != string(value[:end]) {
			return b, 0, false
		}
		var s []byte
		var bytes int
		names = names[end:]
		s, value = cutString(value[end:])
		b, bytes = appendPacked(b, s)
		listpack += bytes
	}
	return b, listpack, true
}

// appendRoom appends room for a size of at most bound, or if it may be small, one byte.
func appendRoom(b []byte, bound int) []byte {
	if bound < 1<<14 {
		return append(b, 0)
	}
	var room [10]byte
	return append(b, room[:(bits.Len64(uint64(bound))+6)/7]...)
}

// putSize writes the size of what begins at start as a uvarint at an offset before it, where
// there is room.
func putSize(b []byte, at, start int) []byte {
	size := len(b) - start
	if start-at == 1 && size >= 1<<7 {
		b = append(b, 0)
		copy(b[start+1:], b[start:])
		start++
	}
	for i := range start - at {
		b[at+i] = byte(size>>(7*i))&0x7f | 0x80
	}
	b[start-1] &= 0x7f
	return b
}

// appendDistance appends the byte with flags and what belongs to it. An ID equal to the one
// before stands for one that does not count.
func appendDistance(b []byte, flags byte, prev, id ID) []byte {
	var distance uint64
	switch {
	case id.Ms != prev.Ms:
		flags |= entryMs
		distance = id.Ms - prev.Ms - 1
		if id.Seq != 0 {
			flags |= entrySeq
		}
	case id.Seq != prev.Seq:
		distance = id.Seq - prev.Seq - 1
	}
	if distance < entryFar {
		b = append(b, flags|byte(distance)<<entryBits)
	} else {
		b = binary.AppendUvarint(append(b, flags|entryFar<<entryBits), distance)
	}
	if flags&entrySeq != 0 {
		b = binary.AppendUvarint(b, id.Seq)
	}
	return b
}

// reader reads the entries of a node one after the other.
type reader struct {
	node  *node
	at    int // where the entry begins
	body  int // what comes behind its ID
	end   int // where it ends
	id    ID
	flags byte
}

// start reads the first entry; there is one.
func (n *node) start() reader {
	r := reader{node: n, at: n.lo}
	r.parse(n.first)
	r.id = n.first
	return r
}

// finish reads the last entry.
func (n *node) finish() reader {
	r := reader{node: n, at: n.tail}
	r.parse(n.last)
	r.id = n.last
	return r
}

// next reads the next entry, and returns false if there is none.
func (r *reader) next() bool {
	if r.end == len(r.node.buf) {
		return false
	}
	r.at = r.end
	r.parse(r.id)
	return true
}

// parse reads the entry that begins at r.at; prev is the ID before it.
func (r *reader) parse(prev ID) {
	b := r.node.buf
	size, n := uvarint(b[r.at:])
	i := r.at + n
	r.end = i + int(size)
	flags := b[i]
	i++
	distance := uint64(flags >> entryBits)
	if distance == entryFar {
		distance, n = binary.Uvarint(b[i:])
		i += n
	}
	switch {
	case flags&entryMs == 0:
		r.id = ID{prev.Ms, prev.Seq + distance + 1}
	case flags&entrySeq == 0:
		r.id = ID{prev.Ms + distance + 1, 0}
	default:
		r.id.Ms = prev.Ms + distance + 1
		r.id.Seq, n = binary.Uvarint(b[i:])
		i += n
	}
	r.flags, r.body = flags, i
}

// uvarint is binary.Uvarint for small numbers first.
func uvarint(b []byte) (v uint64, n int) {
	if b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return binary.Uvarint(b)
}

// fields returns the entry's fields. The text of integers is written to text.
func (r *reader) fields(text *numeral) Fields {
	b := r.node.buf
	f := Fields{value: b[r.body:r.end], packed: true, text: text}
	if r.flags&entryNames != 0 {
		count, size := uvarint(f.value)
		f.left, f.value = 2*int(count), f.value[size:]
		return f
	}
	count, size := uvarint(b)
	f.left, f.names, f.shared = 2*int(count), b[size:r.node.names], true
	return f
}

// seek returns the first entry that is not before an ID, and false if there is none.
func (n *node) seek(id ID) (r reader, ok bool) {
	if n.n == 0 || n.last.Less(id) {
		return r, false
	}
	if id == n.last {
		return n.finish(), true
	}
	for r = n.start(); r.id.Less(id); {
		r.next()
	}
	return r, true
}
