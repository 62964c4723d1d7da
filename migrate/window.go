package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// phase is how far a window is. The order of the phases is what makes a move safe:
// at every moment each key is reachable at exactly one node, and a crash leaves a
// state that says by itself how to go on.
type phase uint8

const (
	// preparing: the target is asked to import. It is the only phase that can be taken back.
	preparing phase = iota
	// opening: this node marks the slots as migrating; from then on keys that are not here
	// are created there.
	opening
	// listing: after a restart, the target tells which keys it has; they are deleted here.
	listing
	// moving: batches of keys go over. No key can be created here, so their number only falls.
	moving
	// finalising: nothing is left here, every request goes to the target by ASK; it is
	// asked to claim the slots.
	finalising
	// closing: the target owns the slots; this node takes note.
	closing
	// abandoning: the job was cancelled before the window was opened; the target is told.
	abandoning
	// reverting: the slots are another's now, or the target is gone; nothing is to stay open.
	reverting
)

var phaseNames = [...]string{"preparing", "opening", "listing", "moving", "finalising", "closing", "abandoning",
	"reverting"}

func (p phase) String() string { return phaseNames[p] }

// local reports whether the phase waits for this node's own SetSlots, not for the target.
func (p phase) local() bool { return p == opening || p == closing || p == reverting }

// window is a number of slots that go through the phases together: one, if it holds many
// keys, or so many that the round trips and the disk's syncs are shared. The keys of
// the windows move strictly one window after the other.
type window struct {
	set   slots.Set
	order []slots.Slot
	phase phase
	// asked: what the phase needs is on its way under the number n; the answer is awaited.
	asked   bool
	n       uint64
	told    bool      // the target was asked to prepare
	retryAt time.Time // do not ask again before
	peer    slots.NodeID
	resumed bool // taken over from before a restart: needs listing

	at        position // where the pass over the keys is
	copy      *copying // of a large key that the pass has come to; nil: none
	passDone  bool
	found     int // keys met in this pass
	collected int // keys put into batches, in all passes
	busy      int // batches not yet decided
	estimate  int // keys in the window when it was begun
}

// opened reports whether this node has, or is about to have, the slots marked as migrating.
func (w *window) opened() bool { return !w.peer.IsZero() }

func (w *window) enter(p phase) { w.phase, w.asked, w.retryAt = p, false, time.Time{} }

// rescan starts another pass over the keys.
func (w *window) rescan() { w.at, w.passDone, w.found = position{}, false, 0 }

// lose takes slots out of the window.
func (w *window) lose(lost *slots.Set) {
	w.set.Subtract(lost)
	w.order = w.order[:0:0]
	for slot := range w.set.All() {
		w.order = append(w.order, slot)
	}
	w.rescan()
}
