package server

import "time"

// tickEvery is how often the server looks at its clients. It is also how long a write may
// be stuck before the session goes on without its goroutine.
const tickEvery = 100 * time.Millisecond

func (s *Server) startTickingLocked() {
	if s.ticking || s.closed {
		return
	}
	s.ticking = true
	s.wg.Add(1)
	go s.tickLoop()
}

func (s *Server) tickLoop() {
	defer s.wg.Done()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-ticker.C:
			s.tick()
		}
	}
}

func (s *Server) tick() {
	now := s.cfg.Now().UnixMilli()
	s.clock.Store(now)
	s.stats.sample(now)
	s.notePeak()
	s.tracker.tick()
	l := s.limits.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closeStrangersLocked(l)
	for _, ss := range s.sessions {
		ss.tickLocked(now, l)
	}
}

// tickLocked is called with Server.mu held: a session that is being closed is not given a
// new goroutine.
func (s *session) tickLocked(now int64, l *Limits) {
	if f := s.shared.follower.Load(); f != nil {
		s.tickFollower(f)
		return
	}
	o := &s.output
	state := o.state.Load()
	if state == stateIdle || state == statePushing {
		idle := l.IdleTimeout
		if idle > 0 && now-s.shared.lastSeen.Load() > idle.Milliseconds() && s.srv.paused.Load() == nil &&
			!s.isWaiting() && !s.hasFlag(clientPubsub|clientMonitor) {
			s.srv.cfg.Logger.Debug("client closed: idle", "client", s.id, "addr", s.conn.RemoteAddr())
			s.disconnect()
		}
		if s.socket != nil {
			s.socket.wakeIfEnded()
		}
		return
	}
	bounded, alive := s.tickOutput(l)
	if !alive {
		return
	}
	if moves := o.moves.Load(); moves != o.seen {
		o.seen, o.seenSince = moves, now
		return
	}
	if !bounded && now-o.seenSince > l.WriteTimeout.Milliseconds() {
		s.srv.cfg.Logger.Warn("client closed: it takes no replies", "client", s.id, "addr", s.conn.RemoteAddr(),
			"for", l.WriteTimeout, "waiting", o.pending())
		s.disconnect()
		return
	}
	if s.waiting != nil {
		return // what a stranger does not take is not kept for it: its next command waits
	}
	if o.state.CompareAndSwap(stateWriting, stateReplier) {
		s.Out.B = nil // the replier is sending what it held
		s.srv.wg.Add(1)
		go s.run()
	}
}

// tickFollower closes the connection of a stock server that neither takes nor says anything.
func (s *session) tickFollower(f *follower) {
	if s.socket != nil {
		s.socket.wakeIfEnded()
	}
	if f.sender.Overdue() && !s.shared.disconnected.Load() {
		s.srv.cfg.Logger.Warn("client closed: it replicates this node, and takes and says nothing", "client", s.id,
			"addr", s.conn.RemoteAddr())
		s.disconnect()
	}
}
