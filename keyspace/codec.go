package keyspace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/slotmesh/slotmesh/slots"
)

// ErrBadOp is matched by every error of DecodeOp.
var ErrBadOp = errors.New("keyspace: not an op")

// An Op is a msgpack array: kind, slot, version, then, as far as its kind needs them,
// key, expiry, type, value. Later releases may append fields; a decoder skips
// those it doesn't know.
const (
	fieldsDrop   = 3
	fieldsDelete = 4
	fieldsExpire = 5
	fieldsPut    = 7
)

// AppendOp appends op in its wire form, a msgpack array, to dst. It is written by hand
// because every write of a node passes here: nothing is allocated but dst's growth.
func AppendOp(dst []byte, op *Op) []byte {
	fields := fieldsPut
	switch op.Kind {
	case OpDrop:
		fields = fieldsDrop
	case OpDelete:
		fields = fieldsDelete
	case OpExpire:
		fields = fieldsExpire
	}
	dst = append(dst, 0x90|byte(fields))
	dst = appendUint(dst, uint64(op.Kind))
	dst = appendUint(dst, uint64(op.Slot))
	dst = appendUint(dst, op.Version)
	if fields >= fieldsDelete {
		dst = appendBytes(dst, op.Key)
	}
	if fields >= fieldsExpire {
		dst = appendInt(dst, op.ExpireAt)
	}
	if fields >= fieldsPut {
		dst = appendUint(dst, uint64(op.Type))
		dst = appendBytes(dst, op.Value)
	}
	return dst
}

// maxVersion bounds the versions of Ops that others sent. A version counts the writes of
// a slot, so none gets there; at the greatest number the next write would start again at
// 0, and replicas would take it for an old one.
const maxVersion = 1 << 62

// DecodeOp reads the Op that b begins with and returns what follows it. Key and Value
// alias b. Errors match ErrBadOp and name the field and its offset; nothing is
// allocated for what a length merely claims.
func DecodeOp(b []byte) (op Op, rest []byte, err error) {
	d := decoder{b: b}
	n := d.array("op")
	op.Kind = OpKind(d.uint("kind", math.MaxUint8))
	op.Slot = slots.Slot(d.uint("slot", slots.Count-1))
	op.Version = d.uint("version", maxVersion)
	need := 0
	switch op.Kind {
	case OpDrop:
		need = fieldsDrop
	case OpDelete:
		need = fieldsDelete
	case OpExpire:
		need = fieldsExpire
	case OpPut:
		need = fieldsPut
	default:
		d.fail("kind", "is unknown; the sender may be a newer release")
	}
	if n < need {
		d.fail("op", "has too few fields")
	}
	if need >= fieldsDelete {
		op.Key = d.bytes("key")
	}
	if need >= fieldsExpire {
		op.ExpireAt = d.int("expiry")
	}
	if need >= fieldsPut {
		op.Type = Type(d.uint("type", math.MaxUint8))
		op.Value = d.bytes("value")
	}
	d.skip(n - need)
	if d.err != nil {
		return Op{}, b, d.err
	}
	return op, b[d.at:], nil
}

func appendUint(dst []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(dst, byte(v))
	case v <= math.MaxUint8:
		return append(dst, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

func appendInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return appendUint(dst, uint64(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xd3), uint64(v))
}

func appendBytes(dst, b []byte) []byte {
	switch n := len(b); {
	case n <= math.MaxUint8:
		dst = append(dst, 0xc4, byte(n))
	case n <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(n))
	}
	return append(dst, b...)
}

// decoder reads msgpack from b at at. After the first error all reads return zero.
type decoder struct {
	b   []byte
	at  int
	err error
}

func (d *decoder) fail(field, what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s at byte %d %s", ErrBadOp, field, d.at, what)
	}
}

// next returns the next n bytes.
func (d *decoder) next(field string, n uint64) []byte {
	if d.err != nil {
		return nil
	}
	if n > uint64(len(d.b)-d.at) {
		d.fail(field, "is cut short")
		return nil
	}
	part := d.b[d.at : d.at+int(n) : d.at+int(n)]
	d.at += int(n)
	return part
}

// bigEndian reads an unsigned number of size bytes.
func (d *decoder) bigEndian(field string, size uint64) (v uint64) {
	for _, c := range d.next(field, size) {
		v = v<<8 | uint64(c)
	}
	return v
}

func (d *decoder) code(field string) byte {
	if c := d.next(field, 1); c != nil {
		return c[0]
	}
	return 0
}

func (d *decoder) array(field string) int {
	switch c := d.code(field); {
	case d.err != nil:
	case c&0xf0 == 0x90:
		return int(c & 0x0f)
	case c == 0xdc:
		return int(d.bigEndian(field, 2))
	case c == 0xdd:
		return int(d.bigEndian(field, 4))
	default:
		d.fail(field, "is not an array")
	}
	return 0
}

// int reads an integer in any of msgpack's integer forms.
func (d *decoder) int(field string) int64 {
	c := d.code(field)
	switch {
	case d.err != nil:
		return 0
	case c < 0x80 || c >= 0xe0:
		return int64(int8(c))
	case c >= 0xd0 && c <= 0xd3:
		size := uint64(1) << (c - 0xd0)
		shift := 64 - 8*size
		return int64(d.bigEndian(field, size)<<shift) >> shift
	}
	d.at--
	v := d.uint(field, math.MaxInt64)
	return int64(v)
}

// uint reads an integer of 0 to limit.
func (d *decoder) uint(field string, limit uint64) (v uint64) {
	c := d.code(field)
	switch {
	case d.err != nil:
		return 0
	case c < 0x80:
		v = uint64(c)
	case c >= 0xcc && c <= 0xcf:
		v = d.bigEndian(field, 1<<(c-0xcc))
	case c >= 0xd0 && c <= 0xd3:
		d.at--
		i := d.int(field)
		if i < 0 {
			d.fail(field, "is negative")
			return 0
		}
		v = uint64(i)
	default:
		d.fail(field, "is not an integer")
		return 0
	}
	if v > limit {
		d.fail(field, "is out of range")
		return 0
	}
	return v
}

// bytes reads msgpack's bin or str.
func (d *decoder) bytes(field string) []byte {
	c := d.code(field)
	switch {
	case d.err != nil:
		return nil
	case c >= 0xc4 && c <= 0xc6:
		return d.next(field, d.bigEndian(field, 1<<(c-0xc4)))
	case c&0xe0 == 0xa0:
		return d.next(field, uint64(c&0x1f))
	case c >= 0xd9 && c <= 0xdb:
		return d.next(field, d.bigEndian(field, 1<<(c-0xd9)))
	}
	d.fail(field, "is not bytes")
	return nil
}

// skip passes over n values of any kind. It counts instead of recursing, so that
// deep nesting costs nothing; each value takes at least a byte, which bounds the loop.
func (d *decoder) skip(n int) {
	const field = "trailing field"
	for todo := uint64(max(n, 0)); todo > 0 && d.err == nil; todo-- {
		c := d.code(field)
		switch {
		case d.err != nil || c < 0x80 || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3:
		case c&0xf0 == 0x80:
			todo += 2 * uint64(c&0x0f)
		case c&0xf0 == 0x90:
			todo += uint64(c & 0x0f)
		case c&0xe0 == 0xa0:
			d.next(field, uint64(c&0x1f))
		case c >= 0xc4 && c <= 0xc6: // bin
			d.next(field, d.bigEndian(field, 1<<(c-0xc4)))
		case c >= 0xc7 && c <= 0xc9: // ext
			d.next(field, d.bigEndian(field, 1<<(c-0xc7))+1)
		case c == 0xca || c == 0xcb: // float
			d.next(field, 4<<(c-0xca))
		case c >= 0xcc && c <= 0xcf: // uint
			d.next(field, 1<<(c-0xcc))
		case c >= 0xd0 && c <= 0xd3: // int
			d.next(field, 1<<(c-0xd0))
		case c >= 0xd4 && c <= 0xd8: // fixext
			d.next(field, 1<<(c-0xd4)+1)
		case c >= 0xd9 && c <= 0xdb: // str
			d.next(field, d.bigEndian(field, 1<<(c-0xd9)))
		case c == 0xdc || c == 0xdd: // array
			todo += d.bigEndian(field, 2<<(c-0xdc))
		case c == 0xde || c == 0xdf: // map
			todo += 2 * d.bigEndian(field, 2<<(c-0xde))
		default:
			d.fail(field, "is not msgpack")
		}
	}
}
