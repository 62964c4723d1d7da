package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
)

// keyCopy is the copy of a large key at the source.
type keyCopy struct {
	*keyspace.Precopy
	key      *largeKey
	inFlight uint64
	frozen   bool
}

func newKeyCopy(e Engine, key *largeKey) *keyCopy {
	return &keyCopy{Precopy: e.Store().Precopy(key.slot, key.key), key: key, inFlight: e.NewID()}
}

// appendStep appends the next ops, about budget bytes, to dst. A copy that has come to
// nothing is taken back at the target.
func (c *keyCopy) appendStep(e Engine, dst []byte, budget int, freeze bool) (next []byte, state keyspace.PrecopyState,
	left int) {
	var hold func() bool
	if freeze {
		hold = func() bool {
			c.frozen = e.Freeze(c.key.slot, c.inFlight, c.key.key)
			return c.frozen
		}
	}
	state, left = c.Next(budget, hold, func(op *keyspace.Op) { dst = keyspace.AppendOp(dst, op) })
	if state == keyspace.PrecopyEnded || state == keyspace.PrecopyOutrun {
		dst = keyspace.AppendOp(dst, &keyspace.Op{Kind: keyspace.OpUnstage, Slot: c.key.slot, Key: c.key.key})
	}
	return dst, state, left
}

// end ends the copy. A key that is frozen, and in no payload, is let go.
func (c *keyCopy) end(e Engine, done <-chan struct{}) {
	c.End()
	if c.frozen {
		e.Commit(c.key.slot, c.inFlight, nil, done)
	}
}

// stepCopy makes a batch of the next parts of a copy. The last one takes over the key.
func (h *executor) stepCopy(now time.Time, s *Sender, e stepCopy) {
	c := h.copies[e.copy]
	buf, state, left := c.appendStep(h.engine, h.get(e.budget), e.budget, e.freeze)
	p := &payload{inFlight: c.inFlight, buf: buf}
	if state == keyspace.PrecopyDone {
		delete(h.copies, e.copy)
		c.End()
		p.keys = 1
		p.addSlot(c.key.slot)
	}
	if len(buf) == 0 {
		h.put(buf)
	} else {
		p.closeBuf()
		h.payloads[e.batch] = p
	}
	s.stepped(now, e.batch, state, p.size, left)
}

// loadLarge puts a large key into the batch, if that has room for all of it: fits says so.
// met says whether there is such a key.
func (c *payload) loadLarge(e Engine, key *largeKey, room int) (fits, met bool) {
	k := newKeyCopy(e, key)
	k.inFlight = c.inFlight
	defer k.End()
	if k.Left() > room {
		return false, true
	}
	before, state := len(c.buf), keyspace.PrecopyGoes
	for state == keyspace.PrecopyGoes {
		c.buf, state, _ = k.appendStep(e, c.buf, room, true)
	}
	if k.frozen {
		c.addSlot(key.slot)
	}
	if state != keyspace.PrecopyDone {
		c.buf = c.buf[:before]
		return true, state == keyspace.PrecopyHeld
	}
	c.keys++
	return true, true
}
