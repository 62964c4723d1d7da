package server

import (
	"bytes"
	"strconv"
	"time"
)

const flagsClient = flagNoScript | flagLoading | flagStale

var clientCommand = command{name: "client", arity: -2, group: "connection", since: "2.4.0",
	summary: "Looks at client connections and changes them.", list: rows(
		command{name: "getname", arity: 2, flags: flagsClient | flagPlain, since: "2.6.9",
			summary: "Returns this connection's name.", run: cmdClientGetName},
		command{name: "help", arity: 2, flags: flagLoading | flagStale | flagPlain, since: "5.0.0",
			summary: "Lists the subcommands.", run: cmdHelp},
		command{name: "id", arity: 2, flags: flagsClient | flagPlain, since: "5.0.0",
			summary: "Returns this connection's number.", run: cmdClientID},
		command{name: "info", arity: 2, flags: flagsClient, since: "6.2.0", tips: "nondeterministic_output",
			summary: "Describes this connection.", run: cmdClientInfo},
		command{name: "kill", arity: -3, flags: flagsClient | flagAdmin, since: "2.4.0", summary: "Closes connections.",
			run: cmdClientKill},
		command{name: "list", arity: -2, flags: flagsClient | flagAdmin, since: "2.4.0", tips: "nondeterministic_output",
			summary: "Describes all connections.", run: cmdClientList},
		command{name: "no-evict", arity: 3, flags: flagsClient | flagAdmin | flagPlain, since: "7.0.0",
			summary: "Accepted: no connection is closed to save memory.", run: cmdClientNoEvict},
		command{name: "pause", arity: -3, flags: flagsClient | flagAdmin, since: "3.0.0", summary: "Makes commands wait.",
			run: cmdClientPause},
		command{name: "reply", arity: 3, flags: flagsClient | flagPlain, since: "3.2.0",
			summary: "Switches replies on and off.", run: cmdClientReply},
		command{name: "setinfo", arity: 4, flags: flagsClient | flagPlain | flagHidden, since: "7.2.0",
			summary: "Says which client library this is.", run: cmdClientSetInfo},
		command{name: "setname", arity: 3, flags: flagsClient | flagPlain, since: "2.6.9", summary: "Names this connection.",
			run: cmdClientSetName},
		command{name: "unpause", arity: 2, flags: flagsClient | flagAdmin, since: "6.2.0", summary: "Ends a pause.",
			run: cmdClientUnpause},
	)}

const errClientName = replyError("ERR Client names cannot contain spaces, newlines or special characters.")

// maxClientText bounds the name of a connection and what its library calls itself, in
// bytes: each connection keeps them, and CLIENT LIST repeats them.
const maxClientText = 1 << 10

func errClientText(what string) error {
	return replyError("ERR " + what + " cannot be longer than " + itoa(maxClientText) + " bytes.")
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
	s.out.Int(s.id)
	return nil
}

func cmdClientGetName(s *session) error {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if s.shared.name == "" {
		s.out.Null()
	} else {
		s.out.BulkString(s.shared.name)
	}
	return nil
}

func cmdClientSetName(s *session) error {
	if err := checkName(s.args[2]); err != nil {
		return err
	}
	s.setName(s.args[2])
	s.out.OK()
	return nil
}

func cmdClientSetInfo(s *session) error {
	if !validName(s.args[3]) {
		return replyError("ERR " + string(clip(s.args[2], 128)) + " cannot contain spaces, newlines or special characters.")
	}
	if len(s.args[3]) > maxClientText {
		return errClientText(string(clip(s.args[2], 128)))
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	switch {
	case s.word(2, "LIB-NAME"):
		s.shared.libName = string(s.args[3])
	case s.word(2, "LIB-VER"):
		s.shared.libVer = string(s.args[3])
	default:
		return replyError("ERR Unrecognized option '" + string(clip(s.args[2], 128)) + "'")
	}
	s.out.OK()
	return nil
}

func cmdClientNoEvict(s *session) error {
	switch {
	case s.word(2, "ON"):
		s.setFlag(clientNoEvict, true)
	case s.word(2, "OFF"):
		s.setFlag(clientNoEvict, false)
	default:
		return errSyntax
	}
	s.out.OK()
	return nil
}

func cmdClientReply(s *session) error {
	switch {
	case s.word(2, "ON"):
		s.replies = repliesOn
		s.out.OK()
	case s.word(2, "OFF"):
		s.replies = repliesOff
	case s.word(2, "SKIP"):
		if s.replies != repliesOff {
			s.replies = replySkip
		}
	default:
		return errSyntax
	}
	return nil
}

func cmdClientPause(s *session) error {
	writesOnly := false
	switch {
	case len(s.args) == 4 && s.word(3, "WRITE"):
		writesOnly = true
	case len(s.args) == 4 && !s.word(3, "ALL"):
		return replyError("ERR CLIENT PAUSE mode must be WRITE or ALL")
	case len(s.args) > 4:
		return errSubArity(s.args)
	}
	ms, err := s.numberIn(2, -1<<62, 1<<62, replyError("ERR timeout is not an integer or out of range"))
	if err != nil {
		return err
	}
	if ms < 0 {
		return replyError("ERR timeout is negative")
	}
	if ms > 0 {
		s.srv.Pause(time.Duration(min(ms, int64(1<<62)/1e6))*time.Millisecond, writesOnly)
	}
	s.out.OK()
	return nil
}

func cmdClientUnpause(s *session) error {
	s.srv.Unpause()
	s.out.OK()
	return nil
}

func cmdClientInfo(s *session) error {
	s.publish()
	s.out.Verbatim("txt", string(s.describe(nil)))
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
	s.out.Verbatim("txt", string(text))
	return nil
}

// clientFilter reads the options of CLIENT LIST.
func (s *session) clientFilter() (wanted func(*session) bool, err error) {
	switch {
	case len(s.args) == 2:
		return func(*session) bool { return true }, nil
	case len(s.args) == 4 && s.word(2, "TYPE"):
		return clientType(s.args[3])
	case len(s.args) > 3 && s.word(2, "ID"):
		ids := make(map[int64]bool)
		for i := 3; i < len(s.args); i++ {
			id, err := s.numberIn(i, -1<<62, 1<<62, replyError("ERR Invalid client ID"))
			if err != nil {
				return nil, err
			}
			ids[id] = true
		}
		return func(o *session) bool { return ids[o.id] }, nil
	}
	return nil, errSyntax
}

// clientType understands the classes of Redis; here all clients are normal ones.
func clientType(name []byte) (wanted func(*session) bool, err error) {
	for _, known := range []string{"NORMAL", "MASTER", "REPLICA", "SLAVE", "PUBSUB"} {
		if isWord(name, known) {
			normal := known == "NORMAL"
			return func(*session) bool { return normal }, nil
		}
	}
	return nil, replyError("ERR Unknown client type '" + string(clip(name, 128)) + "'")
}

// clients returns the sessions in the order of their ids.
func (s *Server) clients() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*session, 0, len(s.sessions))
	for _, ss := range s.sessions {
		list = append(list, ss)
	}
	sortSessions(list)
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

// remoteAddr is where the client is. As in Redis, one that came by a Unix socket is at
// the socket's path.
func (s *session) remoteAddr() string {
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
	str(" addr=", s.remoteAddr())
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
	str(" events=r cmd=", sh.lastCmd.Load().fullName())
	str(" user=default redir=-1", "")
	num(" resp=", 2+int64(btoi(flags&clientRESP3 != 0)))
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
