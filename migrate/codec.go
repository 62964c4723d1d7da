package migrate

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// ErrMalformed is matched by every error about bytes that are no message or journal.
var ErrMalformed = errors.New("malformed migration data")

// A message is a msgpack array: the type, N, then what the type needs. It is written by
// hand because a slot's content passes here. Readers skip fields at the end that they
// do not know.

// appendMessage appends m in its wire form to dst.
func appendMessage(dst []byte, m *message) []byte {
	switch m.Type {
	case msgHello:
		dst = head(dst, m, 6)
		dst = packBin(dst, m.Job[:])
		dst = packUint(dst, uint64(m.Kind))
		dst = packBin(dst, m.Source[:])
		dst = packBin(dst, m.Target[:])
		return packPromises(packSet(dst, m.Slots), m.Promises)
	case msgPrepare:
		return packPromises(packSet(head(dst, m, 2), m.Slots), m.Promises)
	case msgList, msgFinalise, msgAbandon, msgWelcome:
		return packSet(head(dst, m, 1), m.Slots)
	case msgPart:
		dst = packUint(head(dst, m, 3), m.Size)
		return packBin(packUint(dst, m.Offset), m.Data)
	case msgAck:
		return packUint(packUint(head(dst, m, 2), m.Size), uint64(min(m.Held, maxPromise)))
	case msgRefuse, msgDelay:
		return packBin(head(dst, m, 1), []byte(m.Text))
	case msgKeys:
		dst = packUint(head(dst, m, 3), uint64(m.Slot))
		dst = packBool(dst, m.More)
		dst = packArray(dst, len(m.Keys))
		for _, key := range m.Keys {
			dst = packBin(dst, key)
		}
		return dst
	}
	return head(dst, m, 0)
}

func head(dst []byte, m *message, fields int) []byte {
	return packUint(packUint(packArray(dst, 2+fields), uint64(m.Type)), m.N)
}

// decodeMessage reads what appendMessage wrote; Data and Keys alias b. The error matches
// ErrMalformed and says where.
func decodeMessage(b []byte) (message, error) {
	u := &unpacker{b: b}
	n := u.array()
	var m message
	m.Type, m.N = msgType(u.uint(255)), u.uint(1<<64-1)
	switch m.Type {
	case msgHello:
		u.need(n, 7)
		copy(m.Job[:], u.bytes(len(m.Job)))
		m.Kind = Kind(u.uint(255))
		copy(m.Source[:], u.bytes(len(m.Source)))
		copy(m.Target[:], u.bytes(len(m.Target)))
		m.Slots = u.set()
		if n > 7 {
			m.Promises = u.promises()
		}
	case msgPrepare:
		u.need(n, 3)
		m.Slots = u.set()
		if n > 3 {
			m.Promises = u.promises()
		}
	case msgList, msgFinalise, msgAbandon, msgWelcome:
		u.need(n, 3)
		m.Slots = u.set()
	case msgPart:
		u.need(n, 5)
		m.Size, m.Offset, m.Data = u.uint(1<<40), u.uint(1<<40), u.bin()
	case msgAck:
		u.need(n, 4)
		m.Size, m.Held = u.uint(1<<40), int(u.uint(maxPromise))
	case msgRefuse, msgDelay:
		u.need(n, 3)
		m.Text = string(u.bin())
	case msgKeys:
		u.need(n, 5)
		m.Slot, m.More = slots.Slot(u.uint(slots.Count-1)), u.bool()
		for range u.array() {
			if u.err != nil {
				break
			}
			m.Keys = append(m.Keys, u.bin())
		}
	default:
		u.need(n, 2)
	}
	return m, u.err
}

func packArray(b []byte, n int) []byte {
	if n < 16 {
		return append(b, 0x90|byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(n))
}

func packUint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), v)
}

func packBool(b []byte, v bool) []byte {
	if v {
		return append(b, 0xc3)
	}
	return append(b, 0xc2)
}

func packBin(b, data []byte) []byte {
	if n := len(data); n < 1<<8 {
		b = append(b, 0xc4, byte(n))
	} else {
		b = binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(n))
	}
	return append(b, data...)
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

// promises reads what packPromises wrote. There is one promise for a number at most.
func (u *unpacker) promises() (list []promise) {
	n := u.array() / 2
	if n > maxPromise {
		u.fail("more promises than there are numbers")
	}
	for range n {
		if u.err != nil {
			return nil
		}
		if k, set := int(u.uint(maxPromise)), u.set(); set != nil {
			list = append(list, promise{k, *set})
		}
	}
	return list
}

// unpacker reads msgpack. After the first error all reads return zero.
type unpacker struct {
	b   []byte
	at  int
	err error
}

func (u *unpacker) fail(what string) {
	if u.err == nil {
		u.err = fmt.Errorf("migrate: byte %d: %s: %w", u.at, what, ErrMalformed)
	}
}

func (u *unpacker) need(have, want int) {
	if have < want {
		u.fail(fmt.Sprintf("%d fields, the type needs %d", have, want))
	}
}

func (u *unpacker) next(n uint64) []byte {
	if u.err == nil && n > uint64(len(u.b)-u.at) {
		u.fail("cut short")
	}
	if u.err != nil {
		return nil
	}
	part := u.b[u.at : u.at+int(n) : u.at+int(n)]
	u.at += int(n)
	return part
}

func (u *unpacker) number(size uint64) (v uint64) {
	for _, c := range u.next(size) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (u *unpacker) code() byte {
	if b := u.next(1); b != nil {
		return b[0]
	}
	return 0
}

func (u *unpacker) uint(limit uint64) (v uint64) {
	switch c := u.code(); {
	case c < 0x80:
		v = uint64(c)
	case c >= 0xcc && c <= 0xcf:
		v = u.number(1 << (c - 0xcc))
	default:
		u.fail("not a number")
	}
	if v > limit {
		u.fail("number out of range")
		return 0
	}
	return v
}

// array returns the number of elements, each of which takes at least a byte.
func (u *unpacker) array() int {
	var n uint64
	switch c := u.code(); {
	case u.err != nil:
	case c&0xf0 == 0x90:
		n = uint64(c & 0x0f)
	case c == 0xdc || c == 0xdd:
		n = u.number(2 << (c - 0xdc))
	default:
		u.fail("not an array")
	}
	if n > uint64(len(u.b)-u.at) {
		u.fail("array cut short")
	}
	if u.err != nil {
		return 0
	}
	return int(n)
}

func (u *unpacker) bool() bool {
	switch u.code() {
	case 0xc3:
		return true
	case 0xc2:
	default:
		u.fail("not true or false")
	}
	return false
}

func (u *unpacker) bin() []byte {
	if c := u.code(); c >= 0xc4 && c <= 0xc6 {
		return u.next(u.number(1 << (c - 0xc4)))
	}
	u.fail("not bytes")
	return nil
}

// bytes reads exactly n bytes.
func (u *unpacker) bytes(n int) []byte {
	b := u.bin()
	if len(b) != n {
		u.fail(fmt.Sprintf("%d bytes, not %d", len(b), n))
		return nil
	}
	return b
}

func (u *unpacker) set() *slots.Set {
	set := new(slots.Set)
	last := -1
	for range u.array() / 2 {
		r := slots.Range{First: slots.Slot(u.uint(slots.Count - 1)), Last: slots.Slot(u.uint(slots.Count - 1))}
		if int(r.First) <= last || r.Last < r.First {
			u.fail("slot ranges out of order")
		}
		if u.err != nil {
			return nil
		}
		set.AddRange(r)
		last = int(r.Last)
	}
	return set
}
