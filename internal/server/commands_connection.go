package server

import (
	"math"
	"time"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

const flagsConn = commands.NoScript | commands.Loading | commands.Stale

// connectionGroup is the commands that change what a connection is.
var connectionGroup = []commands.Command{
	{Name: "auth", Arity: -2,
		Flags: flagsConn | commands.Fast | commands.NoAuth | commands.AllowBusy | commands.Plain,
		Group: "connection", Since: "1.0.0", Summary: "Gives the name and the password of a user.", Run: ofSession(cmdAuth)},
	{Name: "hello", Arity: -1,
		Flags: flagsConn | commands.Fast | commands.NoAuth | commands.AllowBusy | commands.Plain,
		Group: "connection", Since: "6.0.0", Summary: "Chooses the version of the protocol.",
		Run: ofSession(cmdHello)},
	{Name: "quit", Arity: -1,
		Flags: flagsConn | commands.Fast | commands.NoAuth | commands.AllowBusy | commands.Now,
		Group: "connection", Since: "1.0.0", Summary: "Closes the connection.", Run: ofSession(cmdQuit)},
	{Name: "reset", Arity: 1,
		Flags: flagsConn | commands.Fast | commands.NoAuth | commands.AllowBusy | commands.Now,
		Group: "connection", Since: "6.2.0", Summary: "Makes the connection as it was at the start.",
		Run: ofSession(cmdReset)},
	{Name: "asking", Arity: 1, Flags: commands.Fast | commands.KeepAsk | commands.Plain, Group: "cluster",
		Since: "3.0.0", Category: "connection",
		Summary: "Lets the next command into a slot that is being imported.", Run: ofSession(cmdAsking)},
	{Name: "readonly", Arity: 1, Flags: commands.Loading | commands.Stale | commands.Fast | commands.Plain,
		Group: "cluster", Since: "3.0.0", Category: "connection",
		Summary: "Lets this connection read from a replica.", Run: ofSession(cmdReadOnly)},
	{Name: "mesh.readonly", Arity: 2,
		Flags: commands.Loading | commands.Stale | commands.Fast | commands.Plain | commands.Hidden,
		Group: "cluster", Since: "1.0.0", Category: "connection",
		Summary: "Lets this connection read from a replica while that is at most so many milliseconds behind its master.",
		Run:     ofSession(cmdReadOnlyBounded)},
	{Name: "readwrite", Arity: 1, Flags: commands.Loading | commands.Stale | commands.Fast | commands.Plain,
		Group: "cluster", Since: "3.0.0", Category: "connection", Summary: "Undoes READONLY.",
		Run: ofSession(cmdReadWrite)},
	clientCommand,
}

func cmdAuth(s *session) error {
	name, password := []byte(acl.DefaultName), s.Args[1]
	switch len(s.Args) {
	case 2:
		if s.srv.users.Default().Rules().NoPassword() {
			return replyError("ERR AUTH <password> called without any password configured for the default user. Are you " +
				"sure your configuration is correct?")
		}
	case 3:
		name, password = s.Args[1], s.Args[2]
	default:
		return commands.ErrSyntax
	}
	if err := s.login(name, password); err != nil {
		return err
	}
	s.Out.OK()
	return nil
}

func cmdHello(s *session) error {
	version := int64(0)
	if len(s.Args) > 1 {
		v, ok := resp.ParseInt(s.Args[1])
		if !ok {
			return replyError("ERR Protocol version is not an integer or out of range")
		}
		if v < 2 || v > 3 {
			return replyError("NOPROTO unsupported protocol version")
		}
		version = v
	}
	var name []byte
	for i := 2; i < len(s.Args); i++ {
		switch more := len(s.Args) - 1 - i; {
		case s.Word(i, "AUTH") && more >= 2:
			if err := s.login(s.Args[i+1], s.Args[i+2]); err != nil {
				return err
			}
			i += 2
		case s.Word(i, "SETNAME") && more >= 1:
			i++
			name = s.Args[i]
			if err := checkName(name); err != nil {
				return err
			}
		default:
			return replyError("ERR Syntax error in HELLO option '" + string(commands.Clip(s.Args[i], 128)) + "'")
		}
	}
	if s.isStranger() {
		return replyError("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
			"AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol " +
			"version at the same time")
	}
	if version != 0 {
		s.setProto(int(version))
	}
	if name != nil {
		s.setName(name)
	}
	s.helloReply()
	return nil
}

func (s *session) helloReply() {
	mode := "cluster"
	if s.Node.Standalone() {
		mode = "standalone"
	}
	role := "master"
	if s.Node.IsReplica() {
		role = "replica"
	}
	s.Out.Map(7)
	s.Out.BulkString("server")
	s.Out.BulkString("redis")
	s.Out.BulkString("version")
	s.Out.BulkString(commands.RedisVersion)
	s.Out.BulkString("proto")
	s.Out.Int(int64(s.proto()))
	s.Out.BulkString("id")
	s.Out.Int(s.id)
	s.Out.BulkString("mode")
	s.Out.BulkString(mode)
	s.Out.BulkString("role")
	s.Out.BulkString(role)
	s.Out.BulkString("modules")
	s.Out.Array(0)
}

func (s *session) proto() int {
	if s.Out.RESP3 {
		return 3
	}
	return 2
}

func (s *session) setProto(version int) {
	s.Out.RESP3 = version == 3
	s.setFlag(clientRESP3, s.Out.RESP3)
	s.startTold()
	s.noteSubscribed()
}

func cmdQuit(s *session) error {
	s.hangUp = true
	s.Out.OK()
	return nil
}

func cmdReset(s *session) error {
	s.endMulti()
	s.stopMonitoring()
	s.stopTracking()
	s.unsubscribeAll()
	s.asking, s.replies = false, repliesOn
	s.setFlag(clientMuted, false)
	s.setReadOnly(false)
	s.setNoTouch(false)
	s.setName(nil)
	s.setProto(2)
	s.setUser(s.srv.users.Default())
	s.setAuthed(!s.srv.users.AuthRequired())
	s.Out.Simple("RESET")
	return nil
}

func cmdAsking(s *session) error {
	if s.Node.Standalone() {
		return commands.ErrNoCluster
	}
	s.asking = true
	s.Out.OK()
	return nil
}

func cmdReadOnly(s *session) error {
	if s.Node.Standalone() {
		return commands.ErrNoCluster
	}
	s.setReadOnly(true)
	s.Out.OK()
	return nil
}

// cmdReadOnlyBounded is MESH.READONLY milliseconds: READONLY with a bound on the age of
// the data.
func cmdReadOnlyBounded(s *session) error {
	ms, ok := resp.ParseInt(s.Args[1])
	if !ok {
		return commands.ErrNotInt
	}
	if ms <= 0 || ms > math.MaxInt64/int64(time.Millisecond) {
		return replyError("ERR the bound must be a positive number of milliseconds")
	}
	if err := cmdReadOnly(s); err != nil {
		return err
	}
	s.maxStaleness = time.Duration(ms) * time.Millisecond
	return nil
}

func cmdReadWrite(s *session) error {
	if s.Node.Standalone() {
		return commands.ErrNoCluster
	}
	s.setReadOnly(false)
	s.Out.OK()
	return nil
}

func (s *session) setReadOnly(on bool) {
	s.readOnly, s.maxStaleness = on, 0
	s.setFlag(clientReadOnly, on)
}
