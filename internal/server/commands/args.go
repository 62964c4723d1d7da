package commands

import (
	"math"
	"strconv"
	"unsafe"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Number reads an argument that is a 64-bit integer.
func (c *Call) Number(i int) (int64, error) {
	n, ok := resp.ParseInt(c.Args[i])
	if !ok {
		return 0, ErrNotInt
	}
	return n, nil
}

// positive reads how many elements are meant, which may be none.
func (c *Call) positive(i int) (int64, error) { return c.NumberIn(i, 0, math.MaxInt64, errNegative) }

// NumberIn reads an integer that must lie in a range; otherwise the error is Redis' for
// such arguments.
func (c *Call) NumberIn(i int, low, high int64, orElse error) (int64, error) {
	n, ok := resp.ParseInt(c.Args[i])
	if !ok || n < low || n > high {
		return 0, orElse
	}
	return n, nil
}

// Word reports whether an argument is a given word, in any mixture of cases.
func (c *Call) Word(i int, upper string) bool { return IsWord(c.Args[i], upper) }

// IsWord reports whether an argument is a given word, in any mixture of cases.
func IsWord(arg []byte, upper string) bool {
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
func (c *Call) slotArg(i int) (slots.Slot, error) {
	n, err := c.NumberIn(i, 0, slots.Count-1, errBadSlot)
	return slots.Slot(n), err
}

// textOf views bytes as a string for the length of a call that does not keep it.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// parseFloat reads a floating point number as Redis does: the whole argument, in decimal
// or hexadecimal, infinities by name, no NaN.
func parseFloat(b []byte) (float64, bool) {
	f, err := readFloat(b)
	return f, err == nil
}

// readFloat is parseFloat with the error of strconv, strconv.ErrRange too.
func readFloat(b []byte) (float64, error) {
	if len(b) == 0 || len(b) > 5<<10 {
		return 0, strconv.ErrSyntax
	}
	for _, c := range b {
		if c == '_' || c == ' ' {
			return 0, strconv.ErrSyntax
		}
	}
	f, err := strconv.ParseFloat(textOf(b), 64)
	if math.IsNaN(f) {
		err = strconv.ErrSyntax
	}
	return f, err
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

// Clip cuts a text that came from the client to n bytes, and at a zero byte.
func Clip(b []byte, n int) []byte {
	if len(b) > n {
		b = b[:n]
	}
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}

// btoi returns 1 for true.
func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
