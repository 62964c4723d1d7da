package server

import (
	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

func cmdClientKill(s *session) error {
	if len(s.Args) == 3 {
		return s.killByAddr()
	}
	f, err := s.killFilter()
	if err != nil {
		return err
	}
	n := int64(0)
	for _, other := range s.srv.clients() {
		if f.match(other) && (other != s || !f.skipMe) {
			s.kill(other)
			n++
		}
	}
	s.Out.Int(n)
	return nil
}

// killByAddr is the old form: one address.
func (s *session) killByAddr() error {
	for _, other := range s.srv.clients() {
		if other.RemoteAddr() == string(s.Args[2]) {
			s.kill(other)
			s.Out.OK()
			return nil
		}
	}
	return replyError("ERR No such client")
}

func (s *session) kill(other *session) {
	if other == s {
		s.hangUp = true // after the reply
		return
	}
	s.srv.mu.Lock()
	delete(s.srv.sessions, other.id) // not listed any more, whatever it is doing
	s.srv.mu.Unlock()
	if w := other.shared.wait.Load(); w != nil {
		w.end(waitGivenUp) // before anything is taken for it
	}
	other.disconnect()
}

// killFilter is what CLIENT KILL closes: the connections of which all that is set holds.
// What is given twice holds as it was given last.
type killFilter struct {
	id          int64               // 0: any
	ofType      func(*session) bool // nil: any
	addr, laddr []byte              // nil: any
	user        *acl.User           // nil: any
	skipMe      bool
}

func (f *killFilter) match(o *session) bool {
	return (f.id == 0 || o.id == f.id) && (f.ofType == nil || f.ofType(o)) &&
		(f.user == nil || o.shared.user.Load() == f.user) &&
		(f.addr == nil || o.RemoteAddr() == string(f.addr)) &&
		(f.laddr == nil || o.localAddr() == string(f.laddr))
}

func (s *session) killFilter() (f killFilter, err error) {
	f.skipMe = true
	for i := 2; i < len(s.Args); i += 2 {
		if i+1 == len(s.Args) {
			return f, commands.ErrSyntax
		}
		value := s.Args[i+1]
		switch {
		case s.Word(i, "ID"):
			f.id, err = s.NumberIn(i+1, 1, 1<<62, replyError("ERR client-id should be greater than 0"))
		case s.Word(i, "TYPE"):
			f.ofType, err = clientType(value)
		case s.Word(i, "ADDR"):
			f.addr = value
		case s.Word(i, "LADDR"):
			f.laddr = value
		case s.Word(i, "USER"):
			if f.user = s.srv.users.Lookup(string(value)); f.user == nil {
				err = replyError("ERR No such user '" + string(commands.Clip(value, 128)) + "'")
			}
		case s.Word(i, "SKIPME") && (commands.IsWord(value, "YES") || commands.IsWord(value, "NO")):
			f.skipMe = commands.IsWord(value, "YES")
		default:
			err = commands.ErrSyntax
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}
