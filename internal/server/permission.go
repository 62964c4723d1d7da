package server

import (
	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// The rights of the session's user are checked where a command has come and is known, before
// anything of it is done: so also before a client learns from a redirect where a key lives.
// A command of a transaction is checked when it is queued, and once more by EXEC, since the
// rights may have changed. Calls of the host program and of other nodes come without a user
// and may do everything.

// mayRun returns the refusal of a command that the user of the session has no right to, and
// notes it in the ACL log. It need not be asked about an unrestricted user.
func (s *session) mayRun(cmd *commands.Command, args [][]byte) error {
	switch d := s.denial(s.user, cmd, args); d.Reason {
	case acl.Allowed:
		return nil
	case acl.DeniedKey:
		s.logDenial(d.Reason, string(args[d.Arg]))
		return replyError("NOPERM this user has no permissions to access one of the keys used as arguments")
	case acl.DeniedChannel:
		s.logDenial(d.Reason, string(args[d.Arg]))
		return replyError("NOPERM this user has no permissions to access one of the channels used as arguments")
	default:
		s.logDenial(d.Reason, cmd.Name)
		return replyError("NOPERM this user has no permissions to run the '" + cmd.Name + "' command")
	}
}

// denial checks a command line against the rights of a user.
func (s *session) denial(u *acl.User, cmd *commands.Command, args [][]byte) acl.Denial {
	var some [2]acl.KeyRange
	return u.Check(&acl.Request{Command: cmd.ID, Args: args, Keys: cmd.KeyRanges(some[:0], args),
		Channels: cmd.ChannelRange(args)})
}

// MayReadAllKeys reports whether the user of the session has the right to a command with
// any key.
func (s *session) MayReadAllKeys(cmd *commands.Command) bool {
	return s.user == nil || !s.user.Check(&acl.Request{Command: cmd.ID, Args: s.Args, EveryKey: acl.Read}).Denied()
}

// stillMayRun is mayRun for a command that was queued when the user had a right to it.
func (s *session) stillMayRun(q queued) error {
	if s.user == nil || s.user.Unrestricted() {
		return nil
	}
	const changed = "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
		"This command is no longer allowed for the following reason: "
	switch d := s.denial(s.user, q.cmd, q.args); d.Reason {
	case acl.Allowed:
		return nil
	case acl.DeniedKey:
		s.logDenial(d.Reason, string(q.args[d.Arg]))
		return replyError(changed + "no permission to touch the specified keys")
	case acl.DeniedChannel:
		s.logDenial(d.Reason, string(q.args[d.Arg]))
		return replyError(changed + "no permission to access one of the channels used as arguments")
	default:
		s.logDenial(d.Reason, q.cmd.Name)
		return replyError(changed + "no permission to execute the command or subcommand")
	}
}

// logDenial notes in the ACL log what the user of the session has been refused.
func (s *session) logDenial(reason acl.Reason, object string) {
	s.logDenialOf(s.user.Name(), reason, object)
}

func (s *session) logDenialOf(user string, reason acl.Reason, object string) {
	e := acl.Entry{Reason: reason, Object: object, Username: user, Updated: s.srv.cfg.Now()}
	switch {
	case s.script.running():
		e.Context = acl.Lua
	case s.multi.on:
		e.Context = acl.Multi
	}
	s.publish()
	line := s.describe(nil)
	e.Client = string(line[:len(line)-1])
	s.srv.denials.Add(e)
}

// login checks the name and the password of a user and makes the session that user's. A
// failure is noted in the ACL log, with the command by which the client tried.
func (s *session) login(name, password []byte) error {
	u := s.srv.users.Authenticate(string(name), password)
	if u == nil {
		s.logDenialOf(string(name), acl.DeniedAuth, string(s.Args[0]))
		return errWrongPass
	}
	s.setUser(u)
	s.setAuthed(true)
	if s.srv.users.Lookup(u.Name()) != u { // deleted meanwhile, and its sessions were closed without this one
		s.hangUp = true
	}
	return nil
}

func (s *session) setUser(u *acl.User) {
	s.user = u
	s.shared.user.Store(u)
}

func (s *session) setAuthed(authed bool) {
	s.authed = authed
	s.setStranger(!authed)
}

// isStranger reports whether the client has to say who it is first. A client that need not
// any more, because the default user now asks for no password, is told apart no longer.
func (s *session) isStranger() bool {
	if !s.authed && !s.srv.users.AuthRequired() {
		s.setAuthed(true)
	}
	return !s.authed
}
