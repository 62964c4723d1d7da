package interest

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What one node tells another is a position and a byte of flags, then entries. An entry is
// a byte, kind and flags, and a digest or a pattern, unless it is about all of its kind.
const (
	flagWhole = 1 << iota // this begins the whole set, which replaces what was told before
	flagMore              // of the whole set, more follows before it takes effect
)

const (
	entryOn  = 0x80
	entryAll = 0x40
	kindMask = 0x3f
)

// ErrMalformed is matched by the errors of Apply about bytes that no Teller makes.
var ErrMalformed = errors.New("malformed interest")

func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// entry is one change of a set.
type entry struct {
	kind    Kind
	on      bool
	all     bool   // of everything of the kind
	digest  uint64 // or
	pattern string
}

func (e *entry) append(b []byte) []byte {
	head := byte(e.kind)
	if e.on {
		head |= entryOn
	}
	if e.all {
		return append(b, head|entryAll)
	}
	b = append(b, head)
	if e.kind != Pattern {
		return binary.LittleEndian.AppendUint64(b, e.digest)
	}
	b = binary.AppendUvarint(b, uint64(len(e.pattern)))
	return append(b, e.pattern...)
}

// cutEntry takes the first entry off b.
func cutEntry(b []byte) (e entry, rest []byte, err error) {
	head := b[0]
	e.kind, e.on, e.all = Kind(head&kindMask), head&entryOn != 0, head&entryAll != 0
	b = b[1:]
	switch {
	case e.kind >= kinds:
		return e, nil, malformed(fmt.Sprintf("kind %d", e.kind))
	case e.all:
		return e, b, nil
	case e.kind != Pattern:
		if len(b) < 8 {
			return e, nil, malformed("a digest is cut short")
		}
		e.digest = binary.LittleEndian.Uint64(b)
		return e, b[8:], nil
	}
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return e, nil, malformed("a pattern is cut short")
	}
	b = b[size:]
	e.pattern = string(b[:n])
	return e, b[n:], nil
}
