package server

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

const flagsClient = commands.NoScript | commands.Loading | commands.Stale

var clientCommand = commands.Command{Name: "client", Arity: -2, Group: "connection", Since: "2.4.0",
	Summary: "Looks at client connections and changes them.",
	Subs: []commands.Command{
		{Name: "getname", Arity: 2, Flags: flagsClient | commands.Plain, Since: "2.6.9",
			Summary: "Returns this connection's name.", Run: ofSession(cmdClientGetName)},
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
		{Name: "pause", Arity: -3, Args: "<timeout> [WRITE|ALL]", Flags: flagsClient | commands.Admin,
			Since: "3.0.0", Summary: "Makes commands wait.", Run: ofSession(cmdClientPause)},
		{Name: "reply", Arity: 3, Args: "(ON|OFF|SKIP)", Flags: flagsClient | commands.Plain, Since: "3.2.0",
			Summary: "Switches replies on and off.", Run: ofSession(cmdClientReply)},
		{Name: "setinfo", Arity: 4, Args: "<option> <value>",
			Flags: flagsClient | commands.Plain | commands.Hidden, Since: "7.2.0",
			Summary: "Says which client library this is.", Run: ofSession(cmdClientSetInfo)},
		{Name: "setname", Arity: 3, Args: "<name>", Flags: flagsClient | commands.Plain, Since: "2.6.9",
			Summary: "Names this connection.", Run: ofSession(cmdClientSetName)},
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

func cmdClientReply(s *session) error {
	switch {
	case s.Word(2, "ON"):
		s.replies = repliesOn
		s.Out.OK()
	case s.Word(2, "OFF"):
		s.replies = repliesOff
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

func cmdClientInfo(s *session) error {
	s.publish()
	s.Out.Verbatim("txt", string(s.describe(nil)))
	return nil
}

func cmdClientList(s *session) error {
	wanted, err := s.clientFilter()
	if err != nil {
		return err
	}
	s.publish()
	var text []byte
	for _, other := range s.srv.clients() {
		if wanted(other) {
			text = other.describe(text)
		}
	}
	s.Out.Verbatim("txt", string(text))
	return nil
}

// clientFilter reads the options of CLIENT LIST.
func (s *session) clientFilter() (wanted func(*session) bool, err error) {
	switch {
	case len(s.Args) == 2:
		return func(*session) bool { return true }, nil
	case len(s.Args) == 4 && s.Word(2, "TYPE"):
		return clientType(s.Args[3])
	case len(s.Args) > 3 && s.Word(2, "ID"):
		ids := make(map[int64]bool)
		for i := 3; i < len(s.Args); i++ {
			id, err := s.NumberIn(i, -1<<62, 1<<62, replyError("ERR Invalid client ID"))
			if err != nil {
				return nil, err
			}
			ids[id] = true
		}
		return func(o *session) bool { return ids[o.id] }, nil
	}
	return nil, commands.ErrSyntax
}

// clientType understands the classes of Redis; here all clients are normal ones.
func clientType(name []byte) (wanted func(*session) bool, err error) {
	for _, known := range []string{"NORMAL", "MASTER", "REPLICA", "SLAVE", "PUBSUB"} {
		if commands.IsWord(name, known) {
			normal := known == "NORMAL"
			return func(*session) bool { return normal }, nil
		}
	}
	return nil, replyError("ERR Unknown client type '" + string(commands.Clip(name, 128)) + "'")
}

// clients returns the sessions in the order of their ids.
func (s *Server) clients() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*session, 0, len(s.sessions))
	for _, ss := range s.sessions {
		list = append(list, ss)
	}
	slices.SortFunc(list, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	return list
}

// Flags of a client, in shared.flags.
const (
	clientReadOnly = 1 << iota
	clientNoEvict
	clientRESP3
	clientUnix // came by a Unix socket
)

func (s *session) setFlag(f uint32, on bool) {
	if on {
		s.shared.flags.Or(f)
	} else {
		s.shared.flags.And(^f)
	}
}

// RemoteAddr returns where the client is. As in Redis, one that came by a Unix socket is
// at the socket's path.
func (s *session) RemoteAddr() string {
	if s.shared.flags.Load()&clientUnix != 0 {
		return s.localAddr()
	}
	return s.conn.RemoteAddr().String()
}

func (s *session) localAddr() string {
	addr := s.conn.LocalAddr().String()
	if s.shared.flags.Load()&clientUnix != 0 {
		addr += ":0"
	}
	return addr
}

// describe appends the line of CLIENT LIST.
func (s *session) describe(b []byte) []byte {
	sh := &s.shared
	flags := sh.flags.Load()
	now := s.srv.cfg.Now()
	num := func(name string, n int64) {
		b = append(b, name...)
		b = strconv.AppendInt(b, n, 10)
	}
	str := func(name, v string) {
		b = append(b, name...)
		b = append(b, v...)
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	num("id=", s.id)
	str(" addr=", s.RemoteAddr())
	str(" laddr=", s.localAddr())
	num(" fd=", s.id+7)
	str(" name=", sh.name)
	num(" age=", int64(now.Sub(s.created)/time.Second))
	num(" idle=", max(0, (now.UnixMilli()-sh.lastSeen.Load())/1000))
	str(" flags=", clientFlags(flags, sh.queued.Load() >= 0))
	str(" db=0 sub=0 psub=0 ssub=0", "")
	num(" multi=", int64(sh.queued.Load()))
	num(" qbuf=", int64(sh.query.Load()))
	num(" qbuf-free=", int64(sh.buffer.Load()-sh.query.Load()))
	str(" argv-mem=0 multi-mem=0", "")
	num(" rbs=", int64(sh.replies.Load()))
	str(" rbp=0 obl=0 oll=0", "")
	pending := int64(s.output.pending())
	num(" omem=", pending)
	num(" tot-mem=", pending+int64(sh.buffer.Load())+int64(sh.replies.Load()))
	str(" events=r cmd=", sh.lastCmd.Load().FullName())
	str(" user=", sh.user.Load().Name())
	str(" redir=-1", "")
	proto := int64(2)
	if flags&clientRESP3 != 0 {
		proto = 3
	}
	num(" resp=", proto)
	str(" lib-name=", sh.libName)
	str(" lib-ver=", sh.libVer)
	return append(b, '\n')
}

func clientFlags(flags uint32, multi bool) string {
	var b bytes.Buffer
	if multi {
		b.WriteByte('x')
	}
	if flags&clientReadOnly != 0 {
		b.WriteByte('r')
	}
	if flags&clientUnix != 0 {
		b.WriteByte('U')
	}
	if flags&clientNoEvict != 0 {
		b.WriteByte('e')
	}
	if b.Len() == 0 {
		b.WriteByte('N')
	}
	return b.String()
}
