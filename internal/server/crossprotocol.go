package server

import "github.com/slotmesh/slotmesh/internal/server/commands"

// isHTTP reports whether a command is a line of an HTTP request that tells one for
// certain: the start of one with a body, or the header that every browser sends. A web
// page can make its reader's browser send such requests to this port, with commands in
// the body (docs/spec.md §13.8).
func isHTTP(args [][]byte) bool {
	return commands.IsWord(args[0], "POST") || commands.IsWord(args[0], "HOST:")
}

// abortHTTP ends the session of a client that speaks HTTP: without a reply, and without a
// look at what else it has sent.
func (s *session) abortHTTP() {
	s.Out.B = s.Out.B[:0]
	s.hangUp = true
	if !s.srv.attackLogged.due(s.srv.cfg.Now()) {
		return
	}
	s.srv.cfg.Logger.Warn("possible SECURITY ATTACK detected: a client sends POST or Host: commands, as HTTP does; "+
		"somebody may be using cross-protocol scripting to reach this node; its connection was closed",
		"client", s.id, "addr", s.conn.RemoteAddr())
}
