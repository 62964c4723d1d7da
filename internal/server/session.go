package server

import (
	"container/list"
	"errors"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// session is one client's connection. Its fields belong to the goroutine that runs it,
// apart from those said to be shared.
type session struct {
	srv     *Server
	id      int64
	conn    net.Conn
	socket  *socket // conn's, nil if conn is none: see socket_linux.go
	tls     bool    // conn uses TLS
	created time.Time
	ended   chan struct{} // closed when nothing of the session runs any more

	parser *resp.Parser
	output output   // replies under way to the client
	limits *Limits  // that the parser has been told of
	held   [][]byte // a command that waits for the end of a pause
	wait   *wait    // of the command under way for a key, nil if it does not wait
	again  *wait    // of the present command before it was carried out once more
	asides []aside  // replies that are made later
	hangUp bool     // close once the replies are out

	follower follower // a stock server that replicates this node

	subs          *subscriptions // nil until the first
	loud          []byte         // what the command under way says although CLIENT REPLY is off
	staged        staged         // messages that scripts have published
	awaitInterest bool           // the replies confirm subscriptions that other nodes must know of

	pushing bool   // in push mode, see push.go
	corked  bool   // what is pushed is held back
	fanOut  fanOut // clients that the session has published to

	commands.Call                          // the command under way
	inSlot        func(*keyspace.Tx) error // runInSlot, bound once: a closure a command would be garbage
	shard         *statsShard
	timer         timer      // of the command under way
	script        *scriptRun // nil until the first

	// What the client has said.
	user         *acl.User // shared.user; nil for calls, which may do everything
	authed       bool
	stranger     bool          // it has not authenticated, or not finished the handshake of TLS: see strangers.go
	readOnly     bool          // READONLY
	maxStaleness time.Duration // MESH.READONLY: good only while the node is so little behind its master; 0: no matter
	asking       bool          // ASKING, good for the next command
	noTouch      bool          // CLIENT NO-TOUCH
	replies      replyMode
	multi        multi
	watched      watches
	monitoring   bool   // MONITOR
	ownLines     []byte // of MONITOR about its own command under way

	usage    usage
	writes   writes
	tracking tracking
	shared   shared

	// Guarded by Server.mu.
	waiting *list.Element // of Server.strangers, nil for others
	since   time.Time     // when it became a stranger
}

// replyMode is what CLIENT REPLY asked for.
type replyMode uint8

const (
	repliesOn  replyMode = iota
	repliesOff           // until further notice
	replySkip            // none for the present command …
	replySkip1           // … and none for the next one
)

// shared is what other goroutines read about a session: CLIENT LIST, the ticker.
type shared struct {
	user     atomic.Pointer[acl.User]
	mu       sync.Mutex // guards the texts
	name     string
	libName  string
	libVer   string
	lastCmd  atomic.Pointer[commands.Command]
	lastSeen atomic.Int64 // Server.clock when the last batch came
	flags    atomic.Uint32
	queued   atomic.Int32 // commands in MULTI, -1 outside
	args     atomic.Int32 // bytes of the arguments of a command that waits, or that shows itself
	watching atomic.Int32 // keys
	query    atomic.Int32 // bytes of the read buffer in use
	buffer   atomic.Int32 // bytes of the read buffer
	replies  atomic.Int32 // bytes of the reply buffer

	queuedBytes atomic.Int64 // that the commands in MULTI take

	channels      atomic.Int32 // subscriptions by kind
	patterns      atomic.Int32
	shardChannels atomic.Int32
	follower      atomic.Pointer[follower] // once its Sender has begun; not changed any more
	subscribed    atomic.Int64             // bytes that the subscriptions take
	redirect      atomic.Int64             // the client that is told of changes of keys; 0: this one
	tracked       atomic.Pointer[tracked]
	mustPush      atomic.Bool // another session wants push mode, see letPush

	wait atomic.Pointer[wait] // what CLIENT UNBLOCK ends

	disconnected atomic.Bool // disconnect has been called
}

func newSession(srv *Server, conn net.Conn, l *Limits) *session {
	s := &session{
		srv:     srv,
		id:      srv.nextID.Add(1),
		conn:    conn,
		socket:  socketOf(conn),
		created: srv.cfg.Now(),
		ended:   make(chan struct{}),
		parser:  resp.NewParser(l.Query),
		writes:  newWrites(srv.cfg.Acks, srv.cfg.Sync, srv.cfg.Copies),
	}
	_, s.tls = conn.(tlsConn)
	s.Node, s.Client = srv.node, s
	s.setLimits(l)
	s.setUser(srv.users.Default())
	s.authed = !srv.users.AuthRequired()
	s.stranger = !s.authed || s.tls
	s.parser.SetStranger(s.stranger)
	s.shard = srv.stats.shard(s.id)
	s.inSlot = s.runInSlot
	s.Block = s.block
	s.Script = s.runScript
	s.Send = s.send
	s.Access.Done = srv.life.Done()
	s.shared.lastSeen.Store(s.created.UnixMilli()) // Server.clock stands still until the first client
	s.shared.queued.Store(-1)
	if _, unix := conn.(*net.UnixConn); unix {
		s.setFlag(clientUnix, true)
	}
	s.output.init()
	return s
}

// run serves the client until it is gone. The goroutine may leave the session in the
// middle, to another one: see output.go. The server has counted it.
func (s *session) run() {
	defer s.srv.wg.Done()
	handedOver := false
	defer func() {
		if p := recover(); p != nil {
			// A bug in one command must not take the host program down. The slot's transaction has
			// been rolled back; this client is closed.
			s.srv.cfg.Logger.Error("a command panicked; its client is closed", "command", s.Cmd.FullName(),
				"panic", p, "stack", string(debug.Stack()))
		}
		if !handedOver {
			s.end()
		}
	}()
	for {
		alive, taken := s.turn()
		if taken {
			handedOver = true
			return
		}
		if !alive {
			return
		}
	}
}

// turn executes one command or, if there is none, replies and reads.
func (s *session) turn() (alive, taken bool) {
	if len(s.asides) > 0 {
		return s.sendAside()
	}
	if s.follower.pending {
		return s.startFollower()
	}
	if s.hangUp {
		return s.lastWords()
	}
	if s.wait != nil {
		return s.await()
	}
	args := s.next()
	if s.hangUp {
		return true, false
	}
	if args == nil {
		if alive, taken = s.flush(); alive {
			alive = s.fill()
		}
		return alive, taken
	}
	s.cork()
	held := s.execute(args)
	switch {
	case held:
		s.held = args
		if alive, taken = s.flush(); alive {
			alive = s.srv.awaitUnpause()
		}
		return alive, taken
	case len(s.Out.B) >= flushAt:
		return s.flush()
	}
	return true, false
}

// next returns the next command, nil if none has arrived whole. After a violation of the
// protocol it says so to the client and sets hangUp.
func (s *session) next() [][]byte {
	if args := s.held; args != nil {
		s.held = nil
		return args
	}
	args, err := s.parser.Next()
	if err != nil {
		s.srv.cfg.Logger.Debug("protocol error", "client", s.id, "addr", s.conn.RemoteAddr(), "error", err)
		s.Out.Error(err.Error())
		s.hangUp = true
	}
	return args
}

// lastWords sends what is left; the session ends.
func (s *session) lastWords() (alive, taken bool) {
	if _, taken = s.flush(); !taken {
		s.output.finish()
		s.output.drained()
	}
	return false, taken
}

// fill waits for the client to say something.
func (s *session) fill() bool {
	if s.shared.mustPush.Load() {
		s.obeyPush()
	}
	if s.socket != nil && s.output.state.Load() != stateReplier {
		return s.converse() || s.obeyPush()
	}
	return s.fillFrom(s.conn) == nil || s.hangUp || s.obeyPush()
}

// fillFrom makes one read. At the end of the stream it sets hangUp: a client that has
// closed its side only still gets its replies. Any other reason for the end of the
// session goes to the log.
func (s *session) fillFrom(r io.Reader) error {
	if l := s.srv.limits.Load(); l != s.limits {
		s.setLimits(l)
		s.parser.SetLimits(l.Query)
	}
	s.publish()
	s.forget()
	n, err := s.parser.Fill(r)
	if s.shared.disconnected.Load() {
		err = net.ErrClosed // whatever came with it: nothing of a client that was killed is executed any more
	}
	switch {
	case err == nil:
		s.shared.lastSeen.Store(s.srv.clock.Load())
		if s.follower.sender != nil {
			s.follower.sender.Alive()
		}
		s.shard.netIn.Add(int64(n))
	case err == errNothingYet, errors.Is(err, os.ErrDeadlineExceeded):
	case err == io.EOF:
		s.hangUp = true
	case errors.Is(err, resp.ErrQueryTooLarge):
		level := hclog.Warn
		if s.stranger {
			level = hclog.Debug // strangers could fill the log
		}
		s.srv.cfg.Logger.Log(level, "client closed: its command exceeds the query buffer limit", "client", s.id,
			"addr", s.conn.RemoteAddr(), "bytes", s.parser.Buffered())
	default:
		s.srv.cfg.Logger.Trace("client gone", "client", s.id, "error", err)
	}
	return err
}

func (s *session) setLimits(l *Limits) {
	s.limits, s.MaxOutput, s.MaxBulk = l, l.MaxOutput, l.Query.MaxBulk
}

// ID returns the number of the connection.
func (s *session) ID() int64 { return s.id }

// TLS reports whether the client uses TLS.
func (s *session) TLS() bool { return s.tls }

// HangUp makes the session end once the replies so far are out.
func (s *session) HangUp() { s.hangUp = true }

// publish tells other goroutines about the state of the session, once per batch. Most
// batches are like the one before, and an atomic load costs less than a store.
func (s *session) publish() {
	if s.shared.lastCmd.Load() != s.Cmd {
		s.shared.lastCmd.Store(s.Cmd)
	}
	storeChanged(&s.shared.query, s.parser.Buffered())
	storeChanged(&s.shared.buffer, s.parser.Size())
	storeChanged(&s.shared.replies, cap(s.Out.B))
}

// keepKeys is how long a list of keys a session holds on to between batches.
const keepKeys = 1 << 10

// forget lets go of the last command. Its arguments would keep the buffers they came in
// in memory while the client is idle.
func (s *session) forget() {
	s.Args = nil
	if cap(s.Access.Keys) > keepKeys {
		s.Access.Keys = nil
	}
	clear(s.Access.Keys[:cap(s.Access.Keys)])
}

func storeChanged(to *atomic.Int32, n int) {
	if to.Load() != int32(n) {
		to.Store(int32(n))
	}
}

// goodbyeTimeout bounds how long a client with TLS is told that its connection ends, which
// takes no time if there is room for it in the socket. Without that bound a client could
// hold up Close for ever: by not taking what package tls answers to a KeyUpdate.
const goodbyeTimeout = 100 * time.Millisecond

// disconnect closes the connection without waiting: closing one with TLS talks to the
// peer first, closing a socket waits for the command under way. The caller is counted by
// the server's WaitGroup, or holds its mutex.
func (s *session) disconnect() {
	s.shared.disconnected.Store(true)
	s.srv.wg.Go(s.closeConn)
}

// closeConn closes the connection, and waits for that.
func (s *session) closeConn() {
	if s.socket != nil {
		s.socket.shutdown()
	}
	if conn, ok := s.conn.(tlsConn); ok {
		defer time.AfterFunc(goodbyeTimeout, func() { conn.NetConn().Close() }).Stop()
	}
	s.conn.Close()
}

func (s *session) end() {
	s.conn.Close()
	s.endFollower()
	s.fanOut.send()
	s.giveUp()
	s.stopMonitoring()
	s.dropAsides(0)
	s.unsubscribeAll()
	s.output.end()
	s.srv.mu.Lock()
	delete(s.srv.sessions, s.id)
	s.srv.tracker.leaveLocked(s)
	s.srv.removeStrangerLocked(s)
	s.srv.mu.Unlock()
	close(s.ended)
}
