package server

import (
	"math"
	"strconv"
	"unsafe"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// number reads an argument that is a 64-bit integer.
func (s *session) number(i int) (int64, error) {
	n, ok := resp.ParseInt(s.args[i])
	if !ok {
		return 0, errNotInt
	}
	return n, nil
}

// numberIn reads an integer that must lie in a range; otherwise the error is
// Redis' for such arguments.
func (s *session) numberIn(i int, low, high int64, orElse error) (int64, error) {
	n, ok := resp.ParseInt(s.args[i])
	if !ok || n < low || n > high {
		return 0, orElse
	}
	return n, nil
}

// word reports whether an argument is a given word, in any mixture of cases.
func (s *session) word(i int, upper string) bool { return isWord(s.args[i], upper) }

func isWord(arg []byte, upper string) bool {
	if len(arg) != len(upper) {
		return false
	}
	for i, c := range arg {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}

// slotArg reads a slot number.
func (s *session) slotArg(i int) (slots.Slot, error) {
	n, err := s.numberIn(i, 0, slots.Count-1, errBadSlot)
	return slots.Slot(n), err
}

// bytesOf views a string as bytes for code that only reads them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// textOf views bytes as a string for the length of a call that does not keep it.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parseFloat reads a floating point number as Redis does: the whole argument,
// infinities by name, no NaN, no hexadecimal surprise left out.
func parseFloat(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > 5<<10 {
		return 0, false
	}
	for _, c := range b {
		if c == '_' || c == ' ' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(textOf(b), 64)
	if err != nil || math.IsNaN(f) {
		return 0, false
	}
	return f, true
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}
