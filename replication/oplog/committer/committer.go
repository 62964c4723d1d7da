package committer

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/storage"
)

// Settings are what can be changed while a log is written.
type Settings struct {
	Policy          Policy // Always, EverySecond or Never
	RewritePercent  int    // growth since the last rewrite at which there is another; 0: never by itself
	RewriteMinSize  int64  // bytes below which there is none by itself
	NoSyncOnRewrite bool   // no Sync while a base is being written, but with Always
}

// Config configures a Committer. All but the hooks are required.
type Config struct {
	Settings
	Disk    storage.LogDisk
	Backlog *replicator.Backlog
	Keys    func() int // in the store whose stream Backlog has
	// Base writes the node's data to a file and commits that. It returns the offset of the
	// stream at which it is the state. waiting is called if that has to wait for a snapshot.
	Base func(ctx context.Context, d storage.Disk, name string, waiting func()) (offset int64, err error)
	// Hold makes writers wait until release is called: the disk does not keep up.
	Hold   func() (release func())
	Logger hclog.Logger
	// OnEvent is called with what happens. It must return soon and must not call the
	// Committer.
	OnEvent func(replication.Event)
	// Latency is called with what writers have waited for: an event of LATENCY, and how long.
	Latency func(event string, took time.Duration)
	// OnPanic is called if a goroutine of the Committer panics. Default: the panic ends the
	// program.
	OnPanic func(error)
}

// Committer writes one node's log. It is safe for concurrent use.
//
// Goroutines: one that reads the stream and writes; one for each Sync of EverySecond; one
// for a rewrite under way; one that makes writers wait. With Always, those that wait read,
// write and sync themselves, one of them at a time.
type Committer struct {
	cfg    Config
	log    hclog.Logger
	ctx    context.Context // ends with the Committer
	cancel context.CancelFunc
	group  sync.WaitGroup

	durable  atomic.Int64 // offset up to which the stream is on disk, -1: there is no base yet
	replies  atomic.Int64 // offset up to which replies may leave
	wanted   atomic.Int64 // offset up to which somebody asks for a Sync
	failed   atomic.Pointer[FailedError]
	settings atomic.Pointer[Settings]
	wake     chan struct{}      // something was asked for
	slow     chan chan struct{} // a Sync takes too long; what it receives is closed when that is over

	waits waits

	mu      sync.Mutex // guards all below
	closing bool
	asked   bool         // a rewrite
	ended   chan<- error // of who waits for it, or for the one under way; nil: nobody does
	status  Status
	began   time.Time // of the rewrite under way

	turn chan struct{} // has a value while somebody has what follows
	writing
}

// New makes a Committer that continues a log which has been loaded; with nil it begins one
// anew, and what is on disk stays as it is until that has a base. It works from Start on.
// The Backlog has the node's data already.
func New(cfg Config, loaded *oplog.Loaded) (*Committer, error) {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Latency == nil {
		cfg.Latency = func(string, time.Duration) {}
	}
	c := &Committer{cfg: cfg, log: cfg.Logger, wake: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		slow: make(chan chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.settings.Store(&cfg.Settings)
	c.status.LastRewrite = -1
	c.durable.Store(-1)
	c.replies.Store(math.MaxInt64)
	c.done, c.orders = make(chan struct{}), make(chan func())
	c.synced, c.based = make(chan syncDone, 1), make(chan baseDone, 1)
	if err := c.open(loaded); err != nil {
		c.cancel()
		return nil, err
	}
	if loaded != nil {
		c.publish()
		c.grownFrom = c.size()
	}
	return c, nil
}

// Start begins to write. Base and Hold may be called from now on.
func (c *Committer) Start() {
	c.started = true
	c.spawn(c.throttle)
	if err := c.removeUnused(); err != nil {
		c.log.Warn("old files of the log stay", "error", err)
	}
	go func() {
		defer close(c.done)
		defer guard.Recover("log", c.cfg.OnPanic)
		c.run()
	}()
}

func (c *Committer) spawn(f func()) {
	c.group.Go(func() {
		defer guard.Recover("log", c.cfg.OnPanic)
		f()
	})
}

// Close writes and syncs what there is and ends the Committer. The error says that this
// failed.
func (c *Committer) Close() error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.nudge()
	if c.started {
		<-c.done
	} else {
		c.leave()
	}
	c.cancel()
	c.group.Wait()
	c.waits.end(ErrClosed)
	c.replies.Store(math.MaxInt64)
	return c.closed
}

// nudge makes run look again at what was asked for.
func (c *Committer) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Set changes the settings; they are in force when it returns. Policy must not be Off. Start
// has been called.
func (c *Committer) Set(s Settings) {
	c.order(func() {
		c.settings.Store(&s)
		c.publish()
	})
}

// order has run do something, and reports false if run has ended.
func (c *Committer) order(do func()) bool {
	ended := make(chan struct{})
	select {
	case c.orders <- func() { defer close(ended); do() }:
		<-ended
		return true
	case <-c.done:
		return false
	}
}

// Policy returns the policy in force.
func (c *Committer) Policy() Policy { return c.settings.Load().Policy }

// Durable returns up to which offset the stream is on disk, -1 while the log has no base
// yet. From the moment on in which a full sync has replaced the stream that is -1, too.
func (c *Committer) Durable() int64 {
	for {
		durable := c.durable.Load()
		switch {
		case c.cfg.Backlog.LogParted():
			return -1
		case c.durable.Load() == durable: // so it was of the stream that had not ended
			return durable
		}
	}
}

// MayWrite returns a *FailedError while the log cannot be written.
func (c *Committer) MayWrite() error {
	if f := c.failed.Load(); f != nil {
		return f
	}
	return nil
}

// Rewrite makes the log begin anew in the background: see Status. scheduled says that this
// waits for a snapshot to end.
func (c *Committer) Rewrite() (scheduled bool, err error) {
	return false, c.ask(nil)
}

// RewriteNow is Rewrite that returns when the log has its new base, or why it has not. The
// end of ctx ends the wait, not the rewrite.
func (c *Committer) RewriteNow(ctx context.Context) error {
	ended := make(chan error, 1)
	if err := c.ask(ended); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask asks for a rewrite, whose outcome ended receives if it is not nil.
func (c *Committer) ask(ended chan<- error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing:
		return ErrClosed
	case c.asked || c.status.Rewriting || c.status.Scheduled:
		return ErrRewriting
	}
	c.asked, c.ended = true, ended
	c.nudge()
	return nil
}

// Status returns how the log stands.
func (c *Committer) Status() Status {
	end := c.cfg.Backlog.Offset()
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.status
	st.Policy, st.Durable = c.settings.Load().Policy, c.Durable()
	st.Pending, st.Unsynced = max(0, end-st.written), max(0, end-max(st.Durable, 0))
	if st.Rewriting = st.Rewriting || c.asked; st.Rewriting && !c.began.IsZero() {
		st.CurrentRewrite = time.Since(c.began)
	}
	if f := c.failed.Load(); f != nil {
		st.Failed = f
	}
	return st
}

// throttle makes writers wait while the log is too far behind.
func (c *Committer) throttle() {
	for {
		select {
		case <-c.cfg.Backlog.LogFull():
			c.log.Warn("the disk is slower than the writers: these wait until the log has caught up")
			release := c.cfg.Hold()
			_ = c.cfg.Backlog.AwaitLog(c.ctx)
			release()
		case over := <-c.slow:
			c.log.Warn("a sync of the log takes more than 2 s: writers wait for it")
			release := c.cfg.Hold()
			select {
			case <-over:
			case <-c.ctx.Done():
			}
			release()
		case <-c.ctx.Done():
			return
		}
	}
}
