package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// executor carries out what a sender wants done with the keys of its node.
type executor struct {
	engine   Engine
	payloads map[uint64]*payload
	copies   map[uint64]*keyCopy
	held     map[slots.Slot]uint64 // what holds a slot in flight
	spare    [][]byte              // buffers of batches that are committed
	buf      []byte                // of the part sent last
	done     <-chan struct{}       // closed when waiting is to end
}

// keepSpare is the greatest buffer that is kept for another batch, in bytes.
const keepSpare = 1 << 20

func newExecutor(e Engine, done <-chan struct{}) *executor {
	return &executor{engine: e, done: done, payloads: make(map[uint64]*payload), copies: make(map[uint64]*keyCopy),
		held: make(map[slots.Slot]uint64)}
}

// do carries out one effect and reports whether it is one for the executor.
func (h *executor) do(now time.Time, s *Sender, e Effect) (bool, error) {
	switch e := e.(type) {
	case collect:
		return true, h.collect(now, s, e)
	case beginCopy:
		h.copies[e.copy] = newKeyCopy(h.engine, e.key)
	case stepCopy:
		h.stepCopy(now, s, e)
	case endCopy:
		if c := h.copies[e.copy]; c != nil {
			delete(h.copies, e.copy)
			c.end(h.engine, h.done)
		}
	case reject:
		if c := h.payloads[e.batch]; c != nil {
			c.reject(h.engine, e.rejecting)
		}
	case commit:
		if c := h.payloads[e.batch]; c != nil {
			delete(h.payloads, e.batch)
			err := c.commit(h.engine, e.acked, h.done)
			h.put(c.buf)
			return true, err
		}
	case hold:
		for slot := range e.set.All() {
			h.held[slot] = h.engine.NewID()
			h.engine.FreezeAll(slot, h.held[slot])
		}
	case release:
		for slot := range e.set.All() {
			h.engine.Commit(slot, h.held[slot], nil, h.done)
			delete(h.held, slot)
		}
	case remove:
		return true, h.engine.Alter(e.slot, h.done, func(tx *keyspace.Tx) error {
			for _, key := range e.keys {
				if tx.Delete(key) {
					tx.Notify(keyspace.GenericEvents, "del", key)
				}
			}
			return nil
		})
	case drop:
		for slot := range e.set.All() {
			if err := dropSlot(h.engine, slot, h.done); err != nil {
				return true, err
			}
		}
	case sweep:
		for slot := range e.set.All() {
			if err := sweepSlot(h.engine.Store(), slot); err != nil {
				return true, err
			}
		}
	default:
		return false, nil
	}
	return true, nil
}

func (h *executor) collect(now time.Time, s *Sender, e collect) error {
	c, next, found, large, err := load(h.engine, now, e.slots, e.from, e.budget, h.get(e.budget))
	if err != nil {
		return err
	}
	if c.keys > 0 {
		h.payloads[e.batch] = c
	} else {
		h.put(c.buf)
	}
	s.collected(now, e.batch, c, next, found, large)
	return nil
}

func (h *executor) get(size int) []byte {
	if n := len(h.spare); n > 0 {
		buf := h.spare[n-1]
		h.spare = h.spare[:n-1]
		return buf[:0]
	}
	return make([]byte, 0, size+size/4) // the last key of a batch may go beyond its size
}

func (h *executor) put(buf []byte) {
	if buf != nil && cap(buf) <= keepSpare {
		h.spare = append(h.spare, buf)
	}
}

// part returns the message that sendPart asks for. Its Data is valid until the next call.
func (h *executor) part(e sendPart) Message {
	c := h.payloads[e.batch]
	h.buf = c.appendPart(h.buf[:0], e.offset, e.size)
	return Message{typ: msgPart, n: e.batch, size: c.size, offset: e.offset, data: h.buf}
}

// dropSlot removes all keys of slot, some at a time.
func dropSlot(e Engine, slot slots.Slot, done <-chan struct{}) error {
	for more := e.Store().Count(slot) > 0; more; {
		more = false
		err := e.Alter(slot, done, func(tx *keyspace.Tx) error {
			left := dropStep
			for key := range tx.All() {
				if left--; left < 0 {
					more = true
					break
				}
				tx.Delete(key)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropStep is how many keys are removed under one lock.
const dropStep = 1000

// sweepSlot removes the expired keys of slot, which a transaction does when it meets them.
func sweepSlot(s *keyspace.Store, slot slots.Slot) error {
	if s.Count(slot) == 0 {
		return nil
	}
	return s.Update(slot, func(tx *keyspace.Tx) error {
		for range tx.All() {
		}
		return nil
	})
}

// releaseAll takes all keys of the job out of flight, however it has ended.
func (h *executor) releaseAll() {
	for _, c := range h.payloads {
		c.commit(h.engine, false, h.done)
	}
	for _, c := range h.copies {
		c.end(h.engine, h.done)
	}
	for slot, inFlight := range h.held {
		h.engine.Commit(slot, inFlight, nil, h.done)
	}
	clear(h.payloads)
	clear(h.copies)
	clear(h.held)
}
