package replication

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// The few forms of msgpack that messages are made of, written by hand: the stream's
// bytes are wrapped in them, and that path must not allocate.

func packArray(dst []byte, n int) []byte { return append(dst, 0x90|byte(n)) } // n < 16

func packUint(dst []byte, v uint64) []byte {
	if v < 0x80 {
		return append(dst, byte(v))
	}
	return binary.BigEndian.AppendUint64(append(dst, 0xcf), v)
}

// packBytes always uses bin 32, so that headers have one size.
func packBytes(dst, b []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(len(b)))
	return append(dst, b...)
}

// unpacker reads what the functions above wrote, and numbers and byte strings in whatever
// width another msgpack writer chooses. After the first error, all further results are
// zero.
type unpacker struct {
	b   []byte
	err error
}

func (u *unpacker) fail(what string) {
	if u.err == nil {
		u.err = fmt.Errorf("replication: %s expected in a message, %d bytes before its end: %w", what, len(u.b),
			frame.ErrCorrupt)
	}
	u.b = nil
}

func (u *unpacker) array() int {
	if len(u.b) == 0 || u.b[0]&0xf0 != 0x90 {
		u.fail("an array")
		return 0
	}
	n := int(u.b[0] & 0x0f)
	u.b = u.b[1:]
	return n
}

func (u *unpacker) uint() uint64 {
	switch {
	case len(u.b) > 0 && u.b[0] < 0x80:
		v := u.b[0]
		u.b = u.b[1:]
		return uint64(v)
	case len(u.b) >= 9 && u.b[0] == 0xcf:
		v := binary.BigEndian.Uint64(u.b[1:])
		u.b = u.b[9:]
		return v
	case len(u.b) > 0 && u.b[0] >= 0xcc && u.b[0] <= 0xce: // uint 8, 16, 32
		if v, ok := u.bigEndian(1 << (u.b[0] - 0xcc)); ok {
			return v
		}
	}
	u.fail("a number")
	return 0
}

// bigEndian takes a head byte and the number of width bytes behind it; false if they are
// not there.
func (u *unpacker) bigEndian(width int) (v uint64, ok bool) {
	if len(u.b) < 1+width {
		return 0, false
	}
	for _, c := range u.b[1 : 1+width] {
		v = v<<8 | uint64(c)
	}
	u.b = u.b[1+width:]
	return v, true
}

// maxOffset bounds offsets and terms that others name. No stream gets that far, and what
// is added to one does not overflow.
const maxOffset = 1 << 62

// offset reads an offset or a term.
func (u *unpacker) offset() int64 {
	v := u.uint()
	if v > maxOffset {
		u.fail("an offset")
		return 0
	}
	return int64(v)
}

func (u *unpacker) port() uint16 {
	v := u.uint()
	if v > math.MaxUint16 {
		u.fail("a port")
		return 0
	}
	return uint16(v)
}

// text reads what is meant for logs: the first maxText bytes, on one line.
func (u *unpacker) text() string {
	b := u.bytes()
	b = b[:min(len(b), maxText)]
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, string(b))
}

// maxText bounds a reason that another node gives, in bytes.
const maxText = 1 << 10

// bytes returns a slice of the message.
func (u *unpacker) bytes() []byte {
	if len(u.b) > 0 && u.b[0] >= 0xc4 && u.b[0] <= 0xc6 { // bin 8, 16, 32
		if n, ok := u.bigEndian(1 << (u.b[0] - 0xc4)); ok && n <= uint64(len(u.b)) {
			b := u.b[:n:n]
			u.b = u.b[n:]
			return b
		}
	}
	u.fail("a byte string")
	return nil
}

func (u *unpacker) id() (id ID) {
	if b := u.bytes(); len(b) == len(id) {
		copy(id[:], b)
	} else {
		u.fail("an id of 20 bytes")
	}
	return id
}
