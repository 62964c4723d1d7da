package migrator

import (
	"sync/atomic"
	"time"
)

// A hello may need a write of the journal, and a peer can send as many as it opens
// connections. So after a burst of helloBurst, far more than jobs begin at once, the
// journal is written once each helloPace.
const (
	helloBurst = 32
	helloPace  = 100 * time.Millisecond
)

// helloSaves lets hellos that come together share a write of the journal.
type helloSaves struct {
	turn   chan struct{} // holds a token while no write is under way
	latest atomic.Uint64 // counts the changes that hellos have made
	saved  uint64        // how many of those are written; belongs to the token's holder, as due does
	due    time.Time     // when the writes so far would be over at helloPace
}

func newHelloSaves() *helloSaves {
	h := &helloSaves{turn: make(chan struct{}, 1)}
	h.turn <- struct{}{}
	return h
}

// saveHello makes durable what a hello has changed in the registry.
func (mg *Migrator) saveHello() error {
	h := mg.hellos
	mine := h.latest.Add(1)
	select {
	case <-h.turn:
	case <-mg.ctx.Done():
		return mg.ctx.Err()
	}
	defer func() { h.turn <- struct{}{} }()
	if h.saved >= mine {
		return nil // written together with another one
	}
	if now := time.Now(); h.due.Before(now) {
		h.due = now
	}
	if wait := time.Until(h.due) - helloBurst*helloPace; wait > 0 {
		select {
		case <-time.After(wait):
		case <-mg.ctx.Done():
			return mg.ctx.Err()
		}
	}
	all := h.latest.Load()
	if err := mg.saveJournal(); err != nil {
		return err
	}
	h.saved, h.due = all, h.due.Add(helloPace)
	return nil
}
