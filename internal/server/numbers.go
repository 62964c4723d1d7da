package server

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

var numberCommands = []command{
	{name: "incr", arity: 2, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string", since: "1.0.0",
		access:  "RW access update",
		summary: "Adds one to the number that a key holds.", tx: cmdIncr},
	{name: "decr", arity: 2, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string", since: "1.0.0",
		access:  "RW access update",
		summary: "Subtracts one from the number that a key holds.", tx: cmdDecr},
	{name: "incrby", arity: 3, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string", since: "1.0.0",
		access:  "RW access update",
		summary: "Adds to the number that a key holds.", tx: cmdIncrBy},
	{name: "decrby", arity: 3, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string", since: "1.0.0",
		access:  "RW access update",
		summary: "Subtracts from the number that a key holds.", tx: cmdDecrBy},
	{name: "incrbyfloat", arity: 3, flags: flagWrite | flagDenyOOM | flagFast, keys: oneKey, group: "string",
		since: "2.6.0", access: "RW access update",
		summary: "Adds a floating point number to the one that a key holds.", tx: cmdIncrByFloat},
}

func cmdIncr(s *session, tx *keyspace.Tx) error { return s.add(tx, 1) }
func cmdDecr(s *session, tx *keyspace.Tx) error { return s.add(tx, -1) }

func cmdIncrBy(s *session, tx *keyspace.Tx) error {
	n, err := s.number(2)
	if err != nil {
		return err
	}
	return s.add(tx, n)
}

func cmdDecrBy(s *session, tx *keyspace.Tx) error {
	n, err := s.number(2)
	if err != nil {
		return err
	}
	if n == math.MinInt64 {
		return errDecrOverflow
	}
	return s.add(tx, -n)
}

func (s *session) add(tx *keyspace.Tx, n int64) error {
	key := s.args[1]
	e, ok, err := str(tx, key)
	if err != nil {
		return err
	}
	var old int64
	if ok {
		if old, ok = resp.ParseInt(e.Value); !ok {
			return errNotInt
		}
	}
	if n < 0 && old < math.MinInt64-n || n > 0 && old > math.MaxInt64-n {
		return errOverflow
	}
	s.digits = strconv.AppendInt(s.digits[:0], old+n, 10)
	if err := tx.Put(key, keyspace.String, s.digits, e.ExpireAt); err != nil {
		return err
	}
	s.out.Int(old + n)
	return nil
}

func cmdIncrByFloat(s *session, tx *keyspace.Tx) error {
	key := s.args[1]
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
	n, ok := extendedFloat(s.args[2])
	if !ok {
		return errNotFloat
	}
	if old.IsInf() || n.IsInf() {
		return errNaN
	}
	text := humanFloat(old.Add(old, n))
	s.out.BulkString(text)
	return tx.Put(key, keyspace.String, []byte(text), e.ExpireAt)
}

// extended is the precision of the x87 long double that Redis computes with:
// 0.1 + 0.2 is 0.3 there.
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

// humanFloat prints with 17 digits after the point at most, no exponent, and
// no zeros at the end.
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
