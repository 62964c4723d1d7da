package engine

import "github.com/slotmesh/slotmesh/slots"

// Prepare makes the node refuse requests for slots that it owns, with slots.ErrTryAgain,
// until Prepared: the host gets something ready before the first request is served. Call
// it before the map that makes them this node's is published.
func (e *Engine) Prepare(set *slots.Set) { e.changePreparing(func(now *slots.Set) { now.Union(set) }) }

// Prepared ends that for some slots.
func (e *Engine) Prepared(set *slots.Set) {
	e.changePreparing(func(now *slots.Set) { now.Subtract(set) })
}

func (e *Engine) changePreparing(change func(now *slots.Set)) {
	for {
		old := e.preparing.Load()
		var next slots.Set
		if old != nil {
			next = *old
		}
		change(&next)
		store := &next
		if next.Empty() {
			store = nil
		}
		if e.preparing.CompareAndSwap(old, store) {
			return
		}
	}
}
