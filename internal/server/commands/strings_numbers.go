package commands

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// NumberGroup is the commands on strings that are numbers.
var NumberGroup = []Command{
	{Name: "incr", Arity: 2, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "RW access update", Summary: "Adds one to the number that a key holds.", Tx: cmdIncr},
	{Name: "decr", Arity: 2, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "RW access update", Summary: "Subtracts one from the number that a key holds.", Tx: cmdDecr},
	{Name: "incrby", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "RW access update", Summary: "Adds to the number that a key holds.", Tx: cmdIncrBy},
	{Name: "decrby", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "RW access update", Summary: "Subtracts from the number that a key holds.", Tx: cmdDecrBy},
	{Name: "incrbyfloat", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string",
		Since: "2.6.0", KeyFlags: "RW access update",
		Summary: "Adds a floating point number to the one that a key holds.", Tx: cmdIncrByFloat},
}

func cmdIncr(c *Call, tx *keyspace.Tx) error { return c.add(tx, 1) }
func cmdDecr(c *Call, tx *keyspace.Tx) error { return c.add(tx, -1) }

func cmdIncrBy(c *Call, tx *keyspace.Tx) error {
	n, err := c.Number(2)
	if err != nil {
		return err
	}
	return c.add(tx, n)
}

func cmdDecrBy(c *Call, tx *keyspace.Tx) error {
	n, err := c.Number(2)
	if err != nil {
		return err
	}
	if n == math.MinInt64 {
		return errDecrOverflow
	}
	return c.add(tx, -n)
}

func (c *Call) add(tx *keyspace.Tx, n int64) error {
	key := c.Args[1]
	e, ok, err := str(tx, key)
	if err != nil {
		return err
	}
	var old int64
	if ok {
		if old, ok = resp.ParseInt(e.Value); !ok {
			return ErrNotInt
		}
	}
	if n < 0 && old < math.MinInt64-n || n > 0 && old > math.MaxInt64-n {
		return errOverflow
	}
	c.digits = strconv.AppendInt(c.digits[:0], old+n, 10)
	if err := putText(tx, key, c.digits, e.ExpireAt, "incrby"); err != nil {
		return err
	}
	c.Out.Int(old + n)
	return nil
}

func cmdIncrByFloat(c *Call, tx *keyspace.Tx) error {
	key := c.Args[1]
	e, ok, err := str(tx, key)
	if err != nil {
		return err
	}
	old := new(big.Float).SetPrec(extended)
	if ok {
		if old, ok = extendedFloat(e.Value); !ok {
			return errNotFloat
		}
	}
	n, ok := extendedFloat(c.Args[2])
	if !ok {
		return errNotFloat
	}
	sum, ok := addExtended(old, n)
	if !ok {
		return errNaN
	}
	text := humanFloat(sum)
	c.Out.BulkString(text)
	return putText(tx, key, []byte(text), e.ExpireAt, "incrbyfloat")
}

// extended is the precision of the x87 long double that Redis computes with: 0.1 + 0.2 is
// 0.3 there. Its range is greater than that of a float64.
const extended = 64

// The greatest long double, and the smallest above zero.
var (
	greatestExtended = scaledExtended(math.MaxUint64, 16384-extended)
	smallestExtended = scaledExtended(1, -16445)
)

func scaledExtended(n uint64, exponent int) *big.Float {
	f := new(big.Float).SetPrec(extended).SetUint64(n)
	return f.SetMantExp(f, exponent)
}

// extendedFloat reads a number; what overflows, or underflows to zero, is none.
func extendedFloat(b []byte) (f *big.Float, ok bool) {
	base := 0
	if !isHexFloat(b) {
		base = 10
		switch f, err := readFloat(b); {
		case err != nil && !errors.Is(err, strconv.ErrRange):
			return nil, false
		case err == nil && math.IsInf(f, 0):
			return new(big.Float).SetPrec(extended).SetInf(f < 0), true
		}
	}
	f, _, err := big.ParseFloat(string(b), base, extended, big.ToNearestEven)
	if err != nil || !fitsExtended(f) {
		return nil, false
	}
	return f, f.Sign() == 0 || new(big.Float).Abs(f).Cmp(smallestExtended) >= 0
}

func fitsExtended(f *big.Float) bool { return new(big.Float).Abs(f).Cmp(greatestExtended) <= 0 }

// addExtended returns the sum of two numbers unless it is infinite, or no number.
func addExtended(a, b *big.Float) (sum *big.Float, ok bool) {
	if a.IsInf() || b.IsInf() {
		return nil, false
	}
	sum = new(big.Float).SetPrec(extended).Add(a, b)
	return sum, fitsExtended(sum)
}

// isHexFloat finds what C reads as a hexadecimal number and Go only on request.
func isHexFloat(b []byte) bool {
	b = bytes.TrimLeft(b, "+-")
	return len(b) > 2 && b[0] == '0' && b[1]|0x20 == 'x' && bytes.IndexByte(b, '_') < 0
}

// humanFloat prints with 17 digits after the point at most, no exponent, and no zeros at
// the end.
func humanFloat(f *big.Float) string {
	text := f.Text('f', 17)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(text, "0")
		text = strings.TrimSuffix(text, ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}
