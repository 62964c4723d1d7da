package commands

import (
	"encoding/binary"
	"math/bits"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// BitmapGroup is the commands on the bits of strings. Bit 0 is the most significant bit of
// the first byte.
var BitmapGroup = []Command{
	{Name: "setbit", Arity: 4, Flags: Write | DenyOOM | Quick, Keys: OneKey, Group: "bitmap", Since: "2.2.0",
		KeyFlags: "RW access update", Summary: "Sets or clears a bit of a string.", Tx: cmdSetBit},
	{Name: "getbit", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "bitmap", Since: "2.2.0",
		KeyFlags: "RO access", Summary: "Returns a bit of a string.", Tx: cmdGetBit},
	{Name: "bitcount", Arity: -2, Flags: ReadOnly, Keys: OneKey, Group: "bitmap", Since: "2.6.0",
		KeyFlags: "RO access", Summary: "Counts the bits of a string that are set.", Tx: cmdBitCount},
	{Name: "bitpos", Arity: -3, Flags: ReadOnly, Keys: OneKey, Group: "bitmap", Since: "2.8.7",
		KeyFlags: "RO access", Summary: "Finds the first bit of a string that is set, or clear.", Tx: cmdBitPos},
	{Name: "bitop", Arity: -4, Flags: Write | DenyOOM, Keys: KeySpec{First: 2, Last: -1, Step: 1}, Group: "bitmap",
		Since: "2.6.0", KeyFlags: "OW update,RO access",
		Summary: "Combines the bits of strings, and stores the result.", Ahead: combineAhead, Tx: cmdBitOp},
	{Name: "bitfield", Arity: -2, Flags: Write | DenyOOM | Quick, Keys: OneKey, Group: "bitmap", Since: "3.2.0",
		KeyFlags: "RW access update variable_flags",
		Summary:  "Reads and changes integers of any width in a string.", Tx: cmdBitField},
	{Name: "bitfield_ro", Arity: -2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "bitmap", Since: "6.0.0",
		KeyFlags: "RO access", Summary: "Reads integers of any width in a string.", Tx: cmdBitFieldRO},
}

const (
	errBitOffset = ReplyError("ERR bit offset is not an integer or out of range")
	errBit       = ReplyError("ERR bit is not an integer or out of range")
	errBitArg    = ReplyError("ERR The bit argument must be 1 or 0.")
)

// bitOffset reads the offset of a bit. With "#" before it, it counts integers of a width.
func (c *Call) bitOffset(i, width int) (int64, error) {
	arg, factor := c.Args[i], int64(1)
	if width > 0 && len(arg) > 0 && arg[0] == '#' {
		arg, factor = arg[1:], int64(width)
	}
	n, ok := resp.ParseInt(arg)
	if !ok || n < 0 || n > 8*int64(c.MaxBulk)-1 || n*factor > 8*int64(c.MaxBulk)-1 {
		return 0, errBitOffset
	}
	return n * factor, nil
}

func cmdSetBit(c *Call, tx *keyspace.Tx) error {
	offset, err := c.bitOffset(2, 0)
	if err != nil {
		return err
	}
	bit, err := c.NumberIn(3, 0, 1, errBit)
	if err != nil {
		return err
	}
	s, err := tx.String(c.Args[1])
	if err != nil {
		return err
	}
	at, mask := int(offset/8), byte(0x80)>>(offset%8)
	was := s.At(at)
	c.Out.Int(int64(btoi(was&mask != 0)))
	now := was &^ mask
	if bit == 1 {
		now |= mask
	}
	if now == was && at < s.Len() {
		return nil
	}
	c.digits = append(c.digits[:0], now) // memory of its own would be an allocation
	return setRange(tx, c.Args[1], at, c.digits, "setbit")
}

func cmdGetBit(c *Call, tx *keyspace.Tx) error {
	offset, err := c.bitOffset(2, 0)
	if err != nil {
		return err
	}
	s, err := readText(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(s.At(int(offset/8)) >> (7 - offset%8) & 1))
	return nil
}

// unit reads BYTE or BIT: whether a range counts bits.
func (c *Call) unit(i int) (inBits bool, err error) {
	switch {
	case c.Word(i, "BIT"):
		return true, nil
	case c.Word(i, "BYTE"):
		return false, nil
	}
	return false, ErrSyntax
}

// bitSpan returns the bits from a position to another one, which is one of them, of n
// bytes; from > to is none. Negative positions count from the end.
func bitSpan(n, from, to int64, inBits bool) (int64, int64) {
	if inBits {
		n *= 8
	}
	if from < 0 {
		from = max(0, from+n)
	}
	if to < 0 {
		to = max(0, to+n)
	}
	to = min(to, n-1)
	if from > to {
		return 1, 0
	}
	if !inBits {
		return from * 8, to*8 + 7
	}
	return from, to
}

// Redis looks for the key before it reads the range.
func cmdBitCount(c *Call, tx *keyspace.Tx) error {
	s, err := readText(tx, c.Args[1])
	if err != nil {
		return err
	}
	if !s.Exists() {
		c.Out.Int(0)
		return nil
	}
	from, to, inBits := int64(0), int64(-1), false
	switch len(c.Args) {
	case 2:
	case 4, 5:
		if from, err = c.Number(2); err != nil {
			return err
		}
		if to, err = c.Number(3); err != nil {
			return err
		}
		if from < 0 && to < 0 && from > to {
			c.Out.Int(0)
			return nil
		}
		if len(c.Args) == 5 {
			if inBits, err = c.unit(4); err != nil {
				return err
			}
		}
	default:
		return ErrSyntax
	}
	first, last := bitSpan(int64(s.Len()), from, to, inBits)
	if last-first < manyBits {
		c.Out.Int(countBits(s, first, last))
		return nil
	}
	return c.overBits(s, func(s keyspace.StringRef) int64 { return countBits(s, first, last) })
}

// manyBits is how many bits no command goes through under the slot's lock.
const manyBits = 8 * largeBits

// overBits replies later, with what fn returns of a copy of s.
func (c *Call) overBits(s keyspace.StringRef, fn func(keyspace.StringRef) int64) error {
	s = s.Snapshot()
	c.Later = func() error {
		c.Out.Int(fn(s))
		return nil
	}
	return nil
}

// countBits counts the bits that are set from one to another, which is one of them.
func countBits(s keyspace.StringRef, from, to int64) int64 {
	if from > to {
		return 0
	}
	n := 0
	for piece := range s.Pieces(int(from/8), int(to/8)+1) {
		n += onesIn(piece)
	}
	first, last := s.At(int(from/8)), s.At(int(to/8))
	n -= bits.OnesCount8(first &^ (0xff >> (from % 8)))
	n -= bits.OnesCount8(last & (0x7f >> (to % 8)))
	return int64(n)
}

// onesIn counts the bits of b that are set.
func onesIn(b []byte) (n int) {
	for ; len(b) >= 8; b = b[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
	}
	for _, c := range b {
		n += bits.OnesCount8(c)
	}
	return n
}

func cmdBitPos(c *Call, tx *keyspace.Tx) error {
	bit, err := c.Number(2)
	if err != nil {
		return err
	}
	if bit != 0 && bit != 1 {
		return errBitArg
	}
	s, err := readText(tx, c.Args[1])
	if err != nil {
		return err
	}
	if !s.Exists() { // zeros without end
		c.Out.Int(-bit)
		return nil
	}
	from, to, inBits := int64(0), int64(-1), false
	if len(c.Args) > 6 {
		return ErrSyntax
	}
	if len(c.Args) > 3 {
		if from, err = c.Number(3); err != nil {
			return err
		}
	}
	if len(c.Args) > 5 {
		if inBits, err = c.unit(5); err != nil {
			return err
		}
	}
	if len(c.Args) > 4 {
		if to, err = c.Number(4); err != nil {
			return err
		}
	}
	first, last := bitSpan(int64(s.Len()), from, to, inBits)
	endless := bit == 0 && len(c.Args) < 5 && first <= last
	if last-first < manyBits {
		c.Out.Int(bitPosition(s, first, last, byte(bit), endless))
		return nil
	}
	return c.overBits(s, func(s keyspace.StringRef) int64 {
		return bitPosition(s, first, last, byte(bit), endless)
	})
}

// bitPosition is findBit; endless says that zeros without end follow the value.
func bitPosition(s keyspace.StringRef, from, to int64, bit byte, endless bool) int64 {
	pos := findBit(s, from, to, bit)
	if pos < 0 && endless {
		pos = 8 * int64(s.Len()) // the first of the zeros behind the end
	}
	return pos
}

// findBit returns the position of the first bit of a value from one bit to another, which
// is one of them; -1 if there is none.
func findBit(s keyspace.StringRef, from, to int64, bit byte) int64 {
	if from > to {
		return -1
	}
	flip := byte(0)
	if bit == 0 {
		flip = 0xff
	}
	at := from / 8
	if first := (s.At(int(at)) ^ flip) & (0xff >> (from % 8)); first != 0 {
		return upTo(at*8+int64(bits.LeadingZeros8(first)), to)
	}
	at++
	for piece := range s.Pieces(int(at), max(int(at), int(to/8)+1)) {
		i := firstOther(piece, flip)
		if i < len(piece) {
			return upTo((at+int64(i))*8+int64(bits.LeadingZeros8(piece[i]^flip)), to)
		}
		at += int64(len(piece))
	}
	return -1
}

// upTo returns pos, or -1 behind the end of a range.
func upTo(pos, to int64) int64 {
	if pos > to {
		return -1
	}
	return pos
}

// firstOther returns the index of the first byte that is not fill, len(b) if there is none.
func firstOther(b []byte, fill byte) int {
	wide, i := uint64(fill)*0x0101010101010101, 0
	for ; i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:]) == wide; i += 8 {
	}
	for ; i < len(b) && b[i] == fill; i++ {
	}
	return i
}

// bitWidth reads the type of an integer in a string, such as i16 or u8.
func bitWidth(arg []byte) (width int, signed bool, err error) {
	if len(arg) > 1 && len(arg) < 4 && (arg[0] == 'i' || arg[0] == 'u') {
		signed = arg[0] == 'i'
		if n, err := strconv.Atoi(textOf(arg[1:])); err == nil && arg[1] != '+' && arg[1] != '0' && n > 0 &&
			n <= 63+btoi(signed) {
			return n, signed, nil
		}
	}
	return 0, false, ReplyError("ERR Invalid bitfield type. Use something like i16 u8. " +
		"Note that u64 is not supported but i64 is.")
}
