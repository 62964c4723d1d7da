package engine

import "github.com/slotmesh/slotmesh/slots"

// Change runs fn as a write of what belongs to no slot: the node's functions. As an Update
// it waits for the end of a pause, and is refused what a client's write is refused; on a
// replica the error is slots.ErrReadOnly. fn must not wait.
func (e *Engine) Change(done <-chan struct{}, fn func() error) error {
	for {
		refusal := e.refusal.Load()
		paused, err := e.tryChange(fn)
		if paused == nil {
			return err
		}
		select {
		case <-paused:
		case <-refusal.over:
		case <-done:
			return slots.ErrTryAgain
		}
	}
}

func (e *Engine) tryChange(fn func() error) (paused <-chan struct{}, err error) {
	e.changing.Lock()
	defer e.changing.Unlock()
	if err := e.Refused(); err != nil {
		return nil, err
	}
	if !e.writesHere() {
		return nil, slots.ErrReadOnly
	}
	if paused := e.pauses.wait(); paused != nil {
		return paused, nil
	}
	if veto := e.veto.Load(); veto != nil {
		if err := (*veto)(); err != nil {
			return nil, err
		}
	}
	return nil, fn()
}

// awaitChange returns when no Change is under way that began before.
func (e *Engine) awaitChange() {
	e.changing.Lock()
	defer e.changing.Unlock()
}
