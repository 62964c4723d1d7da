package server

import "github.com/slotmesh/slotmesh/internal/resp"

// findFunction finds the function that FCALL names, and how many of the arguments after
// the third are keys.
func (s *session) findFunction() (found, int, error) {
	if !s.srv.functions.Runs() {
		return found{}, 0, errNoScripts
	}
	f := s.srv.functions.Set().Find(s.Args[1])
	if f == nil {
		return found{}, 0, replyError("ERR Function not found")
	}
	n, ok := resp.ParseInt(s.Args[2])
	switch {
	case !ok:
		return found{}, 0, replyError("ERR Bad number of keys provided")
	case n > int64(len(s.Args)-3):
		return found{}, 0, replyError("ERR Number of keys can't be greater than number of args")
	case n < 0:
		return found{}, 0, replyError("ERR Number of keys can't be negative")
	}
	return found{id: f.Name, exec: f.Run, flags: f.Flags}, int(n), nil
}
