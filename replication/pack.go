package replication

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
)

// Numbers and byte strings are written in one width each, so that headers have one size.
// The reader takes every width.

func packUint(dst []byte, v uint64) []byte {
	if v < 0x80 {
		return append(dst, byte(v))
	}
	return msgp.AppendUint64(dst, v)
}

func packBytes[T ~string | ~[]byte](dst []byte, b T) []byte {
	return append(msgp.AppendBytes32Header(dst, len(b)), b...)
}

// reader adds to msgp's what messages are made of.
type reader struct{ msgp.Reader }

// malformed is the class of all errors about messages.
var malformed = fmt.Errorf("replication: message: %w", frame.ErrCorrupt)

func newReader(b []byte) *reader {
	r := new(reader) // stays on the caller's stack
	r.Reset(b, malformed)
	return r
}

// maxOffset bounds offsets and terms in messages. No stream gets that far, and adding to
// one does not overflow.
const maxOffset = 1 << 62

// offset reads an offset or a term.
func (r *reader) offset(field string) int64 { return int64(r.UintMax(field, maxOffset)) }

func (r *reader) port(field string) uint16 { return uint16(r.UintMax(field, math.MaxUint16)) }

func (r *reader) id(field string) (id ID) {
	r.Fixed(field, id[:])
	return id
}

// maxText bounds a reason that another node gives, in bytes.
const maxText = 1 << 10

// text reads what is meant for logs: the first maxText bytes, on one line.
func (r *reader) text(field string) string {
	b := r.Bytes(field)
	b = b[:min(len(b), maxText)]
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, string(b))
}
