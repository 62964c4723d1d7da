package committer

import (
	"errors"
	"sync"
)

// waits are those that wait for the disk.
type waits struct {
	mu    sync.Mutex
	list  []*waiter
	ended error // nothing will come any more
	added uint64
	spare []*waiter
}

type waiter struct {
	offset int64
	// ch receives how the wait has ended, and before that errLead, once until listen is
	// called.
	ch   chan error
	lead bool // errLead was sent; guarded by waits.mu
}

// errLead has a waiter see to it itself that there is a Sync.
var errLead = errors.New("lead the next group")

// maxSpare bounds the waiters that are kept for later.
const maxSpare = 1024

// add registers a waiter; nil if the log has ended.
func (ws *waits) add(offset int64) (*waiter, error) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.ended != nil {
		return nil, ws.ended
	}
	var w *waiter
	if n := len(ws.spare); n > 0 {
		w, ws.spare = ws.spare[n-1], ws.spare[:n-1]
	} else {
		w = &waiter{ch: make(chan error, 2)}
	}
	w.offset = offset
	ws.list = append(ws.list, w)
	ws.added++
	return w, nil
}

// leave gives up a wait, or ends one whose outcome has been received. lead says that the
// waiter was to lead and has not.
func (ws *waits) leave(w *waiter) (lead bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for i := range ws.list {
		if ws.list[i] == w {
			last := len(ws.list) - 1
			ws.list[i], ws.list[last] = ws.list[last], nil
			ws.list = ws.list[:last]
			break
		}
	}
	for len(w.ch) > 0 { // told while it gave up
		<-w.ch
	}
	lead, w.lead = w.lead, false
	if len(ws.spare) < maxSpare {
		ws.spare = append(ws.spare, w)
	}
	return lead
}

// listen lets a waiter that has received errLead receive it again.
func (ws *waits) listen(w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.lead = false
}

// passOn has one of those that wait lead the next group.
func (ws *waits) passOn() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.list) == 0 {
		return
	}
	if w := ws.list[0]; !w.lead {
		w.lead = true
		w.ch <- errLead
	}
}

// wake ends the waits up to offset.
func (ws *waits) wake(offset int64) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	rest := ws.list[:0]
	for _, w := range ws.list {
		if w.offset > offset {
			rest = append(rest, w)
			continue
		}
		w.ch <- nil
	}
	clear(ws.list[len(rest):])
	ws.list = rest
}

// fail ends all waits with an error.
func (ws *waits) fail(err error) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.list {
		w.ch <- err
	}
	clear(ws.list)
	ws.list = ws.list[:0]
}

// end is fail, for later waits too.
func (ws *waits) end(err error) {
	ws.mu.Lock()
	ws.ended = err
	ws.mu.Unlock()
	ws.fail(err)
}

// registered returns how many waits there have been.
func (ws *waits) registered() uint64 {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.added
}
