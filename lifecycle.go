package slotmesh

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog/committer"
	"github.com/slotmesh/slotmesh/storage"
)

// lifecycle is the start and the end of a node. What holds of it:
//
//   - The node is started at most once, and not after its end has begun.
//   - It is torn down at most once, on one goroutine: that of the first Close, or that of
//     Start if Start failed before any Close. The teardown of a node begins only when a
//     Start under way has returned; Close ends the context of that Start.
//   - ctx ends when the teardown begins, and not before: while a closing master hands
//     over to a replica, the node works as ever.
//   - wait, in the middle of the teardown, waits for what spawn and trySpawn run. The parts
//     of the node call spawn, and each of them has ended before wait, or is itself waited
//     for; the host reaches trySpawn (Node.Go), which refuses once the end has begun. So
//     nothing is added to a group that is being waited for.
//   - closed is closed last, when nothing of the node runs any more. Every Close waits for
//     it, whichever of them tears down.
type lifecycle struct {
	ctx   context.Context
	end   context.CancelFunc // ends ctx
	runID string             // differs from start to start

	mu       sync.Mutex // guards the fields below
	started  bool
	endStart context.CancelFunc // ends the context of Start
	closing  bool

	begun   chan struct{} // closed when Start has done what it does
	closed  chan struct{}
	err     error // of the teardown; set before closed is closed
	failure atomic.Pointer[PanicError]
	leaving atomic.Bool // by Node.Leave
	unlock  func()      // gives back Config.Disk; Start sets it, the teardown calls it last
	group   sync.WaitGroup
}

func newLifecycle() *lifecycle {
	l := &lifecycle{runID: rand.Text(), begun: make(chan struct{}), closed: make(chan struct{})}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// start runs run, once, and tears down if that fails.
func (l *lifecycle) start(ctx context.Context, run func(context.Context) error, teardown func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := l.begin(ctx, cancel); err != nil {
		return err
	}
	err := run(ctx)
	l.mu.Lock()
	closing := l.closing // then it is Close that tears down
	l.closing = closing || err != nil
	l.mu.Unlock()
	close(l.begun)
	switch {
	case closing:
		return ErrClosed
	case err != nil:
		l.finish(teardown)
	}
	return err
}

// begin makes sure that the node is started once.
func (l *lifecycle) begin(ctx context.Context, cancel context.CancelFunc) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.closing {
		return errors.New("slotmesh: a node can be started only once; make a new one with New")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.started, l.endStart = true, cancel
	return nil
}

// close tears down, unless another one does, and returns when that is done. A node that was
// started hands over first.
func (l *lifecycle) close(handOver func(), teardown func() error) error {
	l.mu.Lock()
	first, started := !l.closing, l.started
	l.closing = true
	if first && started {
		l.endStart()
	}
	l.mu.Unlock()
	if first {
		if started {
			<-l.begun
			handOver()
		}
		l.finish(teardown)
	}
	<-l.closed
	return l.err
}

func (l *lifecycle) finish(teardown func() error) {
	l.end()
	l.err = teardown()
	close(l.closed)
}

// spawn runs fn on a goroutine that wait waits for.
func (l *lifecycle) spawn(fn func()) { l.group.Go(fn) }

// trySpawn is spawn for callers that may come at any time. It reports false, and runs
// nothing, once the end has begun.
func (l *lifecycle) trySpawn(fn func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.spawn(fn)
	return true
}

// wait returns when what was spawned has ended. Only the teardown calls it.
func (l *lifecycle) wait() { l.group.Wait() }

// hasStarted reports whether Start is through: what it sets may be read.
func (l *lifecycle) hasStarted() bool {
	select {
	case <-l.begun:
		return true
	default:
		return false
	}
}

// over reports whether the teardown has begun.
func (l *lifecycle) over() bool { return l.ctx.Err() != nil }

// beforeStart runs fn, which registers something by the method of the given name, unless
// the node has been started. Start waits for fn.
func (l *lifecycle) beforeStart(method string, fn func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		return fmt.Errorf("slotmesh: %s must be called before Start", method)
	}
	return fn()
}

// Start opens the client port and the bus, loads what an earlier start saved, and
// returns once the node listens; it then runs until Close. ctx bounds the start
// only. A node can be started once. Close makes a Start that is under way return
// ErrClosed.
func (n *Node) Start(ctx context.Context) error { return n.life.start(ctx, n.start, n.teardown) }

// Close ends the node: no new clients, no new peers, everything it started is gone when
// it returns. Calls under way and later ones return ErrClosed. What it had saved stays.
// Closing again does nothing. The error says that the last snapshot could not be saved:
// what was written since the one before is lost.
//
// A master with a replica in step lets that take over first, so that clients wait for
// milliseconds and not for the node timeout; it gives up after 600 ms.
func (n *Node) Close() error { return n.life.close(n.handOver, n.teardown) }

// Done is closed when the node is closed, by Close, by a client's SHUTDOWN, or because of
// a bug: see Err.
func (n *Node) Done() <-chan struct{} { return n.life.closed }

// Go runs fn on a goroutine that belongs to the node: Close ends ctx and waits for fn to
// return. It reports false, and does not run fn, if the node is closed.
func (n *Node) Go(fn func(ctx context.Context)) bool {
	return n.life.trySpawn(func() { fn(n.life.ctx) })
}

// PanicError is the panic that ended a node: a bug of this module, of a logger, or of
// the Network or Disk that the host brought. Please report it with its Stack.
type PanicError = guard.Panic

// Err returns why the node ended, or is ending, by itself: a *[PanicError]. It is nil
// while the node works, and after Close and SHUTDOWN.
func (n *Node) Err() error {
	if p := n.life.failure.Load(); p != nil {
		return p
	}
	return nil
}

// fail ends the node after a panic on one of its goroutines. Half a node, one that serves
// clients and is deaf on the bus, would be worse than none, and to end the host program
// is not this module's to decide. The keys are saved as on Close; of the cluster's state
// all that was promised to others is on the disk already.
func (n *Node) fail(err error) {
	p, ok := err.(*PanicError)
	if !ok {
		p = &PanicError{Where: "the node", Value: err}
	}
	if !n.life.failure.CompareAndSwap(nil, p) {
		return
	}
	n.log.Error("a bug ends this node, and nothing else of the program; please report it", "where", p.Where, "panic",
		p.Value, "stack", p.Stack)
	go n.Close() // it waits for the goroutine that panicked
}

// newSnapshots makes what saves the node's keys.
func (n *Node) newSnapshots() *shard.Snapshots {
	c := &n.cfg.Snapshot
	return shard.NewSnapshots(shard.SnapshotConfig{
		Off: c.Off, Disk: n.cfg.Disk, File: c.File, Rules: c.Rules, AtEnd: c.AtEnd, IgnoreErrors: c.IgnoreErrors,
		Store: n.store, Backlog: n.shard.Backlog, Log: n.shard.Log,
		Busy: func() bool { return n.shard.Log.Status().Rewriting },
		Life: n.life.ctx, Go: n.life.spawn, Logger: n.log,
	})
}

// Save writes all keys of this node to Config.Snapshot.File while it serves, and returns
// when that is durable. replication.ErrSaving refuses a second one at the same time.
func (n *Node) Save(ctx context.Context) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	return n.snapshots.Save(ctx)
}

// RewriteLog writes the log on disk anew, from the keys as they are, while the node serves,
// and returns when that is durable. The end of ctx ends the wait only. ErrRewriting refuses a
// second one at the same time, ErrNoLog one on a node without a log.
func (n *Node) RewriteLog(ctx context.Context) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	return n.shard.Log.RewriteNow(ctx)
}

// LogConfig says how the log of writes is kept, Redis' append-only file: without one a node
// that is killed loses what came after its last snapshot. Config.Dir, or a Disk that is a
// storage.LogDisk, must be set. While there is a log the node starts from it, and needs no
// snapshots.
type LogConfig struct {
	// Sync says when a write is durable. Default LogOff: there is no log.
	Sync LogSync
	// RewritePercent is by how much the log may grow, in percent of its size after the last
	// rewrite, before it is rewritten by itself. Default 100; negative: never by itself.
	RewritePercent int
	// RewriteMinSize is a size in bytes below which it is not rewritten by itself. Default
	// 64 MiB.
	RewriteMinSize int64
	// RefuseTruncated makes Start fail if the log ends within a write, as after a crash of
	// the machine. Without it, what is incomplete is cut off, with a warning.
	RefuseTruncated bool
	// NoSyncOnRewrite leaves out the Sync of LogEverySecond while the log is rewritten, so
	// that writes do not wait for a busy disk; a crash of the machine in that time loses more.
	NoSyncOnRewrite bool
}

func (c *Config) validateLog() error {
	if _, ok := c.Disk.(storage.LogDisk); c.Log.Sync != LogOff && !ok {
		return fmt.Errorf("slotmesh: Config.Log.Sync is %v, but the Disk, a %T, keeps no files that grow: use Dir, or a "+
			"Disk that is a storage.LogDisk", c.Log.Sync, c.Disk)
	}
	switch {
	case !c.Log.Sync.Valid():
		return fmt.Errorf("slotmesh: Config.Log.Sync is %v: use LogAlways, LogEverySecond or LogNever", c.Log.Sync)
	case c.Log.RewriteMinSize < 0:
		return fmt.Errorf("slotmesh: Config.Log.RewriteMinSize is %d: use bytes, or 0 for 64 MiB", c.Log.RewriteMinSize)
	}
	return nil
}

const defaultRewriteMinSize = 64 << 20

// logSettings are those of a configuration, with its defaults.
func logSettings(c *LogConfig) shard.LogSettings {
	return shard.LogSettings{
		Settings: committer.Settings{
			Policy:          c.Sync,
			RewritePercent:  max(0, cmp.Or(c.RewritePercent, 100)),
			RewriteMinSize:  cmp.Or(c.RewriteMinSize, defaultRewriteMinSize),
			NoSyncOnRewrite: c.NoSyncOnRewrite,
		},
		RefuseTruncated: c.RefuseTruncated,
	}
}

// newLog makes what keeps the node's log on disk.
func (n *Node) newLog() *shard.Log {
	return shard.NewLog(shard.LogConfig{
		LogSettings: logSettings(&n.cfg.Log),
		Disk:        n.cfg.Disk, Store: n.store, Backlog: n.shard.Backlog,
		Hold:    func() (release func()) { return n.engine.PauseWrites(logPause).Resume },
		Latency: func(event string, took time.Duration) { n.server.RecordLatency(event, took) },
		OnEvent: n.logEvent, OnPanic: n.fail,
		Logger: n.log.Named("log"),
	})
}

// logPause bounds how long writes wait for a disk that is slower than they are.
const logPause = time.Hour

func saveRules(c *SnapshotConfig) conf.Parsed {
	return conf.Parsed{Show: func() string { return saveText(c) }, Set: func(text string) {
		if c.Rules, _ = replication.ParseSaveRules(text); c.Rules == nil {
			c.Rules = []replication.SaveRule{} // none, instead of the default
		}
	}}
}

// saveText is the rules in the form of redis.conf.
func saveText(c *SnapshotConfig) string {
	if c.Off {
		return ""
	}
	var words []string
	for _, r := range c.Rules {
		words = append(words, strconv.Itoa(int(r.Every.Seconds())), strconv.FormatUint(r.Changes, 10))
	}
	return strings.Join(words, " ")
}

// logSwitch and logSync are the two directives of which Config.Log.Sync is made.

func logSwitch(v *values) conf.Parsed {
	return conf.Parsed{Set: func(text string) {
		v.logs = text == "yes"
		v.setLogSync()
	}, Show: func() string {
		if v.Log.Sync == LogOff {
			return "no"
		}
		return "yes"
	}}
}

func logSync(v *values) conf.Parsed {
	p := conf.Parsed{Set: func(text string) {
		v.logSync = map[string]LogSync{"always": LogAlways, "everysec": LogEverySecond, "no": LogNever}[text]
		v.setLogSync()
	}}
	if v.Log.Sync != LogOff {
		p.Show = v.Log.Sync.String
	}
	return p
}

func (v *values) setLogSync() {
	if v.Log.Sync = v.logSync; !v.logs {
		v.Log.Sync = LogOff
	}
}

// rewriteMinSize is 1 where the directive says 0, for 0 is the default.
func rewriteMinSize(n *int64) conf.Parsed {
	return conf.Parsed{Set: func(text string) {
		*n, _ = strconv.ParseInt(text, 10, 64)
		*n = max(*n, 1)
	}, Show: func() string {
		if *n == 1 {
			return "0"
		}
		return strconv.FormatInt(cmp.Or(*n, defaultRewriteMinSize), 10)
	}}
}
