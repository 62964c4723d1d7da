package engine

import (
	"cmp"

	"github.com/slotmesh/slotmesh/slots"
)

// Clear drops the keys of all slots, one slot after the other. It is a write: on a
// replica, or on a node that becomes one in the meantime, the error is slots.ErrReadOnly.
// Until done is closed it waits for the end of a pause of writes, and for keys in flight,
// which would otherwise reappear at the other node. If done is closed, or waiting is of
// no use, the error is slots.ErrTryAgain, or that of a script that has a slot; the slots
// before that one are empty then. If a script has had its slot for too long already, none
// is.
func (e *Engine) Clear(done <-chan struct{}) error {
	if !e.writesHere() {
		return slots.ErrReadOnly
	}
	if err := e.store.AnyBusy(); err != nil {
		return err
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
			_, held := e.store.TryDropIf(slot, done, func() bool {
				if ended, err = e.WaitAny(slot); ended != nil || err != nil {
					return false
				}
				return allowed()
			})
			return cmp.Or(held, err)
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
