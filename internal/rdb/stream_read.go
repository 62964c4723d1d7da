package rdb

import (
	"bytes"
	"io"
	"math"
	"slices"
)

// streamReader reads the parts of a stream.
type streamReader struct {
	*decoder
	part    StreamPart
	self    StreamPart
	first   StreamID // of the entries
	last    StreamID // of them so far
	length  uint64
	names   [][]byte // of the fields of a node's first entry
	strings [][]byte
	texts   [2]texts // of numbers among names and strings

	pending []pendingEntry // of a group
}

type pendingEntry struct {
	id       StreamID
	at       int64
	count    uint64
	consumer []byte
	owned    bool
}

func (r *streamReader) give(p StreamPart) error {
	r.part = p
	r.e = Element{Stream: &r.part}
	return r.decoder.give()
}

// read reads a stream in one of its forms.
func (r *streamReader) read(f form) error {
	nodes, ok := r.count()
	for i := 0; ok && i < nodes; i++ {
		var id, b []byte
		if id, ok = r.str(0); !ok || len(id) != streamIDSize {
			return ErrFormat
		}
		node := rawStreamID(id)
		if b, ok = r.str(1); ok {
			if err := r.node(node, b); err != nil {
				return err
			}
		}
	}
	if !ok || !r.head(f) {
		return ErrFormat
	}
	if err := r.give(r.self); err != nil {
		return err
	}
	groups, ok := r.count()
	if !ok {
		return ErrFormat
	}
	for range groups {
		if err := r.group(f); err != nil {
			return err
		}
	}
	return nil
}

// count reads a number of things.
func (r *streamReader) count() (n int, ok bool) {
	n, r.b, ok = readCount(r.b)
	return n, ok
}

// number reads a number that is at most that of an int64.
func (r *streamReader) number() (n uint64, ok bool) {
	n, r.b, ok = readWide(r.b)
	return n, ok && n <= math.MaxInt64
}

// id reads an ID that is written as two lengths.
func (r *streamReader) id() (id StreamID, ok bool) {
	if id.Ms, r.b, ok = readWide(r.b); ok {
		id.Seq, r.b, ok = readWide(r.b)
	}
	return id, ok
}

// rawID reads an ID of 16 bytes.
func (r *streamReader) rawID() (StreamID, bool) {
	if len(r.b) < streamIDSize {
		return StreamID{}, false
	}
	id := rawStreamID(r.b)
	r.b = r.b[streamIDSize:]
	return id, true
}

// head reads what stands between the nodes and the groups. What it says of the entries must
// be true; the first ID may be any, as in Redis, since the entries tell.
func (r *streamReader) head(f form) (ok bool) {
	length, ok := r.number()
	if !ok || length != r.length {
		return false
	}
	r.self = StreamPart{Added: length}
	if r.self.ID, ok = r.id(); !ok || r.self.ID.Compare(r.last) < 0 {
		return false
	}
	if f == formStreamEarly {
		return true
	}
	if _, ok = r.id(); !ok {
		return false
	}
	if r.self.Deleted, ok = r.id(); !ok {
		return false
	}
	r.self.Added, r.b, ok = readWide(r.b) // XSETID sets it to anything
	return ok && r.self.Added >= length
}

// group reads a group with its consumers.
func (r *streamReader) group(f form) error {
	group := StreamPart{Kind: StreamGroup}
	name, ok := r.str(0)
	if !ok {
		return ErrFormat
	}
	group.Group = bytes.Clone(name) // it may be in what the next string uses
	if group.ID, ok = r.id(); !ok {
		return ErrFormat
	}
	if f == formStreamEarly {
		group.Read = r.estimateRead(group.ID)
	} else if group.Read, ok = r.read64(); !ok {
		return ErrFormat
	}
	if err := r.give(group); err != nil {
		return err
	}
	if !r.pendingEntries() {
		return ErrFormat
	}
	consumers, ok := r.count()
	if !ok {
		return ErrFormat
	}
	for range consumers {
		consumer, ok := r.consumer(f)
		if !ok {
			return ErrFormat
		}
		consumer.Group = group.Group
		if err := r.give(consumer); err != nil {
			return err
		}
	}
	return r.givePending(group.Group)
}

// read64 reads how many entries a group has read. Redis takes and writes any number, one
// that has wrapped included.
func (r *streamReader) read64() (n int64, ok bool) {
	u, rest, ok := readWide(r.b)
	r.b = rest
	return int64(u), ok
}

// estimateRead returns how many entries a group of an early form has read, as Redis guesses
// when it reads one.
func (r *streamReader) estimateRead(id StreamID) int64 {
	switch {
	case r.length == 0:
		return 0
	case id == r.self.ID:
		return int64(r.self.Added)
	case id.Compare(r.first) < 0:
		return 0
	case id == r.first:
		return 1
	}
	return unknownRead
}

// pendingEntries reads what is pending in a group, which must be in the order of the IDs.
func (r *streamReader) pendingEntries() bool {
	n, ok := r.count()
	if !ok {
		return false
	}
	r.pending = r.pending[:0]
	for range n {
		var p pendingEntry
		if p.id, ok = r.rawID(); !ok {
			return false
		}
		if len(r.pending) > 0 && p.id.Compare(r.pending[len(r.pending)-1].id) <= 0 {
			return false
		}
		if p.at, ok = r.time(); !ok || p.at < 0 {
			return false
		}
		if p.count, ok = r.number(); !ok {
			return false
		}
		r.pending = append(r.pending, p)
	}
	return true
}

// consumer reads a consumer and gives it what is its own of what is pending: it must be
// there, and of nobody else.
func (r *streamReader) consumer(f form) (c StreamPart, ok bool) {
	c.Kind = StreamConsumer
	name, ok := r.str(0)
	if !ok {
		return c, false
	}
	c.Consumer = bytes.Clone(name)
	if c.Time, ok = r.time(); !ok || c.Time < 0 {
		return c, false
	}
	if f == formStreamActive {
		const never = -1
		if active, ok := r.time(); !ok || active < never {
			return c, false
		}
	}
	n, ok := r.count()
	for i := 0; ok && i < n; i++ {
		var id StreamID
		if id, ok = r.rawID(); !ok {
			return c, false
		}
		at, found := slices.BinarySearchFunc(r.pending, id, func(p pendingEntry, id StreamID) int { return p.id.Compare(id) })
		if !found || r.pending[at].owned {
			return c, false
		}
		r.pending[at].consumer, r.pending[at].owned = c.Consumer, true
	}
	return c, ok
}

func (r *streamReader) givePending(group []byte) error {
	for i := range r.pending {
		p := &r.pending[i]
		if !p.owned {
			return ErrFormat
		}
		if err := r.give(StreamPart{Kind: StreamPending, ID: p.id, Group: group, Consumer: p.consumer, Time: p.at,
			Deliveries: p.count}); err != nil {
			return err
		}
	}
	return nil
}

// node reads the entries of a node. Those that are deleted need not be in order: after
// XSETID an entry may have an ID that is before theirs.
func (r *streamReader) node(id StreamID, b []byte) error {
	row, ok := newListpack(b)
	if !ok || r.length > 0 && id.Compare(r.last) <= 0 {
		return ErrFormat
	}
	live, deleted, width := r.item(row), r.item(row), r.item(row)
	if live < 0 || live > int64(len(b)) || deleted < 0 || deleted > int64(len(b)) || width < 0 {
		return ErrFormat
	}
	r.names = r.names[:0]
	r.texts[0].reset()
	for range width {
		name, err := r.texts[0].next(row)
		if err != nil {
			return ErrFormat
		}
		r.names = append(r.names, name)
	}
	if r.item(row) != 0 {
		return ErrFormat
	}
	var seen int64
	for range live + deleted {
		there, err := r.entry(id, row)
		if err != nil {
			return err
		}
		if there {
			seen++
		}
	}
	if _, err := row.next(r.scratch[2][:]); err != io.EOF || seen != live {
		return ErrFormat
	}
	return nil
}

// item reads a number of a node that is not negative, -1 if it is none.
func (r *streamReader) item(row entries) int64 {
	n, ok := r.distance(row)
	if !ok || n < 0 {
		return -1
	}
	return n
}

func (r *streamReader) distance(row entries) (int64, bool) {
	text, err := row.next(r.scratch[2][:])
	if err != nil {
		return 0, false
	}
	return parseInt(text)
}

// entry reads an entry and gives it out, unless it is deleted.
func (r *streamReader) entry(node StreamID, row entries) (there bool, err error) {
	flags := r.item(row)
	ms, ok := r.distance(row)
	seq, ok2 := r.distance(row)
	if !ok || !ok2 || flags < 0 || flags > streamDeleted|streamSameFields {
		return false, ErrFormat
	}
	items := int64(streamEntryItems)
	width := int64(len(r.names))
	if flags&streamSameFields == 0 {
		if width = r.item(row); width < 0 {
			return false, ErrFormat
		}
		items += 1 + width
	}
	r.strings = r.strings[:0]
	r.texts[1].reset()
	for i := range width {
		for range 2 {
			var s []byte
			if flags&streamSameFields != 0 && len(r.strings)%2 == 0 {
				s = r.names[i]
			} else if s, err = r.texts[1].next(row); err != nil {
				return false, ErrFormat
			}
			r.strings = append(r.strings, s)
		}
	}
	if r.item(row) != items+width {
		return false, ErrFormat
	}
	if flags&streamDeleted != 0 {
		return false, nil
	}
	id := StreamID{node.Ms + uint64(ms), node.Seq + uint64(seq)}
	if id.Compare(node) < 0 || r.length > 0 && id.Compare(r.last) <= 0 {
		return false, ErrFormat
	}
	if r.length == 0 {
		r.first = id
	}
	r.last = id
	r.length++
	return true, r.give(StreamPart{Kind: StreamEntry, ID: id, Strings: r.strings})
}

// texts holds the texts of numbers that are read from a listpack.
type texts struct{ b []byte }

func (t *texts) reset() { t.b = t.b[:0] }

// next returns the next string of a listpack, which is valid until reset.
func (t *texts) next(row entries) ([]byte, error) {
	const longest = 20
	if cap(t.b)-len(t.b) < longest {
		t.b = make([]byte, 0, max(2*cap(t.b), 16*longest)) // what is in the former one stays there
	}
	room := t.b[len(t.b):len(t.b):cap(t.b)]
	s, err := row.next(room)
	if len(s) > 0 && &s[0] == &room[:1][0] {
		t.b = t.b[:len(t.b)+len(s)]
		s = s[:len(s):len(s)]
	}
	return s, err
}
