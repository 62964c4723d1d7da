package server

import (
	"crypto/subtle"
	"math"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

const (
	flagsConn = flagNoScript | flagLoading | flagStale
	// redisVersion is the version of Redis whose replies this server gives.
	redisVersion = "7.0.15"
)

var connectionCommands = []command{
	{name: "ping", arity: -1, flags: flagFast | flagPlain, group: "connection", since: "1.0.0",
		tips: "request_policy:all_shards response_policy:all_succeeded", summary: "Answers PONG, or the given message.",
		run: cmdPing},
	{name: "echo", arity: 2, flags: flagLoading | flagStale | flagFast | flagPlain, group: "connection", since: "1.0.0",
		summary: "Returns the given message.", run: cmdEcho},
	{name: "select", arity: 2, flags: flagLoading | flagStale | flagFast | flagPlain, group: "connection", since: "1.0.0",
		summary: "Chooses database 0, the only one.", run: cmdSelect},
	{name: "auth", arity: -2, flags: flagsConn | flagFast | flagNoAuth | flagAllowBusy | flagPlain, group: "connection",
		since:   "1.0.0",
		summary: "Gives the password.", run: cmdAuth},
	{name: "hello", arity: -1, flags: flagsConn | flagFast | flagNoAuth | flagAllowBusy | flagPlain, group: "connection",
		since:   "6.0.0",
		summary: "Chooses the version of the protocol.", run: cmdHello},
	{name: "quit", arity: -1, flags: flagsConn | flagFast | flagNoAuth | flagAllowBusy | flagNow, group: "connection",
		since:   "1.0.0",
		summary: "Closes the connection.", run: cmdQuit},
	{name: "reset", arity: 1, flags: flagsConn | flagFast | flagNoAuth | flagAllowBusy | flagNow, group: "connection",
		since:   "6.2.0",
		summary: "Makes the connection as it was at the start.", run: cmdReset},
	{name: "asking", arity: 1, flags: flagFast | flagKeepAsk | flagPlain, group: "cluster", since: "3.0.0",
		summary: "Lets the next command into a slot that is being imported.", run: cmdAsking},
	{name: "readonly", arity: 1, flags: flagLoading | flagStale | flagFast | flagPlain, group: "cluster", since: "3.0.0",
		summary: "Lets this connection read from a replica.", run: cmdReadOnly},
	{name: "mesh.readonly", arity: 2, flags: flagLoading | flagStale | flagFast | flagPlain | flagHidden,
		group: "cluster", since: "1.0.0",
		summary: "Lets this connection read from a replica while that is at most so many milliseconds behind its master.",
		run:     cmdReadOnlyBounded},
	{name: "readwrite", arity: 1, flags: flagLoading | flagStale | flagFast | flagPlain, group: "cluster", since: "3.0.0",
		summary: "Undoes READONLY.", run: cmdReadWrite},
	clientCommand,
}

func cmdPing(s *session) error {
	switch len(s.args) {
	case 1:
		s.out.Raw("+PONG\r\n")
	case 2:
		s.out.Bulk(s.args[1])
	default:
		return errArity(s.cmd)
	}
	return nil
}

func cmdEcho(s *session) error {
	s.out.Bulk(s.args[1])
	return nil
}

func cmdSelect(s *session) error {
	db, ok := resp.ParseInt(s.args[1])
	switch {
	case !ok:
		return replyError("ERR value is not an integer or out of range")
	case db == 0:
		s.out.OK()
		return nil
	case !s.srv.standalone():
		return replyError("ERR SELECT is not allowed in cluster mode")
	}
	return replyError("ERR DB index is out of range")
}

func cmdAuth(s *session) error {
	switch len(s.args) {
	case 2:
		if s.srv.limits.Load().Password == "" {
			return replyError("ERR AUTH <password> called without any password configured for the default user. Are you " +
				"sure your configuration is correct?")
		}
		if !s.login(nil, s.args[1]) {
			return errWrongPass
		}
	case 3:
		if !s.login(s.args[1], s.args[2]) {
			return errWrongPass
		}
	default:
		return errSyntax
	}
	s.out.OK()
	return nil
}

// login checks user (nil stands for "default", the only one) and password. With no
// password configured any will do.
func (s *session) login(user, password []byte) bool {
	if user != nil && string(user) != "default" {
		return false
	}
	want := s.srv.limits.Load().Password
	if want != "" && subtle.ConstantTimeCompare(password, []byte(want)) != 1 {
		return false
	}
	s.setAuthed(true)
	return true
}

func (s *session) setAuthed(authed bool) {
	s.authed = authed
	s.parser.SetStranger(!authed)
}

func cmdHello(s *session) error {
	version := int64(0)
	if len(s.args) > 1 {
		v, ok := resp.ParseInt(s.args[1])
		if !ok {
			return replyError("ERR Protocol version is not an integer or out of range")
		}
		if v < 2 || v > 3 {
			return replyError("NOPROTO unsupported protocol version")
		}
		version = v
	}
	var name []byte
	for i := 2; i < len(s.args); i++ {
		switch more := len(s.args) - 1 - i; {
		case s.word(i, "AUTH") && more >= 2:
			if !s.login(s.args[i+1], s.args[i+2]) {
				return errWrongPass
			}
			i += 2
		case s.word(i, "SETNAME") && more >= 1:
			i++
			name = s.args[i]
			if err := checkName(name); err != nil {
				return err
			}
		default:
			return replyError("ERR Syntax error in HELLO option '" + string(clip(s.args[i], 128)) + "'")
		}
	}
	if !s.authed {
		return replyError("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
			"<proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol " +
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
	if s.srv.standalone() {
		mode = "standalone"
	}
	role := "master"
	if s.srv.isReplica() {
		role = "replica"
	}
	s.out.Map(7)
	s.out.BulkString("server")
	s.out.BulkString("redis")
	s.out.BulkString("version")
	s.out.BulkString(redisVersion)
	s.out.BulkString("proto")
	s.out.Int(int64(s.proto()))
	s.out.BulkString("id")
	s.out.Int(s.id)
	s.out.BulkString("mode")
	s.out.BulkString(mode)
	s.out.BulkString("role")
	s.out.BulkString(role)
	s.out.BulkString("modules")
	s.out.Array(0)
}

func (s *session) proto() int {
	if s.out.RESP3 {
		return 3
	}
	return 2
}

func (s *session) setProto(version int) {
	s.out.RESP3 = version == 3
	s.setFlag(clientRESP3, s.out.RESP3)
}

func cmdQuit(s *session) error {
	s.hangUp = true
	s.out.OK()
	return nil
}

func cmdReset(s *session) error {
	s.endMulti()
	s.asking, s.replies = false, repliesOn
	s.setReadOnly(false)
	s.setFlag(clientNoEvict, false)
	s.setName(nil)
	s.setProto(2)
	s.setAuthed(s.srv.limits.Load().Password == "")
	s.out.Simple("RESET")
	return nil
}

func cmdAsking(s *session) error {
	if s.srv.standalone() {
		return errNoCluster
	}
	s.asking = true
	s.out.OK()
	return nil
}

func cmdReadOnly(s *session) error {
	if s.srv.standalone() {
		return errNoCluster
	}
	s.setReadOnly(true)
	s.out.OK()
	return nil
}

// cmdReadOnlyBounded is READONLY for who minds how old the data is: MESH.READONLY
// milliseconds.
func cmdReadOnlyBounded(s *session) error {
	ms, ok := resp.ParseInt(s.args[1])
	if !ok {
		return errNotInt
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
	if s.srv.standalone() {
		return errNoCluster
	}
	s.setReadOnly(false)
	s.out.OK()
	return nil
}

func (s *session) setReadOnly(on bool) {
	s.readOnly, s.maxStaleness = on, 0
	s.setFlag(clientReadOnly, on)
}

// isReplica reports whether this node follows another one.
func (s *Server) isReplica() bool {
	if m := s.engine.Map(); m != nil {
		return !m.Self().IsMaster()
	}
	return s.cfg.Replication().Master != nil
}

func itoa(n int) string { return strconv.Itoa(n) }
