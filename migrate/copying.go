package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// A large key is copied while clients write it: its parts go to the target in batches that
// put nothing in flight; those that change meanwhile follow. Only when little is left is
// the key frozen. The rest of it, and the word that it is complete, are a batch like any
// other: when that is acknowledged the key is deleted here. Until then it is a key here,
// and at the target it is staged, see [keyspace.OpStage].

// copying is the copy of one large key of a window. The window's other keys wait for it.
type copying struct {
	id     uint64
	key    *largeKey
	left   int // bytes that had not been collected after the last step; -1 before the first
	sent   int // bytes that were collected
	most   int // that sent may be before the key is frozen: it changes faster than it is copied
	frozen bool
}

// startCopy begins to copy a key; frozen says that it is to be frozen from the beginning.
func (s *Sender) startCopy(w *window, key *largeKey, frozen bool) {
	w.copy = &copying{id: s.nextID(), key: key, left: -1, frozen: frozen}
	s.put(beginCopy{w.copy.id, key})
}

// copyMore asks for the next batch of a window's copy. Before the last one, which freezes
// the key, all others have to be acknowledged.
func (s *Sender) copyMore(w *window) {
	c := w.copy
	last := c.left >= 0 && (c.left <= s.lim.last || c.sent > c.most)
	if last && !c.frozen && s.copies(w) > 0 {
		return
	}
	c.frozen = c.frozen || last
	s.put(stepCopy{c.id, s.nextID(), s.lim.batch, c.frozen})
	s.batches = append(s.batches, &batch{id: s.lastID, window: w, copy: true})
}

// copies returns how many batches of a window's copy are not acknowledged.
func (s *Sender) copies(w *window) (n int) {
	for _, b := range s.batches {
		if b.window == w && b.copy {
			n++
		}
	}
	return n
}

// stepped takes the result of stepCopy: a batch of size bytes, and what is left.
func (s *Sender) stepped(now time.Time, id uint64, state keyspace.PrecopyState, size uint64, left int) {
	b := s.batch(id)
	if s.over || b == nil {
		return
	}
	w := b.window
	c := w.copy
	if c.left < 0 {
		c.most = 2*left + 64*s.lim.last
	}
	c.left, c.sent = left, c.sent+int(size)
	if b.size = size; size == 0 {
		s.removeBatch(b)
	} else {
		w.busy++
	}
	switch state {
	case keyspace.PrecopyHeld: // another export has it in flight: try again a little later
		w.retryAt = now.Add(retryAfter / 10)
	case keyspace.PrecopyDone:
		w.copy, b.copy = nil, false // a batch like any other
		b.keys, b.slots = 1, []slots.Slot{c.key.slot}
		w.collected++
	case keyspace.PrecopyOutrun:
		s.put(endCopy{c.id})
		s.startCopy(w, c.key, true)
	case keyspace.PrecopyEnded: // gone, or another key by now: then the next pass meets it
		s.put(endCopy{c.id})
		w.copy = nil
	}
	s.advance(now)
}

// dropCopy gives up a window's copy, and its batches: the pass goes on with its key.
func (s *Sender) dropCopy(w *window) {
	c := w.copy
	if c == nil {
		return
	}
	w.copy = nil
	s.put(endCopy{c.id})
	for _, b := range append([]*batch(nil), s.batches...) {
		if b.window == w && b.copy {
			s.decide(b, false)
		}
	}
	w.at.large = &largeKey{c.key.slot, c.key.key, w.at.large}
	w.passDone = false
}

// dropCopies is dropCopy for all windows.
func (s *Sender) dropCopies() {
	for _, w := range s.windows {
		s.dropCopy(w)
	}
}
