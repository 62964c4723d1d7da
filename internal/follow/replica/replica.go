// Package replica makes a node outside of clusters a replica of a Redis, or of another such
// node: it gathers a snapshot beside the node's data, puts it in its place, and carries out
// the master's commands one after the other, while clients may only read.
package replica

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/follow/follower"
	"github.com/slotmesh/slotmesh/keyspace"
)

// Config is the node that a Replica is of.
type Config struct {
	Engine *engine.Engine
	Store  *keyspace.Store // the engine's
	// Do runs a command as the master's: past what refuses writes.
	Do func(args [][]byte) error
	// Renew begins another history of writes: the Store's content was replaced besides them.
	Renew func()
	// Dial connects to "host:port", with TLS if masters are dialled so.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Link says how the node presents itself; it is asked for each connection.
	Link    func() follow.Config
	Timeout time.Duration        // of a silent master; a minute at least
	Spawn   func(fn func()) bool // runs a goroutine that the node waits for; false if it ends
	Logger  hclog.Logger
}

// minTimeout is how long a master may be silent at least: one that has nothing to say does so
// each ten seconds, which is as long as nodes of a cluster wait for each other.
const minTimeout = time.Minute

// Replica follows a master, or none. It is safe for concurrent use.
type Replica struct {
	cfg Config
	ctx context.Context

	changing sync.Mutex // held by Follow and Stop
	mu       sync.Mutex // guards now
	now      *following // nil: none
}

// following is one master that is followed.
type following struct {
	host     string
	port     int
	follower *follower.Follower
	cancel   context.CancelFunc
	done     chan struct{} // closed at its end
}

// New returns a Replica that follows nobody yet, and nobody any more when ctx ends.
func New(ctx context.Context, cfg Config) *Replica { return &Replica{cfg: cfg, ctx: ctx} }

// Follow makes the node a replica of the server at host and port. What the node has stays
// until that server's data has come. already says that it is followed.
func (r *Replica) Follow(host string, port int) (already bool) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if f := r.current(); f != nil {
		if f.host == host && f.port == port {
			return true
		}
		r.stop(f)
	}
	r.cfg.Engine.SetFollowing(true)
	r.cfg.Store.SetPassive(true)
	ctx, cancel := context.WithCancel(r.ctx)
	f := &following{host: host, port: port, cancel: cancel, done: make(chan struct{})}
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	log := r.cfg.Logger.With("master", addr)
	t := &target{cfg: &r.cfg, log: log}
	f.follower = follower.New(follower.Config{
		Dial:       func(ctx context.Context) (net.Conn, error) { return r.cfg.Dial(ctx, addr) },
		Link:       r.cfg.Link,
		Target:     t,
		Timeout:    max(r.cfg.Timeout, minTimeout),
		Persistent: true,
		Changed:    logger(log, func() follower.Status { return f.follower.Status() }),
	}, follow.Position{})
	log.Info("following a master")
	if !r.cfg.Spawn(func() { r.run(ctx, f, log) }) {
		close(f.done)
	}
	r.set(f)
	return false
}

// run follows until ctx ends. After a failure it begins anew.
func (r *Replica) run(ctx context.Context, f *following, log hclog.Logger) {
	defer close(f.done)
	const pause = 5 * time.Second
	for {
		err := f.follower.Run(ctx)
		if ctx.Err() != nil {
			return
		}
		log.Error("following the master failed; it begins anew with a full sync", "error", err)
		f.follower.Reset()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Stop makes the node a master, with the data that it has.
func (r *Replica) Stop() {
	r.changing.Lock()
	defer r.changing.Unlock()
	f := r.current()
	if f == nil {
		return
	}
	r.stop(f)
	r.set(nil)
	r.cfg.Store.SetPassive(false)
	r.cfg.Engine.SetFollowing(false)
	r.cfg.Logger.Info("the node is a master now")
}

func (r *Replica) stop(f *following) {
	f.cancel()
	<-f.done
}

func (r *Replica) current() *following {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *Replica) set(f *following) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = f
}

// Status is which server a node follows, and how far it is.
type Status struct {
	Host string
	Port int
	follower.Status
}

// Status returns whom the node follows; ok is false if it follows nobody.
func (r *Replica) Status() (s Status, ok bool) {
	f := r.current()
	if f == nil {
		return Status{}, false
	}
	return Status{f.host, f.port, f.follower.Status()}, true
}

// logger returns what logs the steps of a link.
func logger(log hclog.Logger, status func() follower.Status) func() {
	var mu sync.Mutex
	var last follower.Status
	return func() {
		s := status()
		mu.Lock()
		defer mu.Unlock()
		switch {
		case s.Full > last.Full:
			log.Info("a full sync begins", "bytes", s.SyncSize)
		case s.Partial > last.Partial:
			log.Info("the link goes on where the last one ended", "offset", s.Received.Offset)
		case last.Loading && !s.Loading && s.State == follower.Connected:
			log.Info("the master's data is in place", "offset", s.Applied)
		case s.Err != nil && (last.Err == nil || last.Err.Error() != s.Err.Error()):
			log.Warn("the link to the master is down; it is dialled again", "error", s.Err)
		}
		last = s
	}
}
