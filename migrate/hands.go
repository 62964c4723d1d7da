package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// hands carries out what a sender wants done with the keys of its node.
type hands struct {
	engine Engine
	cargo  map[uint64]*cargo
	held   map[slots.Slot]uint64 // the flight that holds a slot
	spare  [][]byte              // buffers of batches that have landed
	done   <-chan struct{}       // closed when waiting is to end
}

// keepSpare is the greatest buffer that is kept for another batch, in bytes.
const keepSpare = 1 << 20

func newHands(e Engine, done <-chan struct{}) *hands {
	return &hands{engine: e, done: done, cargo: make(map[uint64]*cargo), held: make(map[slots.Slot]uint64)}
}

// do carries out one effect and reports whether it is one for the hands.
func (h *hands) do(now time.Time, s *sender, e effect) (bool, error) {
	switch e := e.(type) {
	case take:
		return true, h.take(now, s, e)
	case stall:
		if c := h.cargo[e.batch]; c != nil {
			c.stall(h.engine, e.stalled)
		}
	case land:
		if c := h.cargo[e.batch]; c != nil {
			delete(h.cargo, e.batch)
			err := c.land(h.engine, e.acked, h.done)
			h.put(c.buf)
			return true, err
		}
	case hold:
		for slot := range e.set.All() {
			h.held[slot] = h.engine.NewFlight()
			h.engine.BoardAll(slot, h.held[slot])
		}
	case release:
		for slot := range e.set.All() {
			h.engine.Land(slot, h.held[slot], nil, h.done)
			delete(h.held, slot)
		}
	case remove:
		return true, h.engine.Alter(e.slot, h.done, func(tx *keyspace.Tx) error {
			for _, key := range e.keys {
				tx.Delete(key)
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

func (h *hands) take(now time.Time, s *sender, e take) error {
	c, next, found, err := load(h.engine, now, e.slots, e.from, e.budget, h.get(e.budget))
	if err != nil {
		return err
	}
	if c.keys > 0 {
		h.cargo[e.batch] = c
	} else {
		h.put(c.buf)
	}
	s.taken(now, e.batch, next, found, c.keys, c.size)
	return nil
}

func (h *hands) get(size int) []byte {
	if n := len(h.spare); n > 0 {
		buf := h.spare[n-1]
		h.spare = h.spare[:n-1]
		return buf[:0]
	}
	return make([]byte, 0, size+size/4) // the last key of a batch may go beyond its size
}

func (h *hands) put(buf []byte) {
	if buf != nil && cap(buf) <= keepSpare {
		h.spare = append(h.spare, buf)
	}
}

// part returns the message that sendPart asks for; its Data is appended to buf.
func (h *hands) part(e sendPart, buf []byte) message {
	c := h.cargo[e.batch]
	return message{Type: msgPart, N: e.batch, Size: c.size, Offset: e.offset, Data: c.appendPart(buf, e.offset, e.size)}
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

// sweepSlot removes the keys of slot whose time is over: to look at one is enough.
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

// rest ends everything that is in flight or held, when the job ends in whatever way.
func (h *hands) rest() {
	for _, c := range h.cargo {
		c.land(h.engine, false, h.done)
	}
	for slot, flight := range h.held {
		h.engine.Land(slot, flight, nil, h.done)
	}
	clear(h.cargo)
	clear(h.held)
}
