package migrate

import (
	"sync/atomic"
	"time"
)

// helloPace is the least time between two writes of the journal that hellos ask for. Whoever opens connections can
// ask for as many as it likes, and each would be written to the disk at once.
const helloPace = 100 * time.Millisecond

// helloSaves lets hellos that come together share a write of the journal.
type helloSaves struct {
	turn   chan struct{} // holds a token while nobody writes
	latest atomic.Uint64 // counts the changes that hellos have made
	saved  uint64        // of those, how many are written; of the token's holder, as the next
	at     time.Time     // of the last write
}

func newHelloSaves() *helloSaves {
	h := &helloSaves{turn: make(chan struct{}, 1)}
	h.turn <- struct{}{}
	return h
}

// saveHello makes durable what a hello has changed in custody.
func (d *Driver) saveHello() error {
	h := d.hellos
	mine := h.latest.Add(1)
	select {
	case <-h.turn:
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
	defer func() { h.turn <- struct{}{} }()
	if h.saved >= mine {
		return nil // written together with another one
	}
	if wait := helloPace - time.Since(h.at); !h.at.IsZero() && wait > 0 {
		select {
		case <-time.After(wait):
		case <-d.ctx.Done():
			return d.ctx.Err()
		}
	}
	all := h.latest.Load()
	if err := d.saveJournal(); err != nil {
		return err
	}
	h.saved, h.at = all, time.Now()
	return nil
}
