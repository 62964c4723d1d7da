package server

import (
	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

func cmdACLGetUser(s *session) error {
	u := s.srv.users.Lookup(string(s.Args[2]))
	if u == nil {
		s.Out.Null()
		return nil
	}
	rules := u.Rules()
	flags, passwords, permissions := rules.Flags(), rules.Passwords(), rules.Permissions()
	out := &s.Out
	out.Map(6)
	out.BulkString("flags")
	out.Set(len(flags))
	for _, f := range flags {
		out.BulkString(f)
	}
	out.BulkString("passwords")
	out.Array(len(passwords))
	for _, p := range passwords {
		out.BulkString(p)
	}
	s.showPermissions(permissions[0])
	out.BulkString("selectors")
	out.Array(len(permissions) - 1)
	for _, p := range permissions[1:] {
		out.Map(3)
		s.showPermissions(p)
	}
	return nil
}

// showPermissions appends three fields of a map.
func (s *session) showPermissions(p acl.Permissions) {
	for _, field := range [...][2]string{{"commands", p.Commands}, {"keys", p.Keys}, {"channels", p.Channels}} {
		s.Out.BulkString(field[0])
		s.Out.BulkString(field[1])
	}
}

// shownDenials is how many entries ACL LOG returns unless it is told otherwise.
const shownDenials = 10

func cmdACLLog(s *session) error {
	n := int64(shownDenials)
	switch {
	case len(s.Args) == 2:
	case len(s.Args) > 3:
		return commands.ErrSubArity(s.Args)
	case s.Word(2, "RESET"):
		s.srv.denials.Reset()
		s.Out.OK()
		return nil
	default:
		var err error
		if n, err = s.Number(2); err != nil {
			return err
		}
	}
	list := s.srv.denials.Entries(int(max(0, min(n, 1<<31-1))))
	now := s.srv.cfg.Now()
	out := &s.Out
	out.Array(len(list))
	for i := range list {
		e := &list[i]
		out.Map(7)
		out.BulkString("count")
		out.Int(e.Count)
		for _, field := range [...][2]string{{"reason", e.Reason.String()}, {"context", e.Context.String()},
			{"object", e.Object}, {"username", e.Username}} {
			out.BulkString(field[0])
			out.BulkString(field[1])
		}
		out.BulkString("age-seconds")
		out.Double(float64(e.Age(now).Milliseconds()) / 1000)
		out.BulkString("client-info")
		out.BulkString(e.Client)
	}
	return nil
}
