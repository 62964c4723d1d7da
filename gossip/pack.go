package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// The encoding is msgpack, written by hand for the few forms we use, because a
// heartbeat is the most frequent thing a node says: it must cost no reflection and
// no allocation. Structs are maps with small integers as keys: zero fields are
// left out, and a reader skips keys that it does not know.

// ErrMalformed is matched by every error about bytes that no encoder of ours wrote.
var ErrMalformed = errors.New("malformed message")

func packUint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<8:
		return append(b, 0xcc, byte(v))
	case v < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), v)
}

func packBin(b, data []byte) []byte {
	b = packBinHeader(b, len(data))
	return append(b, data...)
}

func packBinHeader(b []byte, n int) []byte {
	switch {
	case n < 1<<8:
		return append(b, 0xc4, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(n))
}

func packString(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n < 1<<8:
		b = append(b, 0xd9, byte(n))
	default:
		s = s[:min(n, 1<<16-1)]
		b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(len(s)))
	}
	return append(b, s...)
}

func packTrue(b []byte) []byte { return append(b, 0xc3) }

func packArray(b []byte, n int) []byte {
	switch {
	case n < 16:
		return append(b, 0x90|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, 0xdc), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(n))
}

// beginMap leaves room for the header of a map whose length is not known yet.
func beginMap(b []byte) (_ []byte, at int) { return append(b, 0xde, 0, 0), len(b) }

// endMap fills that room in.
func endMap(b []byte, at, n int) []byte {
	if n < 16 { // the short form; move the body two bytes down
		b[at] = 0x80 | byte(n)
		return append(b[:at+1], b[at+3:]...)
	}
	binary.BigEndian.PutUint16(b[at+1:], uint16(n))
	return b
}

// packSet writes a slot set as its ranges, or as the bitmap where that is shorter.
func packSet(b []byte, s *slots.Set) []byte {
	n := 0
	for range s.Ranges() {
		if n++; 4*n >= slots.SetSize {
			return s.AppendBinaryTo(packBinHeader(b, slots.SetSize))
		}
	}
	b = packBinHeader(b, 4*n)
	for r := range s.Ranges() {
		b = binary.BigEndian.AppendUint16(b, uint16(r.First))
		b = binary.BigEndian.AppendUint16(b, uint16(r.Last))
	}
	return b
}

// unpacker reads msgpack. The first error sticks, and everything read after it is
// zero. It allocates only in proportion to bytes that are there.
type unpacker struct {
	b   []byte
	off int
	err error
}

func (u *unpacker) fail(what string) {
	if u.err == nil {
		u.err = fmt.Errorf("gossip: %s at byte %d of %d: %w", what, u.off, len(u.b), ErrMalformed)
	}
}

func (u *unpacker) next(n int) []byte {
	if u.err != nil || n < 0 || n > len(u.b)-u.off {
		u.fail("cut short")
		return nil
	}
	u.off += n
	return u.b[u.off-n : u.off]
}

func (u *unpacker) byte() byte {
	if p := u.next(1); p != nil {
		return p[0]
	}
	return 0
}

// bigEndian reads an unsigned number of n bytes.
func (u *unpacker) bigEndian(n int) uint64 {
	var v uint64
	for _, c := range u.next(n) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (u *unpacker) uint() uint64 {
	switch t := u.byte(); {
	case t < 0x80:
		return uint64(t)
	case t >= 0xcc && t <= 0xcf:
		return u.bigEndian(1 << (t - 0xcc))
	case t >= 0xd0 && t <= 0xd3: // signed, as other writers may put it
		size := 1 << (t - 0xd0)
		if v := u.bigEndian(size); v>>(8*size-1) == 0 {
			return v
		}
	}
	u.fail("not an unsigned number")
	return 0
}

func (u *unpacker) bool() bool {
	switch u.byte() {
	case 0xc2:
		return false
	case 0xc3:
		return true
	}
	u.fail("not a boolean")
	return false
}

// bin returns a byte string of at most limit bytes; it aliases the input.
func (u *unpacker) bin(limit int) []byte {
	t := u.byte()
	if t < 0xc4 || t > 0xc6 {
		u.fail("not a byte string")
		return nil
	}
	n := u.bigEndian(1 << (t - 0xc4))
	if n > uint64(limit) {
		u.fail("byte string too long")
		return nil
	}
	return u.next(int(n))
}

func (u *unpacker) string(limit int) string {
	var n uint64
	switch t := u.byte(); {
	case t&0xe0 == 0xa0:
		n = uint64(t & 0x1f)
	case t == 0xd9:
		n = u.bigEndian(1)
	case t == 0xda:
		n = u.bigEndian(2)
	default:
		u.fail("not a string")
		return ""
	}
	if n > uint64(limit) {
		u.fail("string too long")
		return ""
	}
	return string(u.next(int(n)))
}

// array returns the number of elements, checked against the bytes that are left,
// of which each element needs at least size.
func (u *unpacker) array(size int) int {
	var n uint64
	switch t := u.byte(); {
	case t&0xf0 == 0x90:
		n = uint64(t & 0x0f)
	case t == 0xdc:
		n = u.bigEndian(2)
	case t == 0xdd:
		n = u.bigEndian(4)
	default:
		u.fail("not an array")
		return 0
	}
	if n > uint64(len(u.b)-u.off)/uint64(size) {
		u.fail("array longer than the message")
		return 0
	}
	return int(n)
}

func (u *unpacker) mapLen() int {
	switch t := u.byte(); {
	case t&0xf0 == 0x80:
		return int(t & 0x0f)
	case t == 0xde:
		return int(u.bigEndian(2))
	}
	u.fail("not a map")
	return 0
}

func (u *unpacker) id() (id slots.NodeID) {
	if p := u.bin(len(id)); len(p) == len(id) {
		copy(id[:], p)
	} else {
		u.fail("not a node id")
	}
	return id
}

// ids reads a list of node ids, of which it keeps the first limit.
func (u *unpacker) ids(limit int) []slots.NodeID {
	n := u.array(2 + len(slots.NodeID{}))
	list := make([]slots.NodeID, 0, min(n, limit))
	for range n {
		if id := u.id(); len(list) < limit {
			list = append(list, id)
		}
	}
	return list
}

func (u *unpacker) set() *slots.Set {
	p := u.bin(slots.SetSize)
	s := new(slots.Set)
	if len(p) == slots.SetSize {
		*s, _ = slots.SetFromBinary(p)
		return s
	}
	if len(p)%4 != 0 {
		u.fail("not a slot set")
		return s
	}
	for next := slots.Slot(0); len(p) > 0; p = p[4:] {
		r := slots.Range{First: slots.Slot(binary.BigEndian.Uint16(p)), Last: slots.Slot(binary.BigEndian.Uint16(p[2:]))}
		// In ascending order: ranges that overlap could keep a reader busy.
		if r.Last >= slots.Count || r.First > r.Last || r.First < next {
			u.fail("not a slot range")
			return s
		}
		next = r.Last + 1
		s.AddRange(r)
	}
	return s
}

// skip passes over one value of any kind. depth bounds the nesting.
func (u *unpacker) skip(depth int) {
	if depth == 0 {
		u.fail("nested too deeply")
		return
	}
	t := u.byte()
	switch {
	case t < 0x80 || t >= 0xe0 || t == 0xc0 || t == 0xc2 || t == 0xc3: // small numbers, nil, booleans
	case t&0xf0 == 0x80:
		u.skipMany(2*uint64(t&0x0f), depth)
	case t&0xf0 == 0x90:
		u.skipMany(uint64(t&0x0f), depth)
	case t&0xe0 == 0xa0:
		u.next(int(t & 0x1f))
	case t >= 0xc4 && t <= 0xc6:
		u.next(int(u.bigEndian(1 << (t - 0xc4))))
	case t >= 0xc7 && t <= 0xc9: // extensions carry a type byte
		u.next(int(u.bigEndian(1<<(t-0xc7))) + 1)
	case t == 0xca:
		u.next(4)
	case t == 0xcb:
		u.next(8)
	case t >= 0xcc && t <= 0xcf:
		u.next(1 << (t - 0xcc))
	case t >= 0xd0 && t <= 0xd3:
		u.next(1 << (t - 0xd0))
	case t >= 0xd4 && t <= 0xd8:
		u.next(1 + 1<<(t-0xd4))
	case t >= 0xd9 && t <= 0xdb:
		u.next(int(u.bigEndian(1 << (t - 0xd9))))
	case t == 0xdc || t == 0xdd:
		u.skipMany(u.bigEndian(2<<(t-0xdc)), depth)
	case t == 0xde || t == 0xdf:
		u.skipMany(2*u.bigEndian(2<<(t-0xde)), depth)
	default:
		u.fail("unknown kind of value")
	}
}

func (u *unpacker) skipMany(n uint64, depth int) {
	for ; n > 0 && u.err == nil; n-- {
		u.skip(depth - 1)
	}
}
