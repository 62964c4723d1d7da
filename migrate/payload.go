package migrate

import (
	"bytes"
	"cmp"
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// payload is the content of a batch at the source: keys that are in flight, and their ops
// in wire form. Small values are copied into one buffer. Large ones are not: their bytes
// are sent piece by piece from the store, which does not change them while the key is in
// flight.
type payload struct {
	inFlight uint64
	buf      []byte   // the small values' ops
	segments [][]byte // the batch's bytes, in order: buf, then two for each large value
	size     uint64
	keys     int
	slots    []slots.Slot // that have keys in it
	large    []largeKey
}

type largeKey struct {
	slot slots.Slot
	key  []byte
}

// inlineValue is the largest value that is copied, in bytes. It must not be less than
// keyspace.LargeValue: longer values the store never changes in place (see keyspace.Op).
const inlineValue = 32 << 10

const _ = uint(inlineValue - keyspace.LargeValue) // does not compile if that is greater

// errAlone ends the loading of a batch before, or behind, a value that is longer than a
// usual batch: such a value has a batch to itself, so that no other key waits until its
// last byte has arrived.
var errAlone = errors.New("migrate: a large value travels alone")

// load freezes keys of the slots in order, beginning at from, until they make about
// budget bytes. It returns where to go on and how many keys it met. Keys that are in
// flight already are met but not taken; expired keys are passed over. buf is a buffer to
// use, or nil.
func load(e Engine, now time.Time, order []slots.Slot, from position, budget int, buf []byte) (c *payload,
	next position, found int, err error) {
	c = &payload{inFlight: e.NewID()}
	next = from
	usual, alone := budget, false
	for next.index < len(order) && budget > 0 && !alone {
		slot, before, met := order[next.index], len(buf)+int(c.size), 0
		cursor, done, err := e.Store().Dump(slot, next.cursor, budget, func(op keyspace.Op) error {
			if op.ExpireAt != 0 && op.ExpireAt <= now.UnixMilli() {
				return nil
			}
			if c.keys > 0 && (alone || len(op.Value) > usual) {
				return errAlone
			}
			met++
			if !e.Freeze(slot, c.inFlight, op.Key) {
				return nil
			}
			c.keys++
			alone = len(op.Value) > usual
			if len(c.slots) == 0 || c.slots[len(c.slots)-1] != slot {
				c.slots = append(c.slots, slot)
			}
			if len(op.Value) <= inlineValue {
				buf = keyspace.AppendOp(buf, &op)
				return nil
			}
			c.large = append(c.large, largeKey{slot, bytes.Clone(op.Key)})
			c.add(appendLarge(nil, op))
			c.add(op.Value)
			return nil
		})
		if err != nil && err != errAlone {
			c.commit(e, false, nil)
			return nil, from, 0, err
		}
		found, alone = found+met, alone || err == errAlone
		budget -= len(buf) + int(c.size) - before
		if next.cursor = cursor; done && err == nil {
			next = position{index: next.index + 1}
		}
	}
	if c.buf = buf; len(buf) > 0 {
		c.segments = append([][]byte{buf}, c.segments...)
		c.size += uint64(len(buf))
	}
	return c, next, found, nil
}

func (c *payload) add(segment []byte) {
	c.segments = append(c.segments, segment)
	c.size += uint64(len(segment))
}

// appendLarge appends the part of an op that precedes its value's bytes: in keyspace's
// wire form the value comes last, as msgpack's bin.
func appendLarge(dst []byte, op keyspace.Op) []byte {
	n := len(op.Value)
	op.Value = nil
	dst = keyspace.AppendOp(dst, &op)
	dst = dst[:len(dst)-len("\xc4\x00")]
	return msgp.AppendBytes32Header(dst, n)
}

// appendPart appends n bytes of the batch, from offset on, to dst.
func (c *payload) appendPart(dst []byte, offset, n uint64) []byte {
	for _, s := range c.segments {
		size := uint64(len(s))
		if offset >= size {
			offset -= size
			continue
		}
		take := min(n, size-offset)
		dst = append(dst, s[offset:offset+take]...)
		if n -= take; n == 0 {
			break
		}
		offset = 0
	}
	return dst
}

// reject makes writes to the keys fail instead of waiting, or wait again.
func (c *payload) reject(e Engine, rejecting bool) {
	for _, slot := range c.slots {
		e.Reject(slot, c.inFlight, rejecting)
	}
}

// commit takes the keys out of flight; if acked, it deletes them in the same step. After
// an error some of them may be left.
func (c *payload) commit(e Engine, acked bool, done <-chan struct{}) (err error) {
	rest := c.buf // holds the slots' ops in the order of c.slots
	keys := make([][]byte, 0, c.keys)
	for _, slot := range c.slots {
		keys = keys[:0]
		for acked && len(rest) > 0 {
			op, after, derr := keyspace.DecodeOp(rest)
			if derr != nil || op.Slot != slot {
				err = cmp.Or(err, derr) // an error cannot be: load encoded it
				break
			}
			keys, rest = append(keys, op.Key), after
		}
		for _, g := range c.large {
			if acked && g.slot == slot {
				keys = append(keys, g.key)
			}
		}
		err = cmp.Or(err, e.Commit(slot, c.inFlight, keys, done))
	}
	return err
}
