package keyspace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// The parts of a stream, in the order of their names as bytes:
//
//	0                            the stream: last ID, greatest deleted ID, entries added
//	1 ID                         an entry
//	2 group 0                    a group: last ID, entries read
//	2 group 1 consumer           a consumer: when it was seen
//	2 group 2 ID                 a pending entry: consumer, delivery time and count
//
// An ID has 16 bytes, big-endian; a group is its length as uvarint and its name. The first
// part is always there: a stream without entries is a key. All of a group is one range.
const (
	streamStatePart   = 0
	streamEntryPart   = 1
	streamGroupPart   = 2
	streamGroupState  = 0
	streamConsumer    = 1
	streamPending     = 2
	streamGroupBehind = 3 // behind all of a group
)

var errStreamPart = errors.New("unknown part of a stream; the sender may be a newer release")

// streamPart is the name of a part of a stream, taken apart.
type streamPart struct {
	kind     byte // streamStatePart, streamEntryPart or streamGroupPart
	of       byte // of a group: streamGroupState, streamConsumer or streamPending
	id       stream.ID
	group    []byte
	consumer []byte
}

func parseStreamPart(part []byte) (p streamPart, ok bool) {
	if len(part) == 0 {
		return p, false
	}
	p.kind, part = part[0], part[1:]
	switch p.kind {
	case streamStatePart:
		return p, len(part) == 0
	case streamEntryPart:
		p.id, ok = stream.IDOf(part)
		return p, ok
	case streamGroupPart:
		n, size := binary.Uvarint(part)
		if size <= 0 || n >= uint64(len(part)-size) {
			return p, false
		}
		p.group, part = part[size:size+int(n)], part[size+int(n):]
		p.of, part = part[0], part[1:]
		switch p.of {
		case streamGroupState:
			return p, len(part) == 0
		case streamConsumer:
			p.consumer = part
			return p, true
		case streamPending:
			p.id, ok = stream.IDOf(part)
			return p, ok
		}
	}
	return p, false
}

func appendEntryPart(b []byte, id stream.ID) []byte {
	return id.AppendBytes(append(b, streamEntryPart))
}

func appendGroupPart(b, group []byte, of byte) []byte {
	b = binary.AppendUvarint(append(b, streamGroupPart), uint64(len(group)))
	return append(append(b, group...), of)
}

func appendConsumerPart(b, group, consumer []byte) []byte {
	return append(appendGroupPart(b, group, streamConsumer), consumer...)
}

func appendPendingPart(b, group []byte, id stream.ID) []byte {
	return id.AppendBytes(appendGroupPart(b, group, streamPending))
}

func appendStreamState(b []byte, s stream.State) []byte {
	b = appendVarID(appendVarID(b, s.Last), s.MaxDeleted)
	return binary.AppendUvarint(b, s.Added)
}

// maxStreamState is the greatest length of a state.
const maxStreamState = 5 * binary.MaxVarintLen64

func appendVarID(b []byte, id stream.ID) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, id.Ms), id.Seq)
}

func appendGroupState(b []byte, s stream.GroupState) []byte {
	return binary.AppendVarint(appendVarID(b, s.Last), s.Read)
}

func appendSeen(b []byte, seen int64) []byte { return binary.AppendVarint(b, seen) }

func appendPending(b []byte, p stream.Pending) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.Consumer)))
	b = append(b, p.Consumer...)
	return binary.AppendUvarint(binary.AppendVarint(b, p.Delivered), p.Count)
}

// varReader reads the numbers of a part's value; bad is set if one is not there.
type varReader struct {
	b   []byte
	bad bool
}

func (r *varReader) uvarint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *varReader) varint() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *varReader) id() stream.ID { return stream.ID{Ms: r.uvarint(), Seq: r.uvarint()} }

func (r *varReader) bytes() []byte {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// ok reports whether all was there, and nothing else.
func (r *varReader) ok() bool { return !r.bad && len(r.b) == 0 }

func parseStreamState(value []byte) (s stream.State, ok bool) {
	r := varReader{b: value}
	s = stream.State{Last: r.id(), MaxDeleted: r.id(), Added: r.uvarint()}
	return s, r.ok()
}

func parseGroupState(value []byte) (s stream.GroupState, ok bool) {
	r := varReader{b: value}
	s = stream.GroupState{Last: r.id(), Read: r.varint()}
	return s, r.ok()
}

func parseSeen(value []byte) (seen int64, ok bool) {
	r := varReader{b: value}
	seen = r.varint()
	return seen, r.ok()
}

func parsePending(id stream.ID, value []byte) (p stream.Pending, ok bool) {
	r := varReader{b: value}
	p = stream.Pending{ID: id, Consumer: r.bytes(), Delivered: r.varint(), Count: r.uvarint()}
	return p, r.ok()
}

// checkStreamPart returns an error if a part or its value is not as described above.
func checkStreamPart(part, value []byte) error {
	p, ok := parseStreamPart(part)
	if !ok {
		return errStreamPart
	}
	switch {
	case p.kind == streamStatePart:
		_, ok = parseStreamState(value)
	case p.kind == streamEntryPart:
		return stream.CheckValue(value)
	case p.of == streamGroupState:
		_, ok = parseGroupState(value)
	case p.of == streamConsumer:
		_, ok = parseSeen(value)
	default:
		_, ok = parsePending(p.id, value)
	}
	if !ok {
		return fmt.Errorf("the value of a stream's part %x is damaged: %x", part, value[:min(len(value), 64)])
	}
	return nil
}

// streamForm only carries a stream's first parts to its object: a stream is never packed.
// The packed form is the parts one after the other, each name and value behind its length.
type streamForm struct{}

func init() { forms[Stream] = streamForm{} }

func (streamForm) checkPart(part, value []byte) error { return checkStreamPart(part, value) }

func (f streamForm) get(packed, part []byte) (value []byte, expireAt int64, ok bool) {
	f.each(packed, func(p, v []byte, _ int64) bool {
		if ok = bytes.Equal(p, part); ok {
			value = v
		}
		return !ok
	})
	return value, 0, ok
}

func (f streamForm) set(packed, part, value []byte, _ int64) []byte {
	packed, _ = f.cut(packed, part)
	return stream.AppendString(stream.AppendString(packed, part), value)
}

func (f streamForm) cut(packed, part []byte) ([]byte, bool) {
	for at := 0; at < len(packed); {
		r := varReader{b: packed[at:]}
		p := r.bytes()
		r.bytes()
		if bytes.Equal(p, part) {
			return append(packed[:at], r.b...), true
		}
		at = len(packed) - len(r.b)
	}
	return packed, false
}

func (f streamForm) cutRange(packed, first, last []byte) ([]byte, int) {
	var cut [][]byte
	f.each(packed, func(part, _ []byte, _ int64) bool {
		if bytes.Compare(part, first) >= 0 && bytes.Compare(part, last) <= 0 {
			cut = append(cut, bytes.Clone(part))
		}
		return true
	})
	for _, part := range cut {
		packed, _ = f.cut(packed, part)
	}
	return packed, len(cut)
}

func (f streamForm) size(packed []byte) (n int) {
	f.each(packed, func(_, _ []byte, _ int64) bool { n++; return true })
	return n
}

func (streamForm) due([]byte) int64 { return never }

func (streamForm) each(packed []byte, visit func(part, value []byte, expireAt int64) bool) {
	for r := (varReader{b: packed}); len(r.b) > 0 && !r.bad; {
		if part, value := r.bytes(), r.bytes(); !visit(part, value, 0) {
			return
		}
	}
}

func (streamForm) fits([]byte) bool { return false }

func (f streamForm) grow(packed []byte) object {
	o := &streamObject{stream: new(stream.Stream)}
	f.each(packed, func(part, value []byte, _ int64) bool {
		if err := o.set(part, value, 0); err != nil {
			panic(err) // cannot be: check has seen it
		}
		return true
	})
	return o
}

func (streamForm) check(packed []byte) error {
	for r := (varReader{b: packed}); len(r.b) > 0; {
		part, value := r.bytes(), r.bytes()
		if r.bad {
			return errStreamPart
		}
		if err := checkStreamPart(part, value); err != nil {
			return err
		}
	}
	return nil
}
