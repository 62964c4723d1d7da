package migrate

import (
	"errors"
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrMalformed is matched by every error about bytes that are no message or journal.
var ErrMalformed = errors.New("malformed migration data")

// A message is a msgpack array: the type, the number, then what the type needs. The codec
// is written by hand because a slot's content passes through it. Readers skip fields at
// the end that they do not know.

// AppendMessage appends m in its wire form to dst.
func AppendMessage(dst []byte, m *Message) []byte {
	switch m.typ {
	case msgHello:
		dst = head(dst, m, 6)
		dst = packBin(dst, m.job[:])
		dst = packUint(dst, uint64(m.kind))
		dst = packBin(dst, m.source[:])
		dst = packBin(dst, m.target[:])
		return packPromises(packSet(dst, m.slots), m.promises)
	case msgPrepare:
		return packPromises(packSet(head(dst, m, 2), m.slots), m.promises)
	case msgList, msgFinalise, msgAbandon, msgWelcome:
		return packSet(head(dst, m, 1), m.slots)
	case msgPart:
		dst = packUint(head(dst, m, 3), m.size)
		return packBin(packUint(dst, m.offset), m.data)
	case msgAck:
		return packUint(packUint(head(dst, m, 2), m.size), uint64(min(m.held, maxPromise)))
	case msgRefuse, msgDelay:
		return packBin(head(dst, m, 1), m.text)
	case msgKeys:
		dst = packUint(head(dst, m, 3), uint64(m.slot))
		dst = msgp.AppendBool(dst, m.more)
		dst = packArray(dst, len(m.keys))
		for _, key := range m.keys {
			dst = packBin(dst, key)
		}
		return dst
	}
	return head(dst, m, 0)
}

func head(dst []byte, m *Message, fields int) []byte {
	return packUint(packUint(packArray(dst, 2+fields), uint64(m.typ)), m.n)
}

// DecodeMessage reads what AppendMessage wrote; Data and Keys alias b. The error matches
// ErrMalformed and says where.
func DecodeMessage(b []byte) (Message, error) {
	r := newReader(b)
	n := r.Array("message", 1)
	var m Message
	m.typ, m.n = msgType(r.UintMax("type", math.MaxUint8)), r.Uint("number")
	switch m.typ {
	case msgHello:
		r.need(n, 7)
		r.Fixed("job", m.job[:])
		m.kind = Kind(r.UintMax("kind", math.MaxUint8))
		r.Fixed("source", m.source[:])
		r.Fixed("target", m.target[:])
		m.slots = r.set("slots")
		if n > 7 {
			m.promises = r.promises()
		}
	case msgPrepare:
		r.need(n, 3)
		m.slots = r.set("slots")
		if n > 3 {
			m.promises = r.promises()
		}
	case msgList, msgFinalise, msgAbandon, msgWelcome:
		r.need(n, 3)
		m.slots = r.set("slots")
	case msgPart:
		r.need(n, 5)
		m.size, m.offset, m.data = r.UintMax("size", 1<<40), r.UintMax("offset", 1<<40), r.Bytes("data")
	case msgAck:
		r.need(n, 4)
		m.size, m.held = r.UintMax("size", 1<<40), int(r.UintMax("replicas", maxPromise))
	case msgRefuse, msgDelay:
		r.need(n, 3)
		m.text = string(r.Bytes("text"))
	case msgKeys:
		r.need(n, 5)
		m.slot, m.more = slots.Slot(r.UintMax("slot", slots.Count-1)), r.Bool("more")
		for range r.Array("keys", 1) {
			if r.Err() != nil {
				break
			}
			m.keys = append(m.keys, r.Bytes("key"))
		}
	default:
		r.need(n, 2)
	}
	return m, r.Err()
}

// The widths below were settled by the first release. Nodes read every width, but what
// they send and store stays as it was.

func packArray(b []byte, n int) []byte {
	if n < 16 {
		return msgp.AppendArrayHeader(b, n)
	}
	return msgp.AppendArray32Header(b, n)
}

func packUint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<16:
		return msgp.AppendUint16(b, uint16(v))
	}
	return msgp.AppendUint64(b, v)
}

func packBin[T ~string | ~[]byte](b []byte, data T) []byte {
	if len(data) < 1<<8 {
		return msgp.AppendBytes(b, data)
	}
	return append(msgp.AppendBytes32Header(b, len(data)), data...)
}

// packSet writes an array of first, last, first, last …; nil is empty.
func packSet(b []byte, set *slots.Set) []byte {
	if set == nil {
		return packArray(b, 0)
	}
	n := 0
	for range set.Ranges() {
		n += 2
	}
	b = packArray(b, n)
	for r := range set.Ranges() {
		b = packUint(packUint(b, uint64(r.First)), uint64(r.Last))
	}
	return b
}

// maxPromise bounds the number of replicas in a message.
const maxPromise = 255

// packPromises writes an array of number, slots, number, slots …
func packPromises(b []byte, list []promise) []byte {
	b = packArray(b, 2*len(list))
	for i := range list {
		b = packSet(packUint(b, uint64(min(list[i].replicas, maxPromise))), &list[i].slots)
	}
	return b
}

// reader adds to msgp's what messages and journals are made of.
type reader struct{ msgp.Reader }

// malformed is the class of all errors about messages and journals.
var malformed = fmt.Errorf("migrate: %w", ErrMalformed)

func newReader(b []byte) *reader {
	r := new(reader) // stays on the caller's stack
	r.Reset(b, malformed)
	return r
}

func (r *reader) need(have, want int) {
	if have < want {
		r.Fail("the array", fmt.Sprintf("has %d fields, needs %d", have, want))
	}
}

// promises reads what packPromises wrote. There is one promise for a number at most.
func (r *reader) promises() (list []promise) {
	n := r.Array("promises", 1) / 2
	if n > maxPromise {
		r.Fail("promises", fmt.Sprintf("are %d, more than there are numbers", n))
	}
	for range n {
		if r.Err() != nil {
			return nil
		}
		if k, set := int(r.UintMax("replicas", maxPromise)), r.set("promised slots"); set != nil {
			list = append(list, promise{k, *set})
		}
	}
	return list
}

// set reads what packSet wrote; nil after an error.
func (r *reader) set(field string) *slots.Set {
	set := new(slots.Set)
	last := -1
	for range r.Array(field, 1) / 2 {
		first, end := r.UintMax(field, slots.Count-1), r.UintMax(field, slots.Count-1)
		if int(first) <= last || end < first {
			r.Fail(field, "are out of order")
		}
		if r.Err() != nil {
			return nil
		}
		set.AddRange(slots.Range{First: slots.Slot(first), Last: slots.Slot(end)})
		last = int(end)
	}
	return set
}
