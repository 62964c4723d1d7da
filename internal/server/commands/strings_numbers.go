package commands

import (
	"bytes"
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
	if err := tx.Put(key, keyspace.String, c.digits, e.ExpireAt); err != nil {
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
	if old.IsInf() || n.IsInf() {
		return errNaN
	}
	text := humanFloat(old.Add(old, n))
	c.Out.BulkString(text)
	return tx.Put(key, keyspace.String, []byte(text), e.ExpireAt)
}

// extended is the precision of the x87 long double that Redis computes with: 0.1 + 0.2 is
// 0.3 there.
const extended = 64

func extendedFloat(b []byte) (*big.Float, bool) {
	if isHexFloat(b) {
		f, _, err := big.ParseFloat(string(b), 0, extended, big.ToNearestEven)
		return f, err == nil
	}
	if f, ok := parseFloat(b); !ok || math.IsInf(f, 0) {
		return new(big.Float).SetPrec(extended).SetInf(f < 0), ok
	}
	f, _, err := big.ParseFloat(string(b), 10, extended, big.ToNearestEven)
	return f, err == nil
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
