package server

import (
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

const flagsClient = commands.NoScript | commands.Loading | commands.Stale

var clientCommand = commands.Command{Name: "client", Arity: -2, Group: "connection", Since: "2.4.0",
	Summary: "Looks at client connections and changes them.",
	Subs: []commands.Command{
		clientCaching,
		{Name: "getname", Arity: 2, Flags: flagsClient | commands.Plain, Since: "2.6.9",
			Summary: "Returns this connection's name.", Run: ofSession(cmdClientGetName)},
		clientGetRedir,
		{Name: "help", Arity: 2, Flags: commands.Loading | commands.Stale | commands.Plain, Since: "5.0.0",
			Summary: "Lists the subcommands.", Run: commands.Help},
		{Name: "id", Arity: 2, Flags: flagsClient | commands.Plain, Since: "5.0.0",
			Summary: "Returns this connection's number.", Run: ofSession(cmdClientID)},
		{Name: "info", Arity: 2, Flags: flagsClient, Since: "6.2.0", Tips: "nondeterministic_output",
			Summary: "Describes this connection.", Run: ofSession(cmdClientInfo)},
		{Name: "kill", Arity: -3, Args: "(<ip:port>|<option> <value> [<option> <value> [...]])",
			Flags: flagsClient | commands.Admin, Since: "2.4.0", Summary: "Closes connections.",
			Run: ofSession(cmdClientKill)},
		{Name: "list", Arity: -2, Args: "[options ...]", Flags: flagsClient | commands.Admin, Since: "2.4.0",
			Tips: "nondeterministic_output", Summary: "Describes all connections.",
			Run: ofSession(cmdClientList)},
		{Name: "no-evict", Arity: 3, Args: "(ON|OFF)", Flags: flagsClient | commands.Admin | commands.Plain,
			Since: "7.0.0", Summary: "Accepted: no connection is closed to save memory.",
			Run: ofSession(cmdClientNoEvict)},
		{Name: "no-touch", Arity: 3, Args: "(ON|OFF)", Flags: flagsClient | commands.Plain | commands.Hidden,
			Since: "7.2.0", Summary: "Says whether this connection's commands count as uses of keys.",
			Run: ofSession(cmdClientNoTouch)},
		{Name: "pause", Arity: -3, Args: "<timeout> [WRITE|ALL]", Flags: flagsClient | commands.Admin,
			Since: "3.0.0", Summary: "Makes commands wait.", Run: ofSession(cmdClientPause)},
		{Name: "reply", Arity: 3, Args: "(ON|OFF|SKIP)", Flags: flagsClient | commands.Plain, Since: "3.2.0",
			Summary: "Switches replies on and off.", Run: ofSession(cmdClientReply)},
		{Name: "setinfo", Arity: 4, Args: "<option> <value>",
			Flags: flagsClient | commands.Plain | commands.Hidden, Since: "7.2.0",
			Summary: "Says which client library this is.", Run: ofSession(cmdClientSetInfo)},
		{Name: "setname", Arity: 3, Args: "<name>", Flags: flagsClient | commands.Plain, Since: "2.6.9",
			Summary: "Names this connection.", Run: ofSession(cmdClientSetName)},
		clientTrackingOnOff,
		clientTrackingInfo,
		{Name: "unblock", Arity: -3, Args: "<clientid> [TIMEOUT|ERROR]", Flags: flagsClient | commands.Admin,
			Since: "5.0.0", Summary: "Ends a client's wait for a key.", Run: ofSession(cmdClientUnblock)},
		{Name: "unpause", Arity: 2, Flags: flagsClient | commands.Admin, Since: "6.2.0",
			Summary: "Ends a pause.", Run: ofSession(cmdClientUnpause)},
	}}

const errClientName = replyError("ERR Client names cannot contain spaces, newlines or special characters.")

// maxClientText bounds the name of a connection and what its library calls itself, in
// bytes: each connection keeps them, and CLIENT LIST repeats them.
const maxClientText = 1 << 10

func errClientText(what string) error {
	return replyError("ERR " + what + " cannot be longer than " + strconv.Itoa(maxClientText) + " bytes.")
}

// checkName returns why a connection cannot have that name.
func checkName(name []byte) error {
	switch {
	case !validName(name):
		return errClientName
	case len(name) > maxClientText:
		return errClientText("Client names")
	}
	return nil
}

// validName accepts printable ASCII without spaces.
func validName(b []byte) bool {
	for _, c := range b {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

func (s *session) setName(name []byte) {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	s.shared.name = string(name)
}

func cmdClientID(s *session) error {
	s.Out.Int(s.id)
	return nil
}

func cmdClientGetName(s *session) error {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if s.shared.name == "" {
		s.Out.Null()
	} else {
		s.Out.BulkString(s.shared.name)
	}
	return nil
}

func cmdClientSetName(s *session) error {
	if err := checkName(s.Args[2]); err != nil {
		return err
	}
	s.setName(s.Args[2])
	s.Out.OK()
	return nil
}

func cmdClientSetInfo(s *session) error {
	if !validName(s.Args[3]) {
		return replyError("ERR " + string(commands.Clip(s.Args[2], 128)) +
			" cannot contain spaces, newlines or special characters.")
	}
	if len(s.Args[3]) > maxClientText {
		return errClientText(string(commands.Clip(s.Args[2], 128)))
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	switch {
	case s.Word(2, "LIB-NAME"):
		s.shared.libName = string(s.Args[3])
	case s.Word(2, "LIB-VER"):
		s.shared.libVer = string(s.Args[3])
	default:
		return replyError("ERR Unrecognized option '" + string(commands.Clip(s.Args[2], 128)) + "'")
	}
	s.Out.OK()
	return nil
}

func cmdClientNoEvict(s *session) error {
	switch {
	case s.Word(2, "ON"):
		s.setFlag(clientNoEvict, true)
	case s.Word(2, "OFF"):
		s.setFlag(clientNoEvict, false)
	default:
		return commands.ErrSyntax
	}
	s.Out.OK()
	return nil
}

func cmdClientNoTouch(s *session) error {
	switch {
	case s.Word(2, "ON"):
		s.setNoTouch(true)
	case s.Word(2, "OFF"):
		s.setNoTouch(false)
	default:
		return commands.ErrSyntax
	}
	s.Out.OK()
	return nil
}

func (s *session) setNoTouch(on bool) {
	s.noTouch = on
	s.setFlag(clientNoTouch, on)
}

// setTouching tells the transaction of a command whether the client's commands count as
// uses of keys. TOUCH always does.
func (s *session) setTouching(tx *keyspace.Tx, cmd *commands.Command) {
	if s.noTouch {
		tx.NoTouch(cmd.Name != "touch")
	}
}

func cmdClientReply(s *session) error {
	switch {
	case s.Word(2, "ON"):
		s.replies = repliesOn
		s.setFlag(clientMuted, false)
		s.Out.B, s.loud = append(s.Out.B, s.loud...), s.loud[:0]
		s.Out.OK()
	case s.Word(2, "OFF"):
		s.replies = repliesOff
		s.setFlag(clientMuted, true)
	case s.Word(2, "SKIP"):
		if s.replies != repliesOff {
			s.replies = replySkip
		}
	default:
		return commands.ErrSyntax
	}
	return nil
}

func cmdClientPause(s *session) error {
	writesOnly := false
	switch {
	case len(s.Args) == 4 && s.Word(3, "WRITE"):
		writesOnly = true
	case len(s.Args) == 4 && !s.Word(3, "ALL"):
		return replyError("ERR CLIENT PAUSE mode must be WRITE or ALL")
	case len(s.Args) > 4:
		return commands.ErrSubArity(s.Args)
	}
	ms, err := s.NumberIn(2, -1<<62, 1<<62, replyError("ERR timeout is not an integer or out of range"))
	if err != nil {
		return err
	}
	if ms < 0 {
		return replyError("ERR timeout is negative")
	}
	if ms > 0 {
		s.srv.Pause(time.Duration(min(ms, int64(1<<62)/1e6))*time.Millisecond, writesOnly)
	}
	s.Out.OK()
	return nil
}

func cmdClientUnpause(s *session) error {
	s.srv.Unpause()
	s.Out.OK()
	return nil
}
