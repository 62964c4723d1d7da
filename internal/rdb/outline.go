package rdb

import (
	"bytes"
	"math"
	"strconv"
)

// Outline is what the first bytes of a payload say of all the others: an Encoder needs it
// before it can write a collection element by element, whatever its size. It is made by a
// first pass over the same elements in the same order.
type Outline struct {
	Type Type
	// Compact asks for the form in which Redis keeps a small collection (its listpack or
	// intset). A set that is not all numbers and a sorted set whose elements are not in order
	// are written as tables all the same.
	Compact bool

	count    int
	table    int   // bytes of the elements in a table; of a list, of its nodes
	packed   int   // bytes of them in a listpack
	nodes    int   // of a list
	node     node  // the last one
	times    int   // fields that expire …
	first    int64 // … and when the first one does
	unpacked bool  // cannot be written as a listpack or an intset
	width    int   // bytes of the widest number of a set
	last     lastElement
	stream   *streamOutline
}

// lastElement is the element before, to compare the next one with.
type lastElement struct {
	score float64
	name  []byte
}

const (
	timeSize = 8
	farSize  = 9 // of the distance between two times, always in its longest form: it is not known at first
)

// Count returns the number of elements so far, of a stream all of its parts.
func (o *Outline) Count() int { return o.count }

// Add takes the next element into account.
func (o *Outline) Add(e *Element) {
	o.count++
	switch o.Type {
	case List:
		o.addToList(e)
	case Stream:
		if o.stream == nil {
			o.stream = new(streamOutline)
		}
		o.stream.add(e.Stream)
	case Set:
		o.table += stringSize(e.Name)
		o.addInt(e)
	case ZSet:
		o.table += stringSize(e.Name) + 8
		o.addScore(e)
	case Hash:
		o.table += stringSize(e.Name) + stringSize(e.Value)
		if o.Compact {
			name, value := packEntry(e.Name), packEntry(e.Value)
			o.packed += name.size() + value.size()
		}
		if e.ExpireAt != 0 {
			if o.times++; o.times == 1 || e.ExpireAt < o.first {
				o.first = e.ExpireAt
			}
		}
	}
}

func (o *Outline) addInt(e *Element) {
	if !o.Compact || o.unpacked {
		return
	}
	n, ok := parseInt(e.Name)
	if !ok {
		o.unpacked = true
		return
	}
	o.width = max(o.width, intWidth(n))
}

// intWidth returns the bytes that an intset with this number needs for each.
func intWidth(n int64) int {
	switch {
	case n == int64(int16(n)):
		return 2
	case n == int64(int32(n)):
		return 4
	}
	return 8
}

// addScore looks whether the elements are in the order of a listpack, by score and name.
func (o *Outline) addScore(e *Element) {
	if !o.Compact || o.unpacked {
		return
	}
	o.unpacked = o.count > 1 && (e.Score < o.last.score || e.Score == o.last.score &&
		bytes.Compare(e.Name, o.last.name) <= 0)
	o.last.score, o.last.name = e.Score, append(o.last.name[:0], e.Name...)
	var text [scoreText]byte
	name, score := packEntry(e.Name), packEntry(appendScore(text[:0], e.Score))
	o.packed += name.size() + score.size()
}

const scoreText = 32 // the longest text of a score has 24 bytes

// appendScore writes a score as Redis does in listpacks.
func appendScore(dst []byte, score float64) []byte {
	const most = 1 << 62 // the greatest whole number that Redis writes as one
	switch {
	case math.IsInf(score, 1):
		return append(dst, "inf"...)
	case math.IsInf(score, -1):
		return append(dst, "-inf"...)
	case score == math.Trunc(score) && score >= -most && score <= most && !(score == 0 && math.Signbit(score)):
		return strconv.AppendInt(dst, int64(score), 10)
	}
	return strconv.AppendFloat(dst, score, 'g', 17, 64)
}

// node is a node of a list: a listpack of about 8 KB at most, or of one longer element.
type node struct{ count, bytes int }

// full reports whether an element needs a node of its own, by Redis' rule.
func (n *node) full(e []byte) bool {
	const most, entry = 8192, 8
	return n.count > 0 && listpackFrame+n.bytes+len(e)+entry > most
}

func (n *node) size() int {
	size := listpackFrame + n.bytes
	return 1 + lengthSize(size) + size
}

func (o *Outline) addToList(e *Element) {
	if o.node.full(e.Name) {
		o.table += o.node.size()
		o.node = node{}
	}
	if o.node.count == 0 {
		o.nodes++
	}
	entry := packEntry(e.Name)
	o.node.count++
	o.node.bytes += entry.size()
}

// form returns how the collection is written.
func (o *Outline) form() form {
	const longest = 1 << 30 // bytes of a listpack, as in Redis
	compact := o.Compact && !o.unpacked && o.packed < longest
	switch {
	case o.Type == List:
		return formQuicklist2
	case o.Type == Stream:
		return formStream
	case o.Type == Set && compact:
		return formIntset
	case o.Type == Set:
		return formSet
	case o.Type == ZSet && compact:
		return formZSetListpack
	case o.Type == ZSet:
		return formZSet2
	case o.times > 0:
		return formHashTimes
	case compact:
		return formHashListpack
	}
	return formHash
}

// version returns that of the first Redis that reads the form.
func (f form) version() uint16 {
	switch f {
	case formStreamActive:
		return streamActiveVersion
	case formHashTimesEarly, formListpackEarly, formHashTimes, formListpackTimes:
		return hashTimesVersion
	case formHashTimesValkey:
		return valkeyVersion
	}
	return writeVersion
}

// Size returns the bytes of the payload.
func (o *Outline) Size() int { return 1 + o.bodySize() + footerSize }

// bodySize returns the bytes between the form and the footer.
func (o *Outline) bodySize() int {
	switch o.form() {
	case formQuicklist2:
		return lengthSize(o.nodes) + o.table + o.node.size()
	case formStream:
		return o.stream.size()
	case formIntset:
		size := intsetHead + o.count*o.width
		return lengthSize(size) + size
	case formZSetListpack, formHashListpack:
		size := listpackFrame + o.packed
		return lengthSize(size) + size
	case formHashTimes:
		return timeSize + lengthSize(o.count) + o.table + o.count + o.times*(farSize-1)
	}
	return lengthSize(o.count) + o.table
}
