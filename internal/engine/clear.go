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
	for {
		var paused <-chan struct{}
		master := true
		e.store.DropIf(slot, func() bool {
			master, paused = e.writesHere(), e.pauses.wait()
			return master && paused == nil
		})
		switch {
		case !master:
			return slots.ErrReadOnly
		case paused == nil:
			return nil
		}
		select {
		case <-paused:
		case <-done:
			return slots.ErrTryAgain
		}
	}
}

// writesHere reports whether this node is no replica.
func (e *Engine) writesHere() bool {
	m := e.topo.Load()
	return m == nil || m.Self().IsMaster()
}
