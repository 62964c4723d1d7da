package server

import (
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// pause makes clients wait (CLIENT PAUSE, and DEBUG SLEEP).
type pause struct {
	writesOnly bool
	until      time.Time
	over       chan struct{} // closed once Server.paused is another one, or none
	timer      *time.Timer
}

// Pause makes commands wait for d: all of them, or only those that may write. When a
// pause is in force already, the longer time and the stricter kind hold. Writes under way
// when Pause returns have ended after a keyspace Barrier: later ones see the pause under
// their slot's lock.
func (s *Server) Pause(d time.Duration, writesOnly bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d <= 0 || s.closed {
		return
	}
	until := s.cfg.Now().Add(d)
	old := s.paused.Load()
	if old != nil {
		if old.until.After(until) {
			until = old.until
		}
		writesOnly = writesOnly && old.writesOnly
		old.timer.Stop()
	}
	p := &pause{writesOnly: writesOnly, until: until, over: make(chan struct{})}
	p.timer = time.AfterFunc(until.Sub(s.cfg.Now()), func() { // waits for the mutex: p is in force by then
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.paused.Load() == p {
			s.unpauseLocked()
		}
	})
	s.paused.Store(p)
	s.setMode(modePaused, true)
	if old != nil {
		close(old.over) // sessions that wait for it look again, and find p
	}
}

// Unpause ends a pause at once.
func (s *Server) Unpause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpauseLocked()
}

func (s *Server) unpauseLocked() {
	if p := s.paused.Swap(nil); p != nil {
		s.setMode(modePaused, false)
		p.timer.Stop()
		close(p.over)
	}
}

// mustWait reports whether a pause holds the command back.
func (s *session) mustWait(cmd *commands.Command) bool {
	p := s.srv.paused.Load()
	if p == nil || cmd.Has(commands.Now) && cmd.Name != "exec" || cmd.Name == "client|unpause" {
		return false
	}
	if !p.writesOnly {
		return true
	}
	if cmd.Name == "exec" {
		return s.multi.on && (s.multi.writes || s.multi.publishes)
	}
	return cmd.Has(commands.Write | commands.MayWrite | commands.Publishes)
}

// awaitUnpause returns false if the server closes first.
func (s *Server) awaitUnpause() bool {
	p := s.paused.Load()
	if p == nil {
		return true
	}
	select {
	case <-p.over:
		return true
	case <-s.life.Done():
		return false
	}
}
