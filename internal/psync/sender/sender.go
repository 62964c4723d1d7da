package sender

import (
	"cmp"
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/psync"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
)

// Config says what is fed. Store, Log and Spawn are required.
type Config struct {
	Store *keyspace.Store
	Log   Log // the Sink of Store
	// Spawn runs what goes on when a follower's connection has ended, on a goroutine, until ctx
	// ends.
	Spawn func(fn func(ctx context.Context))
	// Limits says what is kept for followers that come back; it is asked now and then. nil:
	// the defaults.
	Limits func() Limits
	// Libraries has the functions. nil: there are none.
	Libraries Libraries
	// Standalone says that all keys live in slot 0.
	Standalone bool
	// Timeout is how long a follower may be silent while it takes nothing, or acknowledge
	// nothing. Default 60 s, as repl-timeout.
	Timeout time.Duration
	// Ping is how often the follower hears something at least. Default 10 s, as
	// repl-ping-replica-period.
	Ping   time.Duration
	Logger hclog.Logger // nil: silent
}

// Limits is what is kept for followers that come back.
type Limits struct {
	Backlog int           // bytes of commands, as repl-backlog-size; default DefaultBacklog
	TTL     time.Duration // how long, as repl-backlog-ttl; 0: for ever
}

// What is kept unless Config.Limits says otherwise.
const (
	DefaultBacklog = 1 << 20
	DefaultTTL     = time.Hour
)

func (c *Config) limits() Limits {
	if c.Limits == nil {
		return Limits{DefaultBacklog, DefaultTTL}
	}
	l := c.Limits()
	l.Backlog = cmp.Or(l.Backlog, DefaultBacklog)
	return l
}

// Log is a [replicator.Backlog].
type Log interface {
	Tail(keys int) (*replicator.Tail, error)
	Offset() int64
}

// Libraries has the sources of functions, by the names of their libraries. Version grows with
// each change.
type Libraries interface {
	Version() uint64
	Sources() (sources map[string][]byte, version uint64)
}

// Request is what a client has asked for.
type Request struct {
	ID          string // of the commands that it has had before, "" if none
	Offset      int64  // how many bytes of these it has
	Sync        bool   // by SYNC: it knows no offsets and acknowledges nothing
	Renames     bool   // it understands the id in the answer to a PSYNC that goes on (psync2)
	EOF         bool   // it understands a file between two marks
	Only        bool   // the file and nothing more
	NoData      bool   // without keys
	NoFunctions bool
}

// State is how far a follower is, in the words of INFO.
type State int32

const (
	Waiting State = iota // for the file to be written where its length is needed
	Sending              // the file
	Online               // follows the commands
)

// String returns the word that INFO shows.
func (s State) String() string {
	return [...]string{"wait_bgsave", "send_bulk", "online"}[min(max(s, 0), Online)]
}

// Sender serves one follower on one connection. Heard, Alive and Status may be called by any
// goroutine.
type Sender struct {
	streams *Streams
	req     Request
	log     hclog.Logger

	state atomic.Int32
	heard atomic.Int64  // Unix nanoseconds of what the follower said last
	acked atomic.Int64  // what it has acknowledged, -1: nothing yet
	ready chan struct{} // receives a value when acked changes first
	held  offsetMap

	writing atomic.Int64 // Unix nanoseconds since when a write is under way, 0: none is

	conn      net.Conn
	ctx       context.Context
	cancel    context.CancelFunc
	stream    *stream
	lastWrite time.Time
}

// ErrSilent ends a Sender whose follower says nothing and takes nothing.
var ErrSilent = errors.New("psync: the follower has been silent for too long")

// ErrServed is what Run returns when the follower has all that it asked for.
var ErrServed = errors.New("psync: the file has been sent")

// Sender returns a Sender that has not begun.
func (p *Streams) Sender(req Request) *Sender {
	f := &Sender{streams: p, req: req, log: p.cfg.Logger, ready: make(chan struct{}, 1)}
	f.acked.Store(-1)
	f.Alive()
	return f
}

// Alive notes that the follower has said something.
func (f *Sender) Alive() { f.heard.Store(time.Now().UnixNano()) }

// Heard notes that the follower holds the commands up to an offset.
func (f *Sender) Heard(offset int64) {
	f.Alive()
	f.held.reached(offset)
	if f.acked.Swap(offset) < 0 {
		select {
		case f.ready <- struct{}{}:
		default:
		}
	}
}

// Status is where a follower stands.
type Status struct {
	State  State
	Offset int64         // of the node's own stream, up to which the follower holds it
	Lag    time.Duration // since it said something
}

// Status returns where the follower stands.
func (f *Sender) Status() Status {
	return Status{State(f.state.Load()), f.held.held(), f.silent()}
}

func (f *Sender) silent() time.Duration { return time.Duration(time.Now().UnixNano() - f.heard.Load()) }

// Run feeds the follower until ctx or the connection ends, or the follower is too slow. It
// alone writes to conn.
func (f *Sender) Run(ctx context.Context, conn net.Conn) error {
	f.conn = conn
	f.ctx, f.cancel = context.WithCancel(ctx)
	defer f.cancel()
	stop := context.AfterFunc(f.ctx, func() { conn.SetWriteDeadline(time.Unix(1, 0)) }) // a write may be stuck
	defer stop()
	if f.req.Only {
		return f.serveFile()
	}
	resumed, err := f.begin()
	if err != nil {
		return err
	}
	defer func() { f.streams.leave(f) }()
	if resumed {
		err = f.resume()
	} else {
		err = f.fullSync()
	}
	if err != nil {
		return err
	}
	f.state.Store(int32(Online))
	return f.follow()
}

// serveFile serves one that wants the file alone.
func (f *Sender) serveFile() error {
	f.streams.full.Add(1)
	f.stream = f.streams.newStream(nil)
	if err := f.sendWholeFile(); err != nil {
		return err
	}
	f.writing.Store(time.Now().UnixNano())
	return ErrServed
}

// begin gets the stream of the follower: the one that it knows, or a new one.
func (f *Sender) begin() (resumed bool, err error) {
	if f.stream = f.streams.reopen(f.ctx, &f.req); f.stream != nil {
		f.streams.enter(f)
		return true, nil
	}
	tail, err := f.streams.cfg.Log.Tail(f.streams.cfg.Store.Len())
	if err != nil {
		return false, err
	}
	f.streams.full.Add(1)
	f.stream = f.streams.newStream(tail)
	f.streams.enter(f)
	return false, nil
}

// resume sends what the follower has missed.
func (f *Sender) resume() error {
	s := f.stream
	answer := "+CONTINUE\r\n"
	if f.req.Renames {
		answer = "+CONTINUE " + s.id + "\r\n"
	}
	if err := f.write([]byte(answer)); err != nil {
		return err
	}
	missed := s.backlog.End() - f.req.Offset
	buf := make([]byte, min(missed, pieceSize))
	for at := f.req.Offset; at < s.backlog.End(); {
		n := s.backlog.Read(at, buf)
		if err := f.write(buf[:n]); err != nil {
			return err
		}
		at += int64(n)
	}
	s.to = f.write
	f.held.put(s.backlog.End(), s.t.Complete())
	f.log.Info("a follower goes on where its last connection ended", "addr", f.conn.RemoteAddr(), "bytes", missed)
	return nil
}

// fullSync sends the file, and makes the stream ready to follow it.
func (f *Sender) fullSync() error {
	if !f.req.Sync {
		if err := f.write([]byte("+FULLRESYNC " + f.stream.id + " 0\r\n")); err != nil {
			return err
		}
	}
	if err := f.sendWholeFile(); err != nil {
		return err
	}
	if f.req.EOF {
		// Bytes behind the second mark would hide it: the follower looks at the end of what it
		// has read. So it says first that it has seen it.
		if err := f.awaitAck(); err != nil {
			return err
		}
	}
	s := f.stream
	s.t.Ready = s.tail.Offset()
	s.to, s.resumable = f.write, !f.req.Sync
	s.setSize()
	f.held.put(0, s.t.Complete())
	s.t.Out = append(s.t.Out, psync.Select...)
	return nil
}

// awaitAck waits until the follower has acknowledged something, and reads the stream meanwhile.
func (f *Sender) awaitAck() error {
	ticker := time.NewTicker(psync.Interval * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := f.stream.drain(); err != nil {
			return err
		}
		select {
		case <-f.ready:
			return nil
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-ticker.C:
			if f.silent() > f.streams.cfg.Timeout {
				return ErrSilent
			}
		}
	}
}

// follow sends commands for as long as the follower is there.
func (f *Sender) follow() error {
	ticker := time.NewTicker(psync.Interval * time.Millisecond)
	defer ticker.Stop()
	s := f.stream
	for {
		if err := s.advance(); err != nil {
			s.resumable = false
			return err
		}
		if s.lost != nil {
			return s.lost
		}
		select {
		case <-s.wake():
		case <-ticker.C:
			if err := f.tick(); err != nil {
				return err
			}
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
}

// tick does what is due: dirty keys, functions, a PING.
func (f *Sender) tick() error {
	s := f.stream
	if time.Since(f.lastWrite) >= f.streams.cfg.Ping {
		s.t.Out = append(s.t.Out, psync.Ping...)
	}
	if err := s.tick(); err != nil {
		s.resumable = false
		return err
	}
	if s.t.FieldExpiries > 0 && !s.warned {
		s.warned = true
		f.log.Warn("fields of hashes expire: a follower of Redis 7.0 is told when they are gone, not when they will be",
			"addr", f.conn.RemoteAddr())
	}
	if !f.req.Sync && f.acked.Load() >= 0 && f.silent() > f.streams.cfg.Timeout {
		return ErrSilent
	}
	f.held.put(s.backlog.End(), s.t.Complete())
	return nil
}

// write writes to the follower. The server closes the connection of one that is Overdue.
func (f *Sender) write(b []byte) error {
	for len(b) > 0 {
		f.writing.Store(time.Now().UnixNano())
		n, err := f.conn.Write(b[:min(len(b), pieceSize)])
		f.writing.Store(0)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	f.lastWrite = time.Now()
	return nil
}

// pieceSize is how many bytes are written at a time.
const pieceSize = 256 << 10

// Overdue reports whether the follower has neither taken nor said anything for too long. One
// that loads the file takes nothing, but says that it lives. One that has the file that it asked
// for has to close the connection: the server must not, lest the end of the file be lost.
func (f *Sender) Overdue() bool {
	since := f.writing.Load()
	return since != 0 && time.Now().UnixNano()-since > int64(f.streams.cfg.Timeout) && f.silent() > f.streams.cfg.Timeout
}

// Write makes the Sender the writer of a file.
func (f *Sender) Write(b []byte) (int, error) {
	if err := f.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func bulkHead(size int64) []byte {
	return append(strconv.AppendInt([]byte{'$'}, size, 10), "\r\n"...)
}
