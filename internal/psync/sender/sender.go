package sender

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/psync"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/replicator"
)

// Config says what is fed. Store and Log are required.
type Config struct {
	Store *keyspace.Store
	Log   Log // the Sink of Store
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
	Sync        bool // by SYNC: it knows no offsets and acknowledges nothing
	EOF         bool // it understands a file between two marks
	Only        bool // the file and nothing more
	NoData      bool // without keys
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

// Sender serves one follower. Heard, Alive and Status may be called by any goroutine.
type Sender struct {
	cfg Config
	req Request
	log hclog.Logger

	state atomic.Int32
	heard atomic.Int64  // Unix nanoseconds of what the follower said last
	acked atomic.Int64  // what it has acknowledged, -1: nothing yet
	ready chan struct{} // receives a value when acked changes first
	held  offsetMap

	writing atomic.Int64 // Unix nanoseconds since when a write is under way, 0: none is

	conn net.Conn
	ctx  context.Context
	tail *replicator.Tail // nil: of the stream nothing is wanted
	t    *psync.Translator
	sent int64 // bytes of commands

	libraries map[string]string // that the follower has, with their sources
	version   uint64            // of the node's when they were looked at
	due       []string          // scratch
	warned    bool              // of expiries of fields
	lastWrite time.Time
}

// ErrSilent ends a Sender whose follower says nothing and takes nothing.
var ErrSilent = errors.New("psync: the follower has been silent for too long")

// ErrServed is what Run returns when the follower has all that it asked for.
var ErrServed = errors.New("psync: the file has been sent")

// New returns a Sender that has not begun.
func New(cfg Config, req Request) *Sender {
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Ping <= 0 {
		cfg.Ping = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Libraries == nil {
		cfg.Libraries = none{}
	}
	f := &Sender{cfg: cfg, req: req, log: cfg.Logger, ready: make(chan struct{}, 1),
		libraries: make(map[string]string)}
	f.acked.Store(-1)
	f.Alive()
	return f
}

// none are no libraries.
type none struct{}

func (none) Version() uint64                      { return 0 }
func (none) Sources() (map[string][]byte, uint64) { return nil, 0 }

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
func (f *Sender) Run(ctx context.Context, conn net.Conn) (err error) {
	f.ctx, f.conn = ctx, conn
	if !f.req.Only {
		if f.tail, err = f.cfg.Log.Tail(f.cfg.Store.Len()); err != nil {
			return err
		}
		defer f.tail.Close()
	}
	f.t = psync.New(f.cfg.Standalone, f.cfg.Log.Offset())
	if !f.req.Sync {
		var id [20]byte
		rand.Read(id[:])
		if err := f.write(fmt.Appendf(nil, "+FULLRESYNC %s 0\r\n", hex.EncodeToString(id[:]))); err != nil {
			return err
		}
	}
	began := time.Now()
	size, keys, err := f.sendFile()
	if err != nil {
		return err
	}
	f.log.Info("sent an RDB file", "addr", conn.RemoteAddr(), "keys", keys, "bytes", size, "took", time.Since(began))
	if f.req.Only {
		f.writing.Store(time.Now().UnixNano())
		return ErrServed
	}
	if f.req.EOF {
		// Bytes behind the second mark would hide it: the follower looks at the end of what it
		// has read. So it says first that it has seen it.
		if err := f.awaitAck(); err != nil {
			return err
		}
	}
	f.t.Ready = f.tail.Offset()
	f.held.put(0, f.t.Complete())
	f.state.Store(int32(Online))
	f.t.Out = append(f.t.Out, psync.Select...)
	return f.follow()
}

// awaitAck waits until the follower has acknowledged something, and reads the stream meanwhile.
func (f *Sender) awaitAck() error {
	ticker := time.NewTicker(psync.Interval * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := f.drain(); err != nil {
			return err
		}
		select {
		case <-f.ready:
			return nil
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-ticker.C:
			if f.silent() > f.cfg.Timeout {
				return ErrSilent
			}
		}
	}
}

// maxHeld bounds the names of keys that are held.
const maxHeld = 64 << 20

// flushAt is how many bytes of commands are gathered before they are written.
const flushAt = 64 << 10

// drain translates what is there of the stream, as long as there is room for it.
func (f *Sender) drain() error {
	now := time.Now().UnixMilli()
	for f.tail != nil && f.t.Held() < maxHeld {
		rec, ok, err := f.tail.Next()
		if err != nil || !ok {
			return err
		}
		if rec.Metadata {
			continue // functions are looked at in turn
		}
		if err := f.t.Record(rec.End, now, rec.Ops); err != nil {
			return err
		}
		if len(f.t.Out) >= flushAt {
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow sends commands for as long as the follower is there.
func (f *Sender) follow() error {
	ticker := time.NewTicker(psync.Interval * time.Millisecond)
	defer ticker.Stop()
	for {
		if err := f.drain(); err != nil {
			return err
		}
		if err := f.flush(); err != nil {
			return err
		}
		wake := f.tail.Wake()
		if f.t.Held() >= maxHeld {
			wake = nil // dirty keys go first
		}
		select {
		case <-wake:
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
	if err := f.sendDirty(); err != nil {
		return err
	}
	if err := f.sendLibraries(); err != nil {
		return err
	}
	if f.t.FieldExpiries > 0 && !f.warned {
		f.warned = true
		f.log.Warn("fields of hashes expire: a follower of Redis 7.0 is told when they are gone, not when they will be",
			"addr", f.conn.RemoteAddr())
	}
	if time.Since(f.lastWrite) >= f.cfg.Ping {
		f.t.Out = append(f.t.Out, psync.Ping...)
	}
	if !f.req.Sync && f.acked.Load() >= 0 && f.silent() > f.cfg.Timeout {
		return ErrSilent
	}
	if err := f.flush(); err != nil {
		return err
	}
	f.held.put(f.sent, f.t.Complete())
	return nil
}

// flush writes the commands that have been gathered.
func (f *Sender) flush() error {
	if len(f.t.Out) == 0 {
		return nil
	}
	err := f.command(f.t.Out)
	if f.t.Out = f.t.Out[:0]; cap(f.t.Out) > 16*flushAt {
		f.t.Out = nil
	}
	return err
}

// command writes bytes of commands.
func (f *Sender) command(b []byte) error {
	f.sent += int64(len(b))
	return f.write(b)
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
	return since != 0 && time.Now().UnixNano()-since > int64(f.cfg.Timeout) && f.silent() > f.cfg.Timeout
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
