package server

import "time"

// OutputLimit bounds what waits to be sent to a client, in bytes: one that has Hard or more
// waiting, or Soft or more for longer than For, is closed. 0 or less is no limit but
// Limits.MaxOutput.
type OutputLimit struct {
	Hard, Soft int64
	For        time.Duration
}

// defaultPubsubLimit is that of Redis.
var defaultPubsubLimit = OutputLimit{Hard: 32 << 20, Soft: 8 << 20, For: time.Minute}

// outputLimit returns the limit for the client, and the name of its class. One that
// monitors has that of subscribers, for it asks for as little of what it is sent; in Redis it
// is a normal client, and by default nothing bounds what waits for it.
func (s *session) outputLimit(l *Limits) (limit *OutputLimit, class string) {
	if s.hasFlag(clientPubsub | clientMonitor) {
		return &l.Pubsub, "pubsub"
	}
	return &l.Normal, "normal"
}

// overLimitLocked reports whether too much waits for the client, or has waited for too
// long.
func (s *session) overLimitLocked(l *Limits) bool {
	o := &s.output
	limit, _ := s.outputLimit(l)
	waiting := int64(o.queued)
	hard := limit.Hard
	if hard <= 0 {
		hard = int64(l.MaxOutput) // memory is bounded whatever was set
	}
	if waiting >= hard {
		return true
	}
	if limit.Soft <= 0 || waiting < limit.Soft {
		o.overSince = 0
		return false
	}
	now := s.srv.clock.Load()
	if o.overSince == 0 {
		o.overSince = now
	}
	return now-o.overSince > limit.For.Milliseconds()
}

// cutOffLocked closes a client that is over its limit. Nothing waits for that: the caller
// may hold locks.
func (s *session) cutOffLocked() {
	o := &s.output
	waiting := o.queued
	o.failLocked()
	s.shared.disconnected.Store(true)
	s.srv.stats.cutOff.Add(1)
	s.srv.wg.Go(func() {
		limit, class := s.outputLimit(s.srv.limits.Load())
		s.srv.cfg.Logger.Warn("client closed: more waits for it than client-output-buffer-limit allows", "client", s.id,
			"addr", s.conn.RemoteAddr(), "class", class, "waiting", waiting, "hard", limit.Hard, "soft", limit.Soft,
			"for", limit.For)
		s.closeConn()
	})
}

// tickOutput cuts the client off if too much has waited for it for too long: then it is not
// alive. bounded says that the client may take its time besides, as in Redis: what waits
// for it has a bound.
func (s *session) tickOutput(l *Limits) (bounded, alive bool) {
	o := &s.output
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed {
		return true, true
	}
	if s.overLimitLocked(l) {
		s.cutOffLocked()
		return true, false
	}
	limit, _ := s.outputLimit(l)
	return o.pushing && limit.Hard > 0, true
}
