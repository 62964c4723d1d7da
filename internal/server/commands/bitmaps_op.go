package commands

import (
	"encoding/binary"

	"github.com/slotmesh/slotmesh/keyspace"
)

// largeBits is the length in bytes from which strings are read outside of the slot's lock:
// to go through 100 MB takes as long as thousands of other commands.
const largeBits = 256 << 10

// bitResult is what BITOP has made of long strings before its transaction.
type bitResult struct {
	result   []byte   // nil: nothing has been made
	versions []uint64 // of the sources, which must be the same still
}

// of reports whether the sources are still those that the result was made of.
func (b *bitResult) of(tx *keyspace.Tx, keys [][]byte) bool {
	if b.result == nil {
		return false
	}
	for i, key := range keys {
		if tx.Version(key) != b.versions[i] {
			return false
		}
	}
	return true
}

// combineAhead combines long strings as they are before the transaction, which uses the
// result if they have not changed meanwhile.
func combineAhead(c *Call) {
	op, err := c.bitOp()
	if err != nil {
		return // the transaction says so
	}
	keys := c.Args[3:]
	sources := make([]keyspace.StringRef, len(keys))
	versions := make([]uint64, len(keys))
	longest, total := 0, 0
	err = c.Node.Engine.View(&c.Access, func(tx *keyspace.Tx) error {
		for i, key := range keys {
			s, err := tx.PeekString(key)
			if err != nil {
				return err
			}
			sources[i], versions[i] = s, tx.Version(key)
			longest, total = max(longest, s.Len()), total+s.Len()
		}
		for i := range sources {
			if total >= largeBits {
				sources[i] = sources[i].Snapshot()
			}
		}
		return nil
	})
	if err == nil && total >= largeBits {
		c.bits = bitResult{op.combine(sources, longest), versions}
	}
}

// bitOps are the operations of BITOP on 64 bits.
var bitOps = map[string]func(a, b uint64) uint64{
	"AND": func(a, b uint64) uint64 { return a & b },
	"OR":  func(a, b uint64) uint64 { return a | b },
	"XOR": func(a, b uint64) uint64 { return a ^ b },
}

// bitOp is what BITOP is to do.
type bitOp string

func (c *Call) bitOp() (bitOp, error) {
	name := upper(string(Clip(c.Args[1], 4)))
	switch {
	case name == "NOT" && len(c.Args) != 4:
		return "", ReplyError("ERR BITOP NOT must be called with a single source key.")
	case bitOps[name] == nil && name != "NOT":
		return "", ErrSyntax
	}
	return bitOp(name), nil
}

func cmdBitOp(c *Call, tx *keyspace.Tx) error {
	op, err := c.bitOp()
	if err != nil {
		return err
	}
	sources, longest := make([]keyspace.StringRef, len(c.Args)-3), 0
	for i, key := range c.Args[3:] {
		s, err := readText(tx, key)
		if err != nil {
			return err
		}
		sources[i], longest = s, max(longest, s.Len())
	}
	c.Out.Int(int64(longest))
	if longest == 0 {
		if tx.Delete(c.Args[2]) {
			notify(tx, "del", c.Args[2])
		}
		return nil
	}
	result := c.bits.result
	if !c.bits.of(tx, c.Args[3:]) {
		result = op.combine(sources, longest)
	}
	if err := tx.PutOwned(c.Args[2], keyspace.String, result, 0); err != nil {
		return err
	}
	tx.Notify(keyspace.StringEvents, "set", c.Args[2])
	return nil
}

// combine returns what the bits of strings come to, of which longest is the greatest length.
func (op bitOp) combine(sources []keyspace.StringRef, longest int) []byte {
	result := sources[0].AppendTo(make([]byte, 0, longest), 0, sources[0].Len())
	had := len(result)
	result = result[:longest]
	clear(result[had:])
	if op == "NOT" {
		for i := range result {
			result[i] ^= 0xff
		}
	}
	for _, s := range sources[1:] {
		at := 0
		for piece := range s.Pieces(0, s.Len()) {
			combine(result[at:at+len(piece)], piece, bitOps[string(op)])
			at += len(piece)
		}
		if op == "AND" {
			clear(result[at:])
		}
	}
	return result
}

// combine makes dst what op yields of it and src, which has its length.
func combine(dst, src []byte, op func(a, b uint64) uint64) {
	for ; len(dst) >= 8; dst, src = dst[8:], src[8:] {
		binary.LittleEndian.PutUint64(dst, op(binary.LittleEndian.Uint64(dst), binary.LittleEndian.Uint64(src)))
	}
	for i := range dst {
		dst[i] = byte(op(uint64(dst[i]), uint64(src[i])))
	}
}
