package engine

import "github.com/slotmesh/slotmesh/slots"

// Clear drops the keys of all slots, one slot after the other. It is a write: on a
// replica, or on a node that becomes one in the meantime, the error is slots.ErrReadOnly.
// Until done is closed it waits for the end of a pause of writes, and for keys in flight,
// which would otherwise reappear at the other node. If done is closed, or waiting is of
// no use, the error is slots.ErrTryAgain; the slots before that one are empty then.
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
		var ended <-chan struct{}
		err := e.asMaster(done, func(allowed func() bool) (err error) {
			e.store.DropIf(slot, func() bool {
				if ended, err = e.WaitAny(slot); ended != nil || err != nil {
					return false
				}
				return allowed()
			})
			return err
		})
		if err != nil || ended == nil {
			return err
		}
		select {
		case <-ended:
		case <-done:
			return slots.ErrTryAgain
		}
	}
}
