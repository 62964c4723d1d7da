package server

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/psync/sender"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// A stock server or tool that replicates this node is a client until it says SYNC or PSYNC.
// From then on a Sender alone writes to its connection, on a goroutine of its own, and the
// session only reads: the follower says what it has, and gets no replies.

// follower is what a session knows of one.
type follower struct {
	sender.Request
	port    int64  // that it listens at
	host    string // that it can be reached at, "" = where it comes from
	pending bool   // the Sender begins when the replies so far are out
	sender  *sender.Sender
	cancel  context.CancelFunc
	ended   chan struct{} // closed when sender has ended
}

// followerGroup is the commands of stock servers that replicate this node.
var followerGroup = []commands.Command{
	{Name: "replconf", Arity: -1, Flags: commands.Admin | commands.NoScript | commands.Loading | commands.Stale |
		commands.AllowBusy, Group: "server", Since: "3.0.0",
		Summary: "Says what a server that replicates this node can do, and has.", Run: ofSession(cmdReplConf)},
	{Name: "psync", Arity: -3, Flags: commands.Admin | commands.NoScript | commands.NoAsyncLoading | commands.NoMulti,
		Group: "server", Since: "2.8.0", Summary: "Makes the connection one that replicates this node.",
		Run: ofSession(cmdPSync)},
	{Name: "sync", Arity: 1, Flags: commands.Admin | commands.NoScript | commands.NoAsyncLoading | commands.NoMulti,
		Group: "server", Since: "1.0.0", Summary: "Makes the connection one that replicates this node.",
		Run: ofSession(cmdSync)},
}

const (
	errNoStream      = replyError("ERR this node has no replication")
	errPendingOutput = replyError("ERR SYNC and PSYNC are invalid with pending output")
	errFiltered      = replyError("ERR Filtered replica requires EOF capability")
	errMasterDown    = replyError("NOMASTERLINK Can't SYNC while not connected with my master")
	errOneLevel      = replyError("NOMASTERLINK This node is a replica itself: replicate its master")
)

func cmdReplConf(s *session) error {
	if len(s.Args)%2 == 0 {
		return commands.ErrSyntax
	}
	for i := 1; i < len(s.Args); i += 2 {
		if done, err := s.replConf(i); done || err != nil {
			return err
		}
	}
	s.Out.OK()
	return nil
}

// replConf takes one setting. done says that there is no reply to the command.
func (s *session) replConf(i int) (done bool, err error) {
	f, value := &s.follower, s.Args[i+1]
	switch {
	case s.Word(i, "ACK"):
		if offset, ok := resp.ParseInt(value); ok && f.sender != nil {
			f.sender.Heard(offset)
		}
		return true, commands.ErrNoReply
	case s.Word(i, "GETACK") || f.sender != nil: // GETACK is for replicas
		return true, commands.ErrNoReply
	case s.Word(i, "LISTENING-PORT"):
		port, err := s.Number(i + 1)
		f.port = port
		return false, err
	case s.Word(i, "IP-ADDRESS"):
		const longest = 255
		if len(value) > longest {
			return false, replyError("ERR REPLCONF ip-address provided by replica instance is too long: " +
				strconv.Itoa(len(value)) + " bytes")
		}
		f.host = string(value)
	case s.Word(i, "CAPA"):
		f.EOF = f.EOF || commands.IsWord(value, "EOF")
		f.Renames = f.Renames || commands.IsWord(value, "PSYNC2")
	case s.Word(i, "RDB-ONLY"):
		only, err := s.Number(i + 1)
		if err == nil && (only < 0 || only > 1) {
			err = replyError("ERR value is out of range, value must between 0 and 1")
		}
		f.Only = only == 1
		return false, err
	case s.Word(i, "RDB-FILTER-ONLY"):
		return false, f.filter(string(value))
	default:
		return false, replyError("ERR Unrecognized REPLCONF option: " + string(commands.Clip(s.Args[i], 128)))
	}
	return false, nil
}

// filter takes what the file is to have, and nothing else.
func (f *follower) filter(list string) error {
	f.NoData, f.NoFunctions = true, true
	for _, what := range strings.Fields(list) {
		if what != "functions" {
			return replyError("ERR Unsupported rdb-filter-only option: " + what)
		}
		f.NoFunctions = false
	}
	return nil
}

// cmdPSync is for followers that know histories and offsets.
func cmdPSync(s *session) error { return s.beginFollower(false) }

func cmdSync(s *session) error { return s.beginFollower(true) }

func (s *session) beginFollower(sync bool) error {
	f := &s.follower
	switch {
	case f.pending || f.sender != nil:
		return commands.ErrNoReply
	case s.srv.cfg.Stream == nil || s.conn == nil:
		return errNoStream
	case s.pushing || s.subs != nil:
		return errPendingOutput
	case (f.NoData || f.NoFunctions) && !f.EOF:
		return errFiltered
	}
	if !sync {
		next, ok := resp.ParseInt(s.Args[2])
		if !ok {
			return commands.ErrNotInt
		}
		if id := string(s.Args[1]); id != "?" {
			f.ID, f.Offset = id, next-1 // it names the byte that it wants first, counted from 1
		}
	}
	if m := s.Node.Replication().Master; m != nil {
		if m.State != "connected" {
			return errMasterDown
		}
		if !f.Only {
			return errOneLevel
		}
	}
	f.Sync, f.pending = sync, true
	return commands.ErrNoReply
}

// startFollower starts the Sender, once what has been replied is out.
func (s *session) startFollower() (alive, taken bool) {
	if alive, taken = s.flush(); !alive || taken {
		return alive, taken
	}
	s.output.drained()
	f := &s.follower
	f.pending = false
	f.sender = s.srv.streams.Sender(f.Request)
	f.ended = make(chan struct{})
	var ctx context.Context
	ctx, f.cancel = context.WithCancel(s.srv.life)
	s.setFlag(clientReplica, true)
	s.shared.follower.Store(&s.follower)
	s.srv.followers.Add(1)
	s.srv.wg.Go(func() {
		defer close(f.ended)
		err := f.sender.Run(ctx, s.conn)
		if errors.Is(err, sender.ErrServed) {
			return
		}
		if !errors.Is(err, net.ErrClosed) && ctx.Err() == nil {
			s.srv.cfg.Logger.Warn("a server that replicates this node is gone", "client", s.id,
				"addr", s.conn.RemoteAddr(), "error", err)
		}
		s.disconnect()
	})
	return true, false
}

// endFollower waits for the end of the Sender. The connection has been closed.
func (s *session) endFollower() {
	f := &s.follower
	if f.sender == nil {
		return
	}
	f.cancel()
	<-f.ended
	s.srv.followers.Add(-1)
}

// newStreams returns the streams of stock servers that replicate the node.
func (s *Server) newStreams() *sender.Streams {
	cfg := sender.Config{
		Store: s.engine.Store(), Log: s.cfg.Stream, Standalone: s.node.Standalone(), Limits: s.cfg.StreamLimits,
		Spawn:  func(fn func(ctx context.Context)) { s.wg.Go(func() { fn(s.life) }) },
		Logger: s.cfg.Logger,
	}
	if l := s.cfg.Libraries; l != nil {
		cfg.Libraries = l
	}
	return sender.NewStreams(cfg)
}

// replication is what ROLE and INFO show, with stock servers among the replicas.
func (s *Server) replication() Replication {
	r := s.cfg.Replication()
	syncs := s.streams.Syncs()
	r.FullSyncs += syncs.Full
	r.PartialSyncs += syncs.Partial
	r.RefusedPartials += syncs.Refused
	if s.followers.Load() == 0 {
		return r
	}
	for _, ss := range s.clients() {
		f := ss.shared.follower.Load()
		if f == nil || f.Only {
			continue
		}
		st := f.sender.Status()
		host := f.host
		if host == "" {
			if host, _, _ = net.SplitHostPort(ss.RemoteAddr()); host == "" {
				host = ss.RemoteAddr()
			}
		}
		r.Replicas = append(r.Replicas, Replica{Host: host, Port: uint16(f.port), State: st.State.String(),
			Offset: st.Offset, Lag: st.Lag})
	}
	return r
}
