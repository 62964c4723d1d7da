package server

import (
	"sync"
	"time"
)

// pause makes clients wait (CLIENT PAUSE, and the node during a failover).
type pause struct {
	writesOnly bool
	until      time.Time
	over       chan struct{}
	end        func() // once
	timer      *time.Timer
}

// Pause makes commands wait for d: all of them, or only those that may write. When
// a pause is in force already, the longer time and the stricter kind hold.
// Writes under way when Pause returns have ended after a keyspace Barrier:
// later ones see the pause under their slot's lock.
func (s *Server) Pause(d time.Duration, writesOnly bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	p.end = sync.OnceFunc(func() { close(p.over) })
	p.timer = time.AfterFunc(until.Sub(s.cfg.Now()), func() {
		s.paused.CompareAndSwap(p, nil)
		p.end()
	})
	s.paused.Store(p)
	if old != nil {
		old.end() // who waits for it looks again, and finds p
	}
}

// Unpause ends a pause at once.
func (s *Server) Unpause() {
	if p := s.paused.Load(); p != nil {
		s.unpause(p)
	}
}

func (s *Server) unpause(p *pause) {
	s.paused.CompareAndSwap(p, nil)
	p.timer.Stop()
	p.end()
}

// mustWait reports whether a pause holds the command back.
func (s *session) mustWait(cmd *command) bool {
	p := s.srv.paused.Load()
	if p == nil || cmd.has(flagNow) && cmd.name != "exec" || cmd.name == "client|unpause" {
		return false
	}
	if !p.writesOnly {
		return true
	}
	if cmd.name == "exec" {
		return s.multi.on && s.multi.writes
	}
	return cmd.has(flagWrite)
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
