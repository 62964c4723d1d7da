package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// The encoding is msgpack, written by hand, because a heartbeat is the most frequent
// thing a node says: it must cost no reflection and no allocation. Structs are maps with
// small integers as keys: zero fields are left out, and a reader skips keys that it does
// not know.

// ErrMalformed is matched by every error of DecodeMessage and DecodeState.
var ErrMalformed = errors.New("malformed message")

// malformed is the class of all errors about messages and states.
var malformed = fmt.Errorf("gossip: %w", ErrMalformed)

// packSet writes a slot set as its ranges, or as the bitmap where that is shorter.
func packSet(b []byte, s *slots.Set) []byte {
	n := 0
	for range s.Ranges() {
		if n++; 4*n >= slots.SetSize {
			return s.AppendBinaryTo(msgp.AppendBytesHeader(b, slots.SetSize))
		}
	}
	b = msgp.AppendBytesHeader(b, 4*n)
	for r := range s.Ranges() {
		b = binary.BigEndian.AppendUint16(b, uint16(r.First))
		b = binary.BigEndian.AppendUint16(b, uint16(r.Last))
	}
	return b
}

// reader is msgp's with the parts of messages and states added.
type reader struct{ msgp.Reader }

func newReader(b []byte) *reader {
	r := new(reader) // stays on the caller's stack
	r.Reset(b, malformed)
	return r
}

func (r *reader) id(field string) (id slots.NodeID) {
	r.Fixed(field, id[:])
	return id
}

// ids reads a list of node ids, of which it keeps the first limit.
func (r *reader) ids(field string, limit int) []slots.NodeID {
	n := r.Array(field, 2+len(slots.NodeID{}))
	list := make([]slots.NodeID, 0, min(n, limit))
	for range n {
		if id := r.id(field); len(list) < limit {
			list = append(list, id)
		}
	}
	return list
}

// set reads what packSet wrote. It never returns nil.
func (r *reader) set(field string) *slots.Set {
	p := r.Bytes(field)
	s := new(slots.Set)
	if len(p) == slots.SetSize {
		*s, _ = slots.SetFromBinary(p)
		return s
	}
	if len(p) > slots.SetSize || len(p)%4 != 0 {
		r.Fail(field, fmt.Sprintf("has %d bytes, neither ranges nor a bitmap of slots", len(p)))
		return s
	}
	for next := slots.Slot(0); len(p) > 0; p = p[4:] {
		span := slots.Range{First: slots.Slot(binary.BigEndian.Uint16(p)), Last: slots.Slot(binary.BigEndian.Uint16(p[2:]))}
		// In ascending order: ranges that overlap could keep a reader busy.
		if span.Last >= slots.Count || span.First > span.Last || span.First < next {
			r.Fail(field, fmt.Sprintf("has the range %d-%d: out of order, or no slots", span.First, span.Last))
			return s
		}
		next = span.Last + 1
		s.AddRange(span)
	}
	return s
}

// offset reads a place in a stream: a number that fits an int64.
func (r *reader) offset(field string) uint64 { return r.UintMax(field, math.MaxInt64) }

// host reads the host of an address. What cannot be one counts as unknown.
func (r *reader) host(field string) string {
	if s := r.String(field, maxHost); slots.ValidHost(s) {
		return s
	}
	return ""
}

func (r *reader) port(field string) uint16 { return uint16(r.UintMax(field, math.MaxUint16)) }
