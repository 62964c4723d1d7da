package client

import (
	"context"
	"errors"
	"sync"
)

// What waits for one loop at most. One message always has room.
const (
	maxMessages     = 8192
	maxMessageBytes = 32 << 20
	messageOverhead = 64 // that a message takes beside its parts
)

// inbox has the messages that wait for one loop. What has no room is left out; an error in
// its place says so. It is safe for concurrent use.
type inbox struct {
	woken chan struct{} // has a value when something came

	mu     sync.Mutex // guards what follows
	queue  []delivery
	bytes  int
	closed bool
}

// delivery is a message, or an error.
type delivery struct {
	m   Message
	err error
}

func newInbox() *inbox { return &inbox{woken: make(chan struct{}, 1)} }

// put takes a message or an error. It does not wait.
func (in *inbox) put(m Message, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	size := messageOverhead + len(m.Channel) + len(m.Pattern) + len(m.Payload)
	full := len(in.queue) >= maxMessages || len(in.queue) > 0 && in.bytes+size > maxMessageBytes
	switch missed := missedIn(err); {
	case missed != nil:
		in.missLocked(*missed)
	case err == nil && full:
		in.missLocked(MissedError{Count: 1, Err: ErrSlow})
	default:
		in.queue = append(in.queue, delivery{m, err})
		in.bytes += size
	}
	select {
	case in.woken <- struct{}{}:
	default:
	}
}

// missLocked says that messages are missing here, once for all that are missing in a row.
func (in *inbox) missLocked(e MissedError) {
	var last *MissedError
	if n := len(in.queue); n > 0 {
		last = missedIn(in.queue[n-1].err)
	}
	if last != nil {
		if last.Count += e.Count; e.Err != ErrSlow {
			last.Err = e.Err
		}
		return
	}
	in.queue = append(in.queue, delivery{err: &e})
	in.bytes += messageOverhead
}

// missedIn returns the MissedError in err, nil if there is none: err then ends the
// subscription, or is nil itself.
func missedIn(err error) *MissedError {
	if err == nil {
		return nil
	}
	var missed *MissedError
	errors.As(err, &missed)
	return missed
}

// next waits for a delivery. ok is false when ctx has ended.
func (in *inbox) next(ctx context.Context) (d delivery, ok bool) {
	for ctx.Err() == nil {
		if d, ok = in.pop(); ok {
			return d, true
		}
		select {
		case <-in.woken:
		case <-ctx.Done():
		}
	}
	return d, false
}

func (in *inbox) pop() (d delivery, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.queue) == 0 {
		return d, false
	}
	d = in.queue[0]
	in.queue[0] = delivery{}
	in.queue = in.queue[1:]
	in.bytes -= messageOverhead + len(d.m.Channel) + len(d.m.Pattern) + len(d.m.Payload)
	return d, true
}

// close lets go of what waits; later deliveries are dropped.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.queue, in.closed = nil, true
}
