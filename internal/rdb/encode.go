package rdb

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// Encoder writes the payload of a collection, element by element. It holds no more than a
// few KB of it, of an intset its numbers, and of a group of a stream the IDs that are pending.
type Encoder struct {
	o    *Outline
	form form
	bare bool // without a footer, in a file: output is the file's, which has one checksum for all keys
	*output
	own output // of a payload

	node    node // of a list: what is gathered …
	entries []byte
	ints    []int64
	stream  streamWriter
}

const encoderBuffer = 16 << 10

// NewEncoder returns an Encoder that writes to w. The elements must be those of o in the
// same order.
func NewEncoder(w io.Writer, o *Outline) *Encoder {
	e := &Encoder{o: o, form: o.form(), own: output{w: w}}
	e.output = &e.own
	e.buf = append(make([]byte, 0, min(encoderBuffer+encoderBuffer/2, o.Size())), byte(e.form))
	e.head()
	return e
}

// head writes what stands before the elements.
func (e *Encoder) head() {
	o := e.o
	switch e.form {
	case formQuicklist2:
		e.buf = appendLength(e.buf, o.nodes)
	case formStream:
		e.buf = appendLength(e.buf, o.stream.nodes)
	case formIntset:
		size := intsetHead + o.count*o.width
		e.buf = appendLength(e.buf, size)
		e.buf = appendLittle(e.buf, int64(o.width), 4)
		e.buf = appendLittle(e.buf, int64(o.count), 4)
	case formHashListpack, formZSetListpack:
		e.buf = appendLength(e.buf, listpackFrame+o.packed)
		e.buf = appendListpackHead(e.buf, o.packed, 2*o.count)
	case formHashTimes:
		e.buf = appendLittle(e.buf, o.first, timeSize)
		e.buf = appendLength(e.buf, o.count)
	default:
		e.buf = appendLength(e.buf, o.count)
	}
}

// Add writes the next element. The error is that of the writer.
func (e *Encoder) Add(el *Element) error {
	switch e.form {
	case formQuicklist2:
		e.addToList(el.Name)
	case formStream:
		e.addToStream(el.Stream)
	case formIntset:
		n, _ := parseInt(el.Name)
		e.ints = append(e.ints, n)
	case formHashListpack:
		e.pack(el.Name)
		e.pack(el.Value)
	case formZSetListpack:
		var text [scoreText]byte
		e.pack(el.Name)
		e.pack(appendScore(text[:0], el.Score))
	case formZSet2:
		e.str(el.Name)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(el.Score))
	case formHashTimes:
		if el.ExpireAt == 0 {
			e.buf = append(e.buf, 0)
		} else {
			e.buf = binary.BigEndian.AppendUint64(append(e.buf, wide64), uint64(el.ExpireAt-e.o.first+1))
		}
		fallthrough
	case formHash:
		e.str(el.Name)
		e.str(el.Value)
	case formSet:
		e.str(el.Name)
	}
	return e.spill()
}

// addToList puts an element into the node that is gathered, or writes that first.
func (e *Encoder) addToList(b []byte) {
	if e.node.full(b) {
		e.writeNode()
	}
	entry := packEntry(b)
	e.node.count++
	e.node.bytes += entry.size()
	if len(b) < encoderBuffer {
		e.entries = appendEntry(e.entries, &entry)
		return
	}
	e.nodeHead() // it is alone
	e.buf = append(e.buf, entry.head.bytes()...)
	e.long(entry.data)
	back := backLength(entry.head.n + len(entry.data))
	e.buf = append(append(e.buf, back.bytes()...), listpackEnd)
	e.node = node{}
}

func (e *Encoder) nodeHead() {
	const packed = 2
	e.buf = appendLength(e.buf, packed)
	e.buf = appendLength(e.buf, listpackFrame+e.node.bytes)
	e.buf = appendListpackHead(e.buf, e.node.bytes, e.node.count)
}

func (e *Encoder) writeNode() {
	if e.node.count > 0 {
		e.nodeHead()
		e.buf = append(append(e.buf, e.entries...), listpackEnd)
	}
	e.node, e.entries = node{}, e.entries[:0]
}

// Close writes what remains and the footer.
func (e *Encoder) Close() error {
	switch e.form {
	case formQuicklist2:
		e.writeNode()
	case formStream:
		e.endStream()
	case formIntset:
		slices.Sort(e.ints)
		for _, n := range e.ints {
			e.buf = appendLittle(e.buf, n, e.o.width)
			e.spill()
		}
	case formHashListpack, formZSetListpack:
		e.buf = append(e.buf, listpackEnd)
	}
	if e.bare {
		return e.spill()
	}
	e.buf = binary.LittleEndian.AppendUint16(e.buf, e.form.version())
	e.buf = binary.LittleEndian.AppendUint64(e.buf, crc64Next(e.crc, e.buf))
	e.write(e.buf)
	return e.err
}

// pack writes an entry of a listpack.
func (e *Encoder) pack(s []byte) {
	entry := packEntry(s)
	e.packed(&entry)
}

func (e *Encoder) packed(entry *packedEntry) {
	if len(entry.data) < encoderBuffer {
		e.buf = appendEntry(e.buf, entry)
		return
	}
	e.buf = append(e.buf, entry.head.bytes()...)
	e.long(entry.data)
	back := backLength(entry.head.n + len(entry.data))
	e.buf = append(e.buf, back.bytes()...)
}

// appendEntry writes an entry of a listpack.
func appendEntry(dst []byte, entry *packedEntry) []byte {
	dst = append(append(dst, entry.head.bytes()...), entry.data...)
	back := backLength(entry.head.n + len(entry.data))
	return append(dst, back.bytes()...)
}
