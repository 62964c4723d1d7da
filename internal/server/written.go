package server

import (
	"math"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// Written is what a client has written, as far as it may still ask how many replicas hold
// it.
type Written struct {
	To       Mark         // behind the last write
	Slots    []slots.Slot // with writes since an earlier answer …
	Many     bool         // … which may be in any other slot, too
	Departed uint64       // Acks.Departed before the first of these
	// Earlier is the smallest number that earlier writes were answered with, math.MaxInt if
	// there are none.
	Earlier int
}

// manySlots is how many slots a session remembers.
const manySlots = 8

// written is a session's.
type written struct {
	Written
	answered int // the latest answer, 0 if there was a write since
	at       [manySlots]slots.Slot
}

func (w *written) init() { w.Earlier = math.MaxInt }

// begin goes before a write.
func (w *written) begin(acks Acks) {
	if w.answered > 0 {
		w.Earlier = min(w.Earlier, w.answered)
		w.answered, w.Slots, w.Many = 0, w.at[:0], false
	}
	if len(w.Slots) == 0 && !w.Many {
		w.Departed = acks.Departed()
	}
}

// add notes a write in slot.
func (w *written) add(slot slots.Slot) {
	n := len(w.Slots)
	switch {
	case n > 0 && w.Slots[n-1] == slot || w.Many || slices.Contains(w.Slots, slot):
	case n == manySlots:
		w.Many = true
	default:
		w.Slots = append(w.at[:n], slot)
	}
}
