package server

import (
	"context"
	"net"
	"sync/atomic"
	"time"
)

// A stranger is a client that has yet to prove that it may be here: it has not given the
// password, or not finished the handshake of TLS. Anybody can be one, so what strangers
// cost is bounded:
//
//   - in bytes: see resp.Parser.SetStranger. A stranger that takes no replies is not read
//     from, where another client's replies would be queued;
//   - in time: one that is a stranger still after Limits.AuthTimeout is closed, however
//     much it says. That is harmless to clients with a password: their libraries give it
//     before anything else, also on connections that a pool opens in advance, and
//     redis-cli, whose user may take longer to type AUTH, connects anew by itself;
//   - in number: strangers have half of Limits.MaxClients, and room is made for a new
//     client by closing the oldest of them. A client that authenticates at once is the
//     oldest only if very many others connect in the meantime, and those who have
//     authenticated are never closed for strangers.

// tlsConn is a connection of TLS, such as a *tls.Conn: it has to be negotiated before it can
// be used.
type tlsConn interface {
	net.Conn
	NetConn() net.Conn
	HandshakeContext(ctx context.Context) error
}

// begin runs the session after the handshake of TLS, if there is one.
func (s *session) begin() {
	if conn, ok := s.conn.(tlsConn); ok {
		if err := conn.HandshakeContext(s.srv.life); err != nil {
			s.srv.cfg.Logger.Debug("Error accepting a client connection", "client", s.id, "addr", s.conn.RemoteAddr(),
				"error", err)
			s.end()
			s.srv.wg.Done()
			return
		}
		s.setStranger(!s.authed)
	}
	s.run()
}

// setStranger says whether the client is a stranger.
func (s *session) setStranger(on bool) {
	if on == s.stranger {
		return
	}
	s.stranger = on
	s.parser.SetStranger(on)
	s.srv.mu.Lock()
	defer s.srv.mu.Unlock()
	switch {
	case !on:
		s.srv.removeStrangerLocked(s)
	case s.srv.sessions[s.id] == s:
		s.srv.makeRoomForStrangerLocked(s.srv.limits.Load())
		s.srv.addStrangerLocked(s)
	}
}

func (s *Server) addStrangerLocked(ss *session) {
	ss.since = time.Now()
	ss.waiting = s.strangers.PushBack(ss)
}

func (s *Server) removeStrangerLocked(ss *session) {
	if ss.waiting != nil {
		s.strangers.Remove(ss.waiting)
		ss.waiting = nil
	}
}

// makeRoomLocked closes strangers for the sake of a client that has just connected.
func (s *Server) makeRoomLocked(l *Limits, stranger bool) {
	for len(s.sessions) >= l.MaxClients && s.strangers.Len() > 0 {
		s.evictStrangerLocked()
	}
	if stranger {
		s.makeRoomForStrangerLocked(l)
	}
}

func (s *Server) makeRoomForStrangerLocked(l *Limits) {
	for s.strangers.Len() >= max(1, l.MaxClients/2) {
		s.evictStrangerLocked()
	}
}

// evictStrangerLocked closes the oldest stranger. It no longer counts as a client then.
func (s *Server) evictStrangerLocked() {
	if s.crowdLogged.due(s.cfg.Now()) {
		s.cfg.Logger.Warn("very many clients connect and do not authenticate: the oldest of them are closed to make room",
			"unauthenticated", s.strangers.Len(), "clients", len(s.sessions), "maxclients", s.limits.Load().MaxClients)
	}
	s.stats.rejectedConns.Add(1)
	s.closeStrangerLocked(s.strangers.Front().Value.(*session))
}

// closeStrangersLocked closes those who had the time to authenticate and did not. A pause
// holds AUTH back too, so time counts from its end.
func (s *Server) closeStrangersLocked(l *Limits) {
	now := time.Now() // not Config.Now, which may be set back or forth
	if s.paused.Load() != nil {
		s.lastPause = now
	}
	if l.AuthTimeout < 0 || now.Sub(s.lastPause) < l.AuthTimeout {
		return
	}
	for e := s.strangers.Front(); e != nil; e = s.strangers.Front() {
		ss := e.Value.(*session)
		if now.Sub(ss.since) < l.AuthTimeout {
			return
		}
		s.cfg.Logger.Debug("client closed: it has not authenticated in time", "client", ss.id, "addr", ss.conn.RemoteAddr(),
			"after", l.AuthTimeout)
		s.closeStrangerLocked(ss)
	}
}

func (s *Server) closeStrangerLocked(ss *session) {
	s.removeStrangerLocked(ss)
	delete(s.sessions, ss.id)
	ss.shared.disconnected.Store(true)
	s.wg.Go(func() { abort(ss.conn) })
}

// abort closes a connection without a word, also one of TLS. It may wait for a command
// under way.
func abort(conn net.Conn) {
	if wrapped, ok := conn.(tlsConn); ok {
		conn = wrapped.NetConn()
	}
	conn.Close()
}

// rareLog keeps what strangers can cause at will from filling the log.
type rareLog struct{ last atomic.Int64 } // Unix milliseconds

// rareLogEvery is as Redis has it for attacks.
const rareLogEvery = time.Minute

// due reports whether it is time for another line.
func (r *rareLog) due(now time.Time) bool {
	last := r.last.Load()
	return now.UnixMilli()-last >= rareLogEvery.Milliseconds() && r.last.CompareAndSwap(last, now.UnixMilli())
}
