package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/functions"
	"github.com/slotmesh/slotmesh/internal/psync/sender"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// Server serves clients. It is safe for concurrent use.
type Server struct {
	cfg     Config
	engine  *engine.Engine
	limits  atomic.Pointer[Limits]
	modes   atomic.Uint32         // what is unusual at present, so that a command tests for all of it at once
	paused  atomic.Pointer[pause] // changed with mu held, and modePaused with it
	stats   *stats
	nextID  atomic.Int64
	waiting atomic.Int64 // clients that wait for a key
	timed   atomic.Int64 // of them, for a limited time

	streams   *sender.Streams // of clients that replicate this node
	followers atomic.Int64    // these clients
	clock     atomic.Int64    // Unix milliseconds at the last tick

	epoch   time.Time // from which elapsed counts
	slow    slowLog
	latency latencyMonitor

	attackLogged rareLog // of abortHTTP
	crowdLogged  rareLog // of evictStrangerLocked

	tracker tracker

	users    *acl.Users
	denials  *acl.Log
	password string // Limits.Password that users has been told of; guarded by mu

	scripts   *scriptCache
	functions *functions.Registry
	lasting   lastingScripts // that run
	monitors  monitors

	node       *commands.Node  // what commands work on; its Table has the names that clients use
	original   *commands.Table // the same by the commands' own names
	callers    *sync.Pool      // of *session, for Do
	nextCaller atomic.Int64

	pusher pusher

	life context.Context // ends with Close
	end  context.CancelFunc
	wg   sync.WaitGroup // all goroutines

	mu        sync.Mutex // guards what follows; never held across I/O
	sessions  map[int64]*session
	strangers *list.List // of *session: those of sessions that have not authenticated, the oldest first
	refusing  int        // goroutines in turnAway
	lastPause time.Time  // when clients were paused last, as far as the ticker saw
	listeners map[net.Listener]struct{}
	ticking   bool
	closed    bool
}

// ErrClosed is returned by Serve after Close.
var ErrClosed = errors.New("server: closed")

// New returns a server without clients. The error names the field of cfg that is wrong.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	s := &Server{
		cfg:       cfg,
		engine:    cfg.Engine,
		life:      life,
		end:       end,
		sessions:  make(map[int64]*session),
		strangers: list.New(),
		listeners: make(map[net.Listener]struct{}),
		epoch:     time.Now(),
		latency:   latencyMonitor{now: cfg.Now},
	}
	s.scripts = newScriptCache(cfg.Scripts)
	s.functions = functions.New(functions.Config{
		Engine: cfg.Scripts, Store: cfg.Libraries, Life: life, Logger: cfg.Logger,
	})
	if err := s.makeTables(); err != nil {
		end()
		return nil, err
	}
	s.stats = newStats(s.original.Rows())
	s.clock.Store(s.node.Started.UnixMilli())
	if err := s.makeUsers(); err != nil {
		end()
		return nil, fmt.Errorf("server: Config: %w", err)
	}
	s.streams = s.newStreams()
	s.callers = s.newCallers()
	s.tracker.srv = s
	s.tracker.table.init(s.node.Standalone())
	store := cfg.Engine.Store()
	store.OnEvents(publishEvents(cfg.Pubsub, store.Events))
	s.pusher.srv = s
	return s, nil
}

// What may be unusual at a server, in Server.modes.
const (
	modeLoading   = 1 << iota // only commands with commands.Loading are served
	modePaused                // Server.paused is not nil
	modeMonitored             // Server.monitors has clients
	modeTracking              // Server.tracker has clients
	modeMeasured              // the store counts what commands take: see slotuse.go
	modeUnlogged              // the log on disk has failed
	modeTimed                 // every command is timed
)

// SetLoading makes the server refuse, or serve again, what needs the data: while they are
// being loaded.
func (s *Server) SetLoading(on bool) { s.setMode(modeLoading, on) }

// SetUnlogged tells that the log on disk has failed, or works again: meanwhile Disk.MayShow
// is asked before commands that show keys of no slot in particular.
func (s *Server) SetUnlogged(on bool) { s.setMode(modeUnlogged, on) }

// Loading reports whether the data are being loaded.
func (s *Server) Loading() bool { return s.modes.Load()&modeLoading != 0 }

func (s *Server) setMode(mode uint32, on bool) {
	if on {
		s.modes.Or(mode)
	} else {
		s.modes.And(^mode)
	}
}

// Limits returns the limits in force.
func (s *Server) Limits() Limits { return *s.limits.Load() }

// SetLimits changes the limits. Connected clients keep what they have proved: a new
// password, which the default user has instead of all its others, is asked from new ones
// only.
func (s *Server) SetLimits(l Limits) {
	l = l.withDefaults()
	s.denials.SetMaxLen(max(0, l.ACLLog))
	s.users.SetPubsubDefault(l.OpenChannels)
	s.node.SetSparseSketch(l.SparseSketch)
	s.engine.Store().MeasureSlots(l.MeasureSlots)
	s.setMode(modeMeasured, l.MeasureSlots)
	s.setTiming(&l)
	s.mu.Lock()
	changed := l.Password != s.password
	s.password = l.Password
	s.mu.Unlock()
	if changed {
		s.users.RequirePassword(l.Password)
	}
	s.limits.Store(&l)
}

// Serve accepts clients until the listener fails or Close is called, then returns the
// listener's error or ErrClosed. It closes ln.
func (s *Server) Serve(ln net.Listener) error { return s.serve(ln, s.start) }

// ServeTLS is Serve for clients that use TLS.
func (s *Server) ServeTLS(ln net.Listener, cfg *tls.Config) error {
	cfg = withRecords(cfg)
	return s.serve(ln, func(conn net.Conn) { s.start(tls.Server(conn, cfg)) })
}

// withRecords returns the configuration with records of the full size from the beginning.
// By default the first thousand are small, for pages that are shown while they come; a
// pipeline's replies would leave in many.
func withRecords(cfg *tls.Config) *tls.Config {
	if !cfg.DynamicRecordSizingDisabled {
		cfg = cfg.Clone()
		cfg.DynamicRecordSizingDisabled = true
	}
	return cfg
}

// serve accepts clients and gives each to start, which must not wait for the client.
func (s *Server) serve(ln net.Listener, start func(net.Conn)) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		ln.Close()
		return ErrClosed
	}
	s.listeners[ln] = struct{}{}
	s.startTickingLocked()
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	defer func() {
		ln.Close()
		s.mu.Lock()
		delete(s.listeners, ln)
		s.mu.Unlock()
	}()
	return s.accept(ln, start)
}

// start serves a client on a goroutine.
func (s *Server) start(conn net.Conn) {
	if ss := s.open(conn); ss != nil {
		go ss.begin()
	}
}

func (s *Server) accept(ln net.Listener, start func(net.Conn)) error {
	const firstDelay, lastDelay = 5 * time.Millisecond, time.Second
	delay := firstDelay
	for {
		conn, err := ln.Accept()
		if err == nil {
			delay = firstDelay
			start(conn)
			continue
		}
		if s.life.Err() != nil {
			return ErrClosed
		}
		// Out of file descriptors and the like passes; a closed listener does not.
		if errors.Is(err, net.ErrClosed) || !temporary(err) {
			return err
		}
		s.cfg.Logger.Warn("cannot accept a client, will try again", "error", err, "in", delay)
		select {
		case <-s.life.Done():
			return ErrClosed
		case <-time.After(delay):
		}
		delay = min(2*delay, lastDelay)
	}
}

func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// ServeConn serves one client and returns when its connection has ended. It closes conn.
func (s *Server) ServeConn(conn net.Conn) {
	if ss := s.open(conn); ss != nil {
		ss.begin()
		<-ss.ended
	}
}

// open makes a session of a connection, nil if there is no room for it. The session's
// goroutine is counted already.
func (s *Server) open(conn net.Conn) *session {
	l := s.limits.Load()
	keepAlive(conn, l.KeepAlive)
	reserved := s.useReserved(conn)
	ss := newSession(s, conn, l)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		conn.Close()
		return nil
	}
	if refusal := s.refusalLocked(conn, l, reserved); refusal != "" {
		s.stats.rejectedConns.Add(1) // before the client hears of it
		s.turnAwayLocked(conn, refusal)
		s.mu.Unlock()
		return nil
	}
	s.makeRoomLocked(l, ss.stranger)
	s.sessions[ss.id] = ss
	if ss.stranger {
		s.addStrangerLocked(ss)
	}
	s.startTickingLocked()
	s.wg.Add(1)
	s.mu.Unlock()
	s.stats.conns.Add(1)
	return ss
}

// refusalLocked returns the reply to a client that is not served, "" to one that is.
// reserved says that its connection has a descriptor that is kept for others.
func (s *Server) refusalLocked(conn net.Conn, l *Limits, reserved bool) string {
	switch {
	case reserved || len(s.sessions) >= l.MaxClients && s.strangers.Len() == 0:
		return tooManyClients
	case l.Protected && s.users.Default().Rules().NoPassword() && !isLocal(conn):
		return protectedMode
	}
	return ""
}

// maxRefusing bounds the clients that are being told why they are not served.
const maxRefusing = 100

// turnAwayLocked closes the connection of a client that is not served. It tells the
// reason, unless too many others are being told theirs.
func (s *Server) turnAwayLocked(conn net.Conn, refusal string) {
	if s.refusing >= maxRefusing {
		abort(conn)
		return
	}
	s.refusing++
	s.wg.Go(func() {
		turnAway(conn, refusal)
		s.mu.Lock()
		s.refusing--
		s.mu.Unlock()
	})
}

// turnAway sends a client the reason why it is not served, and closes its connection.
// With TLS that takes a handshake, so the goroutine that accepts connections does not do
// it.
func turnAway(conn net.Conn, refusal string) {
	conn.SetDeadline(time.Now().Add(time.Second))
	conn.Write([]byte(refusal))
	conn.Close()
}

func keepAlive(conn net.Conn, interval time.Duration) {
	if wrapped, ok := conn.(tlsConn); ok {
		conn = wrapped.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: interval > 0, Idle: interval, Interval: interval / 3, Count: 3})
	}
}

// Close hangs up on all clients, closes the listeners and waits for every goroutine of
// the server. It may be called more than once.
func (s *Server) Close() {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	if p := s.paused.Load(); p != nil {
		p.timer.Stop() // it would keep the server in memory; what waits goes on waiting until its client is closed
	}
	listeners := slices.Collect(maps.Keys(s.listeners))
	sessions := slices.Collect(maps.Values(s.sessions))
	s.mu.Unlock()
	if first {
		s.end()
		s.pusher.close()
		s.lasting.close()
		for _, ln := range listeners {
			ln.Close()
		}
		for _, ss := range sessions {
			ss.disconnect()
		}
	}
	s.wg.Wait()
	s.node.Close()
}

// Clients returns the number of connected clients.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Commands returns how many commands have been carried out since the start.
func (s *Server) Commands() uint64 { return uint64(s.stats.commandsProcessed()) }

// Uptime returns how long ago the server was made.
func (s *Server) Uptime() time.Duration { return s.cfg.Now().Sub(s.node.Started) }
