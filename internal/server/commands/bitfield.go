package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
)

// bitFieldOp is an operation of BITFIELD on an integer in a string.
type bitFieldOp struct {
	kind     bitFieldKind
	overflow overflowMode
	at       int64 // first bit
	width    int
	signed   bool
	value    int64
}

type bitFieldKind uint8

const (
	bitFieldGet bitFieldKind = iota
	bitFieldSet
	bitFieldIncrBy
)

// overflowMode says what becomes of a number that does not fit.
type overflowMode uint8

const (
	overflowWrap overflowMode = iota
	overflowSat
	overflowFail
)

const (
	errOverflowMode = ReplyError("ERR Invalid OVERFLOW type specified")
	errOnlyGet      = ReplyError("ERR BITFIELD_RO only supports the GET subcommand")
)

// bitFieldOps reads the operations of BITFIELD. end is behind the last bit that one of
// them writes, 0 if none does.
func (c *Call) bitFieldOps() (ops []bitFieldOp, end int64, err error) {
	overflow := overflowWrap
	for i := 2; i < len(c.Args); {
		op, more := bitFieldOp{overflow: overflow}, len(c.Args)-1-i
		switch {
		case c.Word(i, "GET") && more >= 2:
		case c.Word(i, "SET") && more >= 3:
			op.kind = bitFieldSet
		case c.Word(i, "INCRBY") && more >= 3:
			op.kind = bitFieldIncrBy
		case c.Word(i, "OVERFLOW") && more >= 1:
			if overflow, err = c.overflowMode(i + 1); err != nil {
				return nil, 0, err
			}
			i += 2
			continue
		default:
			return nil, 0, ErrSyntax
		}
		if op.width, op.signed, err = bitWidth(c.Args[i+1]); err != nil {
			return nil, 0, err
		}
		if op.at, err = c.bitOffset(i+2, op.width); err != nil {
			return nil, 0, err
		}
		i += 3
		if op.kind != bitFieldGet {
			if op.value, err = c.Number(i); err != nil {
				return nil, 0, err
			}
			end = max(end, op.at+int64(op.width))
			i++
		}
		ops = append(ops, op)
	}
	return ops, end, nil
}

func (c *Call) overflowMode(i int) (overflowMode, error) {
	switch {
	case c.Word(i, "WRAP"):
		return overflowWrap, nil
	case c.Word(i, "SAT"):
		return overflowSat, nil
	case c.Word(i, "FAIL"):
		return overflowFail, nil
	}
	return 0, errOverflowMode
}

func cmdBitField(c *Call, tx *keyspace.Tx) error {
	ops, end, err := c.bitFieldOps()
	if err != nil {
		return err
	}
	return c.runBitField(tx, ops, end)
}

func cmdBitFieldRO(c *Call, tx *keyspace.Tx) error {
	ops, end, err := c.bitFieldOps()
	if err == nil && end > 0 {
		err = errOnlyGet
	}
	if err != nil {
		return err
	}
	return c.runBitField(tx, ops, 0)
}

// runBitField carries out operations that write up to the bit before end.
func (c *Call) runBitField(tx *keyspace.Tx, ops []bitFieldOp, end int64) error {
	s, err := tx.String(c.Args[1])
	if err != nil {
		return err
	}
	if end == 0 && !s.Exists() {
		missed(tx, c.Args[1])
	}
	n := int((end + 7) / 8)
	grown, changed := n > s.Len(), false
	if grown { // also if the operation then fails
		if err := tx.SetRange(c.Args[1], n-1, []byte{0}); err != nil {
			return err
		}
		if s, err = tx.String(c.Args[1]); err != nil {
			return err
		}
	}
	c.Out.Array(len(ops))
	for i := range ops {
		op := &ops[i]
		old := op.read(s)
		reply, ok := old, true
		if op.kind != bitFieldGet {
			var now int64
			if now, ok = op.result(old); op.kind == bitFieldIncrBy {
				reply = now
			}
			changed = changed || ok && (grown || now != old)
			if ok && now != old {
				if err := op.write(tx, c.Args[1], s, now); err != nil {
					return err
				}
				if s, err = tx.String(c.Args[1]); err != nil {
					return err
				}
			}
		}
		if ok {
			c.Out.Int(reply)
		} else {
			c.Out.Null()
		}
	}
	if changed {
		tx.Notify(keyspace.StringEvents, "setbit", c.Args[1])
	}
	return nil
}

// bytes returns the bytes of a string in which the integer lies, zeros behind its end, in
// an array, and how many.
func (op *bitFieldOp) bytes(s keyspace.StringRef) (b [9]byte, n int) {
	from := int(op.at / 8)
	n = int((op.at+int64(op.width)+7)/8) - from
	if from < s.Len() {
		s.AppendTo(b[:0], from, min(from+n, s.Len()))
	}
	return b, n
}

// read returns the integer.
func (op *bitFieldOp) read(s keyspace.StringRef) int64 {
	b, _ := op.bytes(s)
	v := uint64(0)
	for i := range op.width {
		at := int(op.at%8) + i
		v = v<<1 | uint64(b[at/8]>>(7-at%8)&1)
	}
	if op.signed {
		return int64(v<<(64-op.width)) >> (64 - op.width)
	}
	return int64(v)
}

// write makes the integer v.
func (op *bitFieldOp) write(tx *keyspace.Tx, key []byte, s keyspace.StringRef, v int64) error {
	b, n := op.bytes(s)
	for i := range op.width {
		at := int(op.at%8) + i
		mask := byte(0x80) >> (at % 8)
		b[at/8] &^= mask
		if uint64(v)>>(op.width-1-i)&1 == 1 {
			b[at/8] |= mask
		}
	}
	return tx.SetRange(key, int(op.at/8), b[:n])
}

// result returns what becomes of the integer; ok is false if it stays, because the result
// does not fit.
func (op *bitFieldOp) result(old int64) (now int64, ok bool) {
	base, add := old, op.value
	if op.kind == bitFieldSet {
		base, add = op.value, 0
	}
	way := op.overflows(base, add)
	switch {
	case way == 0:
		return base + add, true
	case op.overflow == overflowFail:
		return 0, false
	case op.overflow == overflowWrap:
		return op.wrap(base + add), true
	}
	low, high := op.limits()
	if way < 0 {
		return low, true
	}
	return high, true
}

// limits returns the smallest and the greatest integer of the width.
func (op *bitFieldOp) limits() (low, high int64) {
	if op.signed {
		high = math.MaxInt64 >> (64 - op.width)
		return -high - 1, high
	}
	return 0, math.MaxInt64 >> (63 - op.width)
}

// overflows tells whether base+add is too great (1) or too small (-1). A base that does not
// fit by itself counts as too great if it is to be without a sign, as in Redis.
func (op *bitFieldOp) overflows(base, add int64) int {
	low, high := op.limits()
	switch {
	case base > high || !op.signed && base < 0:
		return 1
	case base < low:
		return -1
	case add > 0 && uint64(add) > uint64(high)-uint64(base):
		return 1
	case add < 0 && -uint64(add) > uint64(base)-uint64(low):
		return -1
	}
	return 0
}

// wrap cuts v to the width.
func (op *bitFieldOp) wrap(v int64) int64 {
	if op.signed {
		return v << (64 - op.width) >> (64 - op.width)
	}
	return v & (1<<op.width - 1)
}
