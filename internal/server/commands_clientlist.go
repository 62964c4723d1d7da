package server

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

func cmdClientInfo(s *session) error {
	s.publish()
	s.shared.args.Store(int32(argBytes(s.Args)))
	defer s.shared.args.Store(0)
	s.Out.Verbatim("txt", string(s.describe(nil)))
	return nil
}

func cmdClientList(s *session) error {
	list, err := s.listedClients()
	if err != nil {
		return err
	}
	s.publish()
	s.shared.args.Store(int32(argBytes(s.Args)))
	defer s.shared.args.Store(0)
	var text []byte
	for _, other := range list {
		text = other.describe(text)
	}
	s.Out.Verbatim("txt", string(text))
	return nil
}

// listedClients returns the clients that the options of CLIENT LIST ask for: in the order of
// their ids, or in that in which the options name them.
func (s *session) listedClients() (list []*session, err error) {
	all := s.srv.clients()
	switch {
	case len(s.Args) == 2:
		return all, nil
	case len(s.Args) == 4 && s.Word(2, "TYPE"):
		wanted, err := clientType(s.Args[3])
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(all, func(o *session) bool { return !wanted(o) }), nil
	case len(s.Args) > 3 && s.Word(2, "ID"):
		for i := 3; i < len(s.Args); i++ {
			id, err := s.NumberIn(i, math.MinInt64, math.MaxInt64, replyError("ERR Invalid client ID"))
			if err != nil {
				return nil, err
			}
			at, found := slices.BinarySearchFunc(all, id, func(o *session, id int64) int { return cmp.Compare(o.id, id) })
			if found {
				list = append(list, all[at])
			}
		}
		return list, nil
	}
	return nil, commands.ErrSyntax
}

// argBytes returns the bytes of the arguments of a command.
func argBytes(args [][]byte) (n int) {
	for _, arg := range args {
		n += len(arg)
	}
	return n
}

// clientType understands the classes of Redis. Of the replicas only stock servers are clients
// here; the nodes of the cluster are connected to the bus.
func clientType(name []byte) (wanted func(*session) bool, err error) {
	switch {
	case commands.IsWord(name, "NORMAL"):
		return func(o *session) bool { return !o.hasFlag(clientPubsub | clientReplica) }, nil
	case commands.IsWord(name, "PUBSUB"):
		return func(o *session) bool { return o.hasFlag(clientPubsub) }, nil
	case commands.IsWord(name, "REPLICA"), commands.IsWord(name, "SLAVE"):
		return func(o *session) bool { return o.hasFlag(clientReplica) }, nil
	case commands.IsWord(name, "MASTER"):
		return func(*session) bool { return false }, nil
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
	clientNoTouch
	clientRESP3
	clientUnix           // came by a Unix socket
	clientPubsub         // has a subscription
	clientMonitor        // sees all commands
	clientTracking       // is told of changes of keys
	clientBrokenRedirect // the client that is told instead is gone
	clientBroadcast      // is told by prefixes
	clientMuted          // has said CLIENT REPLY OFF
	clientReplica        // replicates this node
)

func (s *session) hasFlag(f uint32) bool { return s.shared.flags.Load()&f != 0 }

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

// memory returns the bytes that the client takes.
func (s *session) memory() int64 {
	sh := &s.shared
	return int64(s.output.pending()) + int64(sh.buffer.Load()) + int64(sh.replies.Load()) + int64(sh.args.Load()) +
		sh.queuedBytes.Load() + sh.subscribed.Load()
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
	fd, ok := descriptor(s.conn)
	if !ok {
		fd = -1
	}
	num(" fd=", int64(fd))
	str(" name=", sh.name)
	num(" age=", int64(now.Sub(s.created)/time.Second))
	num(" idle=", max(0, (now.UnixMilli()-sh.lastSeen.Load())/1000))
	str(" flags=", clientFlags(flags, sh.queued.Load() >= 0, s.isWaiting()))
	num(" db=0 sub=", int64(sh.channels.Load()))
	num(" psub=", int64(sh.patterns.Load()))
	num(" ssub=", int64(sh.shardChannels.Load()))
	num(" multi=", int64(sh.queued.Load()))
	num(" qbuf=", int64(sh.query.Load()))
	num(" qbuf-free=", int64(sh.buffer.Load()-sh.query.Load()))
	num(" argv-mem=", int64(sh.args.Load()))
	num(" multi-mem=", sh.queuedBytes.Load())
	num(" rbs=", int64(sh.replies.Load()))
	num(" rbp=", int64(sh.replies.Load())) // it has been as full as it is long
	pieces, pending, stuck := s.output.waiting()
	num(" obl=0 oll=", int64(pieces)) // what it has leaves before others can look
	num(" omem=", int64(pending))
	num(" tot-mem=", s.memory())
	str(" events=r", "")
	if stuck {
		str("w", "")
	}
	str(" cmd=", sh.lastCmd.Load().FullName())
	str(" user=", sh.user.Load().Name())
	redirect := int64(-1)
	if flags&clientTracking != 0 {
		redirect = sh.redirect.Load()
	}
	num(" redir=", redirect)
	proto := int64(2)
	if flags&clientRESP3 != 0 {
		proto = 3
	}
	num(" resp=", proto)
	str(" lib-name=", sh.libName)
	str(" lib-ver=", sh.libVer)
	return append(b, '\n')
}

// clientFlags returns the letters of Redis, in its order.
func clientFlags(flags uint32, multi, blocked bool) string {
	b := make([]byte, 0, 16)
	add := func(is bool, letter byte) {
		if is {
			b = append(b, letter)
		}
	}
	add(flags&clientReplica != 0, 'S')
	add(flags&clientMonitor != 0, 'O')
	add(flags&clientPubsub != 0, 'P')
	add(multi, 'x')
	add(blocked, 'b')
	add(flags&clientTracking != 0, 't')
	add(flags&clientBrokenRedirect != 0, 'R')
	add(flags&clientBroadcast != 0, 'B')
	add(flags&clientUnix != 0, 'U')
	add(flags&clientReadOnly != 0, 'r')
	add(flags&clientNoEvict != 0, 'e')
	add(flags&clientNoTouch != 0, 'T')
	add(len(b) == 0, 'N')
	return string(b)
}
