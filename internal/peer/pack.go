package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The few forms of msgpack that are used, by hand: a call must cost no reflection.

// ErrMalformed is matched by every error about bytes that no node of ours wrote.
var ErrMalformed = errors.New("malformed call")

func packUint(b []byte, v uint64) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), v)
}

func packBytes[T ~string | ~[]byte](b []byte, data T) []byte {
	switch n := len(data); {
	case n < 1<<8:
		b = append(b, 0xc4, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(n))
	}
	return append(b, data...)
}

func packArray(b []byte, n int) []byte {
	if n < 16 {
		return append(b, 0x90|byte(n))
	}
	return binary.BigEndian.AppendUint32(append(b, 0xdd), uint32(n))
}

// unpacker reads msgpack. The first error sticks, and everything read after it is zero.
// What it returns aliases b.
type unpacker struct {
	b   []byte
	off int
	err error
}

func (u *unpacker) fail(what string) {
	if u.err == nil {
		u.err = fmt.Errorf("peer: %s at byte %d of %d: %w", what, u.off, len(u.b), ErrMalformed)
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

func (u *unpacker) number(size int) uint64 {
	p := u.next(size)
	switch len(p) {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(p))
	case 4:
		return uint64(binary.BigEndian.Uint32(p))
	case 8:
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (u *unpacker) uint() uint64 {
	switch head := byte(u.number(1)); {
	case head < 0x80:
		return uint64(head)
	case head >= 0xcc && head <= 0xcf:
		return u.number(1 << (head - 0xcc))
	}
	u.fail("no number")
	return 0
}

func (u *unpacker) port() uint16 {
	v := u.uint()
	if v > 1<<16-1 {
		u.fail("port out of range")
	}
	return uint16(v)
}

func (u *unpacker) bytes() []byte {
	switch head := byte(u.number(1)); {
	case head >= 0xc4 && head <= 0xc6:
		return u.next(int(u.number(1 << (head - 0xc4))))
	}
	u.fail("no bytes")
	return nil
}

// array returns the number of elements; each takes at least a byte.
func (u *unpacker) array() int {
	n := 0
	switch head := byte(u.number(1)); {
	case head&0xf0 == 0x90:
		n = int(head & 0x0f)
	case head == 0xdc:
		n = int(u.number(2))
	case head == 0xdd:
		n = int(u.number(4))
	default:
		u.fail("no array")
	}
	if n > len(u.b)-u.off {
		u.fail("array longer than the message")
		return 0
	}
	return n
}
