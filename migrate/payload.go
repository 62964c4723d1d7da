package migrate

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// payload is the content of a batch at the source: keys that are in flight, and their ops
// in wire form. Small values are copied into one buffer. Longer ones are not: their bytes
// are sent piece by piece from the store, which does not change them while the key is in
// flight. Of a key that is copied in parts it has some parts.
type payload struct {
	inFlight uint64
	buf      []byte   // the small values' ops, and those of parts
	segments [][]byte // the batch's bytes, in order: buf, then two for each longer value
	size     uint64
	keys     int
	slots    []slots.Slot // that have keys in it
	long     []longKey
}

// longKey is a key whose value is not in buf.
type longKey struct {
	slot slots.Slot
	key  []byte
}

const (
	// inlineValue is the longest value that is copied, in bytes. It must not be less than
	// keyspace.LargeValue: longer values the store never changes in place (see keyspace.Op).
	inlineValue = 32 << 10
	// longBatches is how many batches' bytes a string may have that is not copied in parts.
	longBatches = 64
	// largeAhead is how many large keys are met before they are taken.
	largeAhead = 64
)

const _ = uint(inlineValue - keyspace.LargeValue) // does not compile if that is greater

var (
	// errAlone ends the loading of a batch before, or behind, a value that is longer than a
	// usual batch: such a value has a batch to itself, so that no other key waits until its
	// last byte has arrived.
	errAlone = errors.New("migrate: a long value travels alone")
	// errLarge ends a dump of keys before more large ones are met.
	errLarge = errors.New("migrate: large keys are to be taken first")
)

// load freezes keys of the slots in order, beginning at from, until they make about
// budget bytes. It returns where to go on and how many keys it met. Keys that are in
// flight already are met but not taken; expired keys are passed over. It ends at a large
// key that exceeds the budget, and returns it: that is to be copied first. buf is a buffer
// to use, or nil.
func load(e Engine, now time.Time, order []slots.Slot, from position, budget int, buf []byte) (c *payload,
	next position, found int, large *largeKey, err error) {
	c = &payload{inFlight: e.NewID(), buf: buf}
	next = from
	usual, alone := budget, false
	for !next.atEnd(len(order)) && budget > 0 && !alone {
		before, met := len(c.buf)+int(c.size), 0
		if key := next.large; key != nil {
			fits, there := c.loadLarge(e, key, usual)
			if !fits && c.keys > 0 {
				break
			}
			if next.large = key.next; there {
				found++
			}
			if !fits {
				large = key
				break
			}
		} else if met, err = c.loadSlot(e, now, order, &next, budget, usual); err == errAlone {
			alone = true
		} else if err != nil && err != errLarge {
			c.commit(e, false, nil)
			return nil, from, 0, nil, err
		}
		found += met
		budget -= len(c.buf) + int(c.size) - before
	}
	c.closeBuf()
	return c, next, found, large, nil
}

// loadSlot freezes keys of one slot, and gathers its large ones in at.large.
func (c *payload) loadSlot(e Engine, now time.Time, order []slots.Slot, at *position, budget, usual int) (met int,
	err error) {
	slot, alone := order[at.index], false
	var large [][]byte
	cursor, done, err := e.Store().Dump(slot, at.cursor, budget, func(op keyspace.Op) error {
		if op.Kind != keyspace.OpPut || op.ExpireAt != 0 && op.ExpireAt <= now.UnixMilli() {
			return keyspace.SkipParts
		}
		if op.Begins || op.Type == keyspace.String && len(op.Value) > longBatches*usual {
			if len(large) == largeAhead {
				return errLarge
			}
			large = append(large, bytes.Clone(op.Key))
			return keyspace.SkipParts
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
		c.addSlot(slot)
		if len(op.Value) <= inlineValue {
			c.buf = keyspace.AppendOp(c.buf, &op)
			return nil
		}
		c.long = append(c.long, longKey{slot, bytes.Clone(op.Key)})
		c.add(appendLarge(nil, op))
		c.add(op.Value)
		return nil
	})
	if at.cursor = cursor; done && err == nil {
		at.index, at.cursor = at.index+1, keyspace.DumpCursor{}
	}
	for _, key := range slices.Backward(large) {
		at.large = &largeKey{slot, key, at.large}
	}
	if err == nil && alone {
		err = errAlone
	}
	return met, err
}

// addSlot notes that the batch has a key of slot. The slots come one after the other.
func (c *payload) addSlot(slot slots.Slot) {
	if len(c.slots) == 0 || c.slots[len(c.slots)-1] != slot {
		c.slots = append(c.slots, slot)
	}
}

// closeBuf puts the small values in front of the others.
func (c *payload) closeBuf() {
	if len(c.buf) > 0 {
		c.segments = append([][]byte{c.buf}, c.segments...)
		c.size += uint64(len(c.buf))
	}
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
			if rest = after; op.Kind == keyspace.OpPut || op.Kind == keyspace.OpReveal {
				keys = append(keys, op.Key)
			}
		}
		for _, g := range c.long {
			if acked && g.slot == slot {
				keys = append(keys, g.key)
			}
		}
		err = cmp.Or(err, e.Commit(slot, c.inFlight, keys, done))
	}
	return err
}
