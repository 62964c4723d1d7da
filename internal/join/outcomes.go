package join

import (
	"slices"
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// Outcomes are the callers that wait for the outcome of an introduction to an address. The
// zero value is ready. It is safe for concurrent use.
type Outcomes struct {
	mu      sync.Mutex // guards waiting
	waiting map[slots.Addr][]chan error
}

// Await returns a channel that receives the outcome of the next introduction to addr, once;
// forget gives it up.
func (o *Outcomes) Await(addr slots.Addr) (outcome <-chan error, forget func()) {
	ch := make(chan error, 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting == nil {
		o.waiting = make(map[slots.Addr][]chan error)
	}
	o.waiting[addr] = append(o.waiting[addr], ch)
	return ch, func() { o.forget(addr, ch) }
}

func (o *Outcomes) forget(addr slots.Addr, ch chan error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.waiting[addr]
	if i := slices.Index(list, ch); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if o.waiting[addr] = list; len(list) == 0 {
		delete(o.waiting, addr)
	}
}

// Tell gives the outcome to those that wait for it: nil if the introduction succeeded. It
// does not wait for them.
func (o *Outcomes) Tell(addr slots.Addr, outcome error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ch := range o.waiting[addr] {
		ch <- outcome
	}
	delete(o.waiting, addr)
}
