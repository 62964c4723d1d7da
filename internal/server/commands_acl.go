package server

import (
	"slices"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

const (
	flagsACL      = commands.NoScript | commands.Loading | commands.Stale
	flagsACLAdmin = flagsACL | commands.Admin
)

// aclGroup is the commands on users and their rights.
var aclGroup = []commands.Command{{Name: "acl", Arity: -2, Group: "server", Since: "6.0.0",
	Summary: "Shows and changes users and what they may do.",
	Subs: []commands.Command{
		{Name: "cat", Arity: -2, Args: "[<category>]", Flags: flagsACL | commands.Plain, Since: "6.0.0",
			Summary: "Returns the categories of commands, or the commands of one.", Run: ofSession(cmdACLCat)},
		{Name: "deluser", Arity: -3, Args: "<username> [<username> ...]", Flags: flagsACLAdmin, Since: "6.0.0",
			Summary: "Deletes users and closes their connections.", Run: ofSession(cmdACLDelUser)},
		{Name: "dryrun", Arity: -4, Args: "<username> <command> [<arg> ...]", Flags: flagsACLAdmin, Since: "7.0.0",
			Summary: "Tells whether a user may run a command, without running it.", Run: ofSession(cmdACLDryRun)},
		{Name: "genpass", Arity: -2, Args: "[<bits>]", Flags: flagsACL | commands.Plain, Since: "6.0.0",
			Summary: "Returns a random password, of 256 bits unless told otherwise.", Run: ofSession(cmdACLGenPass)},
		{Name: "getuser", Arity: 3, Args: "<username>", Flags: flagsACLAdmin, Since: "6.0.0",
			Summary: "Returns the rights of a user.", Run: ofSession(cmdACLGetUser)},
		{Name: "help", Arity: 2, Flags: commands.Loading | commands.Stale | commands.Plain, Since: "6.0.0",
			Summary: "Lists the subcommands.", Run: commands.Help},
		{Name: "list", Arity: 2, Flags: flagsACLAdmin, Since: "6.0.0",
			Summary: "Returns all users as lines of a configuration file.", Run: ofSession(cmdACLList)},
		{Name: "load", Arity: 2, Flags: flagsACLAdmin, Since: "6.0.0",
			Summary: "Reads the ACL file anew, and closes the connections of users that it changes.",
			Run:     ofSession(cmdACLLoad)},
		{Name: "log", Arity: -2, Args: "[<count> | RESET]", Flags: flagsACLAdmin, Since: "6.0.0",
			Summary: "Returns what users were refused lately, or forgets it.", Run: ofSession(cmdACLLog)},
		{Name: "save", Arity: 2, Flags: flagsACLAdmin, Since: "6.0.0",
			Summary: "Writes the users to the ACL file.", Run: ofSession(cmdACLSave)},
		{Name: "setuser", Arity: -3, Args: "<username> <attribute> [<attribute> ...]", Flags: flagsACLAdmin,
			Since: "6.0.0", Summary: "Makes a user, or changes one.", Run: ofSession(cmdACLSetUser)},
		{Name: "users", Arity: 2, Flags: flagsACLAdmin, Since: "6.0.0",
			Summary: "Returns the names of all users.", Run: ofSession(cmdACLUsers)},
		{Name: "whoami", Arity: 2, Flags: flagsACL | commands.Plain, Since: "6.0.0",
			Summary: "Returns the name of this connection's user.", Run: ofSession(cmdACLWhoAmI)},
	}}}

func cmdACLWhoAmI(s *session) error {
	s.Out.BulkString(s.user.Name())
	return nil
}

func cmdACLUsers(s *session) error {
	all := s.srv.users.All()
	s.Out.Array(len(all))
	for _, u := range all {
		s.Out.BulkString(u.Name())
	}
	return nil
}

func cmdACLList(s *session) error {
	all := s.srv.users.All()
	s.Out.Array(len(all))
	for _, u := range all {
		s.Out.BulkString(u.String())
	}
	return nil
}

func cmdACLSetUser(s *session) error {
	modifiers := make([]string, len(s.Args)-3)
	for i, arg := range s.Args[3:] {
		modifiers[i] = string(arg)
	}
	name := string(s.Args[2])
	before := s.srv.channelRights(name)
	if err := s.srv.users.SetUser(name, modifiers); err != nil {
		return replyError("ERR " + err.Error())
	}
	s.disconnectSubscribers(before)
	s.Out.OK()
	return nil
}

func cmdACLDelUser(s *session) error {
	names := make([]string, len(s.Args)-2)
	for i, arg := range s.Args[2:] {
		names[i] = string(arg)
	}
	gone, err := s.srv.users.Delete(names)
	if err != nil {
		return replyError("ERR " + err.Error())
	}
	s.disconnectUsers(gone)
	s.Out.Int(int64(len(gone)))
	return nil
}

// errNoUserFile is Redis' text.
const errNoUserFile = replyError("ERR This Redis instance is not configured to use an ACL file. You may want to " +
	"specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis " +
	"configuration file set) in order to store users in the Redis configuration.")

func cmdACLLoad(s *session) error {
	if s.srv.cfg.UserFile == "" {
		return errNoUserFile
	}
	before := s.srv.channelRights(acl.DefaultName) // all other users that change lose their connections
	changed, err := s.srv.loadUsers()
	if err != nil {
		return replyError("ERR " + err.Error())
	}
	s.disconnectUsers(changed)
	s.disconnectSubscribers(before)
	s.srv.cfg.Logger.Info("a client had the ACL file read", "client", s.id, "addr", s.RemoteAddr(),
		"file", s.srv.cfg.UserFile)
	s.Out.OK()
	return nil
}

func cmdACLSave(s *session) error {
	if s.srv.cfg.UserFile == "" {
		return errNoUserFile
	}
	if err := s.srv.saveUsers(); err != nil {
		s.srv.cfg.Logger.Error("the ACL file could not be written", "file", s.srv.cfg.UserFile, "error", err)
		return replyError("ERR There was an error trying to save the ACLs. Please check the server logs for more information")
	}
	s.Out.OK()
	return nil
}

func cmdACLGenPass(s *session) error {
	bits := int64(256)
	switch len(s.Args) {
	case 2:
	case 3:
		n, err := s.Number(2)
		if err != nil {
			return err
		}
		bits = n
	default:
		return commands.ErrSubArity(s.Args)
	}
	password, err := acl.GeneratePassword(bits)
	if err != nil {
		return replyError("ERR " + err.Error())
	}
	s.Out.BulkString(password)
	return nil
}

func cmdACLCat(s *session) error {
	var names []string
	switch len(s.Args) {
	case 2:
		names = acl.Categories()
	case 3:
		category, ok := acl.CategoryNamed(string(s.Args[2]))
		if !ok {
			return replyError("ERR Unknown category '" + string(commands.Clip(s.Args[2], 128)) + "'")
		}
		have := make(map[string]bool)
		for _, c := range s.srv.original.All() {
			have[c.Name] = true
		}
		names = s.srv.users.Catalog().Members(category)
		names = slices.DeleteFunc(names, func(name string) bool { return !have[name] })
	default:
		return commands.ErrSubArity(s.Args)
	}
	s.Out.Array(len(names))
	for _, name := range names {
		s.Out.BulkString(name)
	}
	return nil
}

func cmdACLDryRun(s *session) error {
	u := s.srv.users.Lookup(string(s.Args[2]))
	if u == nil {
		return replyError("ERR User '" + string(commands.Clip(s.Args[2], 128)) + "' not found")
	}
	line := s.Args[3:]
	cmd, err := s.Node.Table.Resolve(line)
	switch {
	case cmd == nil:
		return replyError("ERR Command '" + string(commands.Clip(line[0], 128)) + "' not found")
	case err != nil:
		return err
	}
	const refused = "This user has no permissions to "
	switch d := s.denial(u, cmd, line); d.Reason {
	case acl.Allowed:
		s.Out.OK()
	case acl.DeniedKey:
		s.Out.BulkString(refused + "access the '" + string(line[d.Arg]) + "' key")
	case acl.DeniedChannel:
		s.Out.BulkString(refused + "access the '" + string(line[d.Arg]) + "' channel")
	default:
		s.Out.BulkString(refused + "run the '" + cmd.Name + "' command")
	}
	return nil
}
