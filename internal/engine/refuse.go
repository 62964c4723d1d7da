package engine

import "github.com/slotmesh/slotmesh/slots"

// refusal is an answer to everything, or none.
type refusal struct {
	err  error         // nil: everything is let through
	over chan struct{} // closed when another refusal takes its place
}

func newRefusal(err error) *refusal { return &refusal{err: err, over: make(chan struct{})} }

// Refuse makes every View and Update fail with err, those that wait included; nil lets
// them pass. When it returns, no transaction is under way that would be treated otherwise
// now: what has been written is final.
func (e *Engine) Refuse(err error) {
	close(e.refusal.Swap(newRefusal(err)).over)
	all := slots.Full()
	e.store.Barrier(&all)
}

// Refused returns the error that everything is refused with, nil if it is not.
func (e *Engine) Refused() error { return e.refusal.Load().err }
