package engine

import "github.com/slotmesh/slotmesh/slots"

// Clear drops the keys of all slots, one slot after the other. It is a write: on a replica, or on a node
// that becomes one in the meantime, the error is slots.ErrReadOnly; while writes are paused it waits, until
// done is closed at most (slots.ErrTryAgain).
func (e *Engine) Clear(done <-chan struct{}) error {
	if !e.writesHere() {
		return slots.ErrReadOnly
	}
	for slot := range slots.Slot(slots.Count) {
		if e.store.Count(slot) == 0 {
			continue
		}
		if err := e.clear(slot, done); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) clear(slot slots.Slot, done <-chan struct{}) error {
	return e.asMaster(done, func(allowed func() bool) error {
		e.store.DropIf(slot, allowed)
		return nil
	})
}
