package slotmesh

import (
	"context"
	"iter"
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// maxEvents is how many events may wait for a slow Config.OnEvent.
const maxEvents = 1024

// EventsMissed says that OnEvent was so slow that events were left out before this one.
// Node.Map and Node.Stats tell how things stand.
type EventsMissed struct{ Count int }

// events calls the host's OnEvent in order, on a goroutine of its own, so that it does
// not hold up the cluster.
type events struct {
	deliver func(Event)

	mu      sync.Mutex // guards the fields below
	queue   []Event
	waiting int // events in queue, and those taken off it that are not delivered yet
	missed  int
	running bool
	closed  bool
	idle    *sync.Cond // on mu: running has ended
}

func newEvents(deliver func(Event)) *events {
	e := &events{deliver: deliver}
	e.idle = sync.NewCond(&e.mu)
	return e
}

// post queues an event, or counts it as missed. It never waits.
func (e *events) post(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	if e.waiting >= maxEvents {
		e.missed++
		return
	}
	if e.missed > 0 {
		e.queue = append(e.queue, EventsMissed{e.missed})
		e.missed = 0
		e.waiting++
	}
	e.waiting++
	e.queue = append(e.queue, event)
	if !e.running {
		e.running = true
		go e.run()
	}
}

// run delivers until nothing is queued.
func (e *events) run() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.queue) > 0 || e.missed > 0 {
		var batch []Event
		if batch, e.queue = e.queue, nil; len(batch) == 0 {
			batch = []Event{EventsMissed{e.missed}}
			e.missed = 0
			e.waiting++
		}
		for _, event := range batch {
			e.mu.Unlock()
			e.deliver(event)
			e.mu.Lock()
			e.waiting--
		}
	}
	e.running = false
	e.idle.Broadcast()
}

// close waits until everything queued has been delivered; later events are dropped.
func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for e.running {
		e.idle.Wait()
	}
}

// Changes yields the node's map, and then each newer one, until ctx ends or the node is
// closed. missed is how many maps were passed over because the loop's body took its time:
// the one that is yielded is always the latest. The node never waits for it.
func (n *Node) Changes(ctx context.Context) iter.Seq2[*slots.Map, int] {
	return func(yield func(m *slots.Map, missed int) bool) {
		var last *slots.Map
		for {
			changed := n.changed.next() // before the look, so that no change is missed
			if m := n.Map(); m != nil && m != last {
				missed := 0
				if last != nil {
					missed = int(m.Version() - last.Version() - 1)
				}
				if last = m; !yield(m, missed) {
					return
				}
				continue
			}
			select {
			case <-changed:
			case <-n.life.ctx.Done():
				return
			case <-ctx.Done():
				return
			}
		}
	}
}
