package engine

import "github.com/slotmesh/slotmesh/slots"

// refusal is an answer to everything, or none.
type refusal struct {
	err  error         // nil: everything is let through
	over chan struct{} // closed when another refusal takes its place
}

func newRefusal(err error) *refusal { return &refusal{err: err, over: make(chan struct{})} }

// Refuse makes every View and Update fail with err, also those that wait; nil lets them
// pass. When it returns, no transaction that began before is under way: what has been
// written is final.
func (e *Engine) Refuse(err error) {
	close(e.refusal.Swap(newRefusal(err)).over)
	all := slots.Full()
	e.store.Barrier(&all)
	e.awaitChange()
	if err != nil {
		e.store.WakeWaiters(&all)
	}
}

// Refused returns the error with which everything is refused, nil if nothing is.
func (e *Engine) Refused() error { return e.refusal.Load().err }
