package rdb

import (
	"bytes"
	"cmp"
	"encoding/binary"
)

// StreamID is the ID of an entry: milliseconds, and a number among the entries of one
// millisecond.
type StreamID struct{ Ms, Seq uint64 }

// Compare returns -1, 0 or 1 as id is before, at or behind other.
func (id StreamID) Compare(other StreamID) int {
	return cmp.Or(cmp.Compare(id.Ms, other.Ms), cmp.Compare(id.Seq, other.Seq))
}

const streamIDSize = 16

// appendRaw writes an ID in 16 bytes.
func (id StreamID) appendRaw(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, id.Ms), id.Seq)
}

func rawStreamID(b []byte) StreamID {
	return StreamID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// appendWide writes an ID as two lengths.
func (id StreamID) appendWide(dst []byte) []byte { return appendWide(appendWide(dst, id.Ms), id.Seq) }

func (id StreamID) wideSize() int { return wideSize(id.Ms) + wideSize(id.Seq) }

// StreamKind says what a StreamPart is.
type StreamKind uint8

// The kinds of parts.
const (
	StreamSelf StreamKind = iota // what there is once
	StreamEntry
	StreamGroup
	StreamConsumer
	StreamPending
)

// StreamPart is a part of a stream. The fields that its kind does not name are unused.
type StreamPart struct {
	Kind StreamKind
	// ID is that of the entry, also of a pending one; of the stream the last one that was
	// added; of a group the last one that was delivered.
	ID StreamID

	Deleted StreamID // of the stream: the greatest that was deleted, 0-0 if none was
	Added   uint64   // of the stream: how many entries were ever added

	Strings [][]byte // of an entry: field, value, field, value …

	Group    []byte // of a group, a consumer and what is pending
	Read     int64  // of a group: how many entries up to ID were ever added, -1 if not known
	Consumer []byte // of a consumer and what is pending

	// Time is in Unix milliseconds: when a consumer was last seen, or when what is pending was
	// delivered last.
	Time       int64
	Deliveries uint64 // of what is pending: how often it was delivered
}

// unknownRead is Read where it is not known.
const unknownRead = -1

// The flags of an entry in a node.
const (
	streamDeleted    = 1
	streamSameFields = 2 // the names of the fields are those of the node's first entry
)

// A node of a stream is a listpack that a payload has under the ID of its first entry:
//
//	entries · deleted ones · n · n names of fields · 0 · entry …
//
// An entry is, with the distances of its ID from that of the node,
//
//	flags · milliseconds · number · m · m times name and value · items so far
//
// or, if its fields have the names that the node begins with,
//
//	flags · milliseconds · number · n values · items so far
//
// where "items so far" counts those of the entry, so that it can be read backwards.
const (
	streamEntryItems  = 3 // flags and distances
	streamNodeBytes   = 4096
	streamNodeEntries = 100
)

// streamNode is a node that is being filled.
type streamNode struct {
	id    StreamID
	names [][]byte // of the first entry
	count int
	bytes int // of all items but the first, which is count
	items int

	last []packedEntry // the items of the last entry
}

// full reports whether an entry needs a node of its own, by Redis' rule.
func (n *streamNode) full(strings [][]byte) bool {
	if n.count == 0 {
		return false
	}
	size := n.size()
	for _, s := range strings {
		size += len(s)
	}
	return size >= streamNodeBytes || n.count >= streamNodeEntries
}

// size returns the bytes of the node's listpack.
func (n *streamNode) size() int {
	count := packInt(int64(n.count))
	return listpackFrame + count.size() + n.bytes
}

// fullSize returns the bytes that the node has in a payload, 0 if it is empty.
func (n *streamNode) fullSize() int {
	if n.count == 0 {
		return 0
	}
	size := n.size()
	return 1 + streamIDSize + lengthSize(size) + size
}

// add takes an entry into account and returns the items that the listpack gets for it. They
// alias strings, and are valid until the next add.
func (n *streamNode) add(id StreamID, strings [][]byte) []packedEntry {
	list := n.last[:0]
	width := len(strings) / 2
	if n.count == 0 {
		n.id, n.bytes, n.items = id, 0, 1
		n.keepNames(strings)
		list = append(list, packInt(0), packInt(int64(width)))
		for _, name := range n.names {
			list = append(list, packEntry(name))
		}
		list = append(list, packInt(0))
	}
	n.count++
	flags, items := int64(0), streamEntryItems+width
	if n.same(strings) {
		flags = streamSameFields
	} else {
		items += 1 + width
	}
	list = append(list, packInt(flags), packInt(int64(id.Ms-n.id.Ms)), packInt(int64(id.Seq-n.id.Seq)))
	if flags == 0 {
		list = append(list, packInt(int64(width)))
	}
	for i, s := range strings {
		if flags == 0 || i%2 == 1 {
			list = append(list, packEntry(s))
		}
	}
	n.last = append(list, packInt(int64(items)))
	for i := range n.last {
		n.bytes += n.last[i].size()
	}
	n.items += len(n.last)
	return n.last
}

// keepNames copies the names of the first entry's fields.
func (n *streamNode) keepNames(strings [][]byte) {
	n.names = n.names[:0]
	for i := 0; i < len(strings); i += 2 {
		n.names = append(n.names, bytes.Clone(strings[i]))
	}
}

// same reports whether fields have the names of the first entry's.
func (n *streamNode) same(strings [][]byte) bool {
	if len(strings) != 2*len(n.names) {
		return false
	}
	for i, name := range n.names {
		if string(name) != string(strings[2*i]) {
			return false
		}
	}
	return true
}
