package shard

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog/committer"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/storage"
)

// LogSettings are what can be changed about the log while the node runs.
type LogSettings struct {
	committer.Settings
	RefuseTruncated bool // a log with a torn end stops the start
}

// LogConfig is what a Log needs of the node.
type LogConfig struct {
	LogSettings
	Disk    storage.Disk
	Store   *keyspace.Store
	Backlog *replicator.Backlog
	Hold    func() (release func()) // see committer.Config
	OnEvent func(replication.Event) // see committer.Config
	Latency func(event string, took time.Duration)
	OnPanic func(error)
	Logger  hclog.Logger
}

// Log is the node's log on disk: whether there is one, its load and its end. It is safe for
// concurrent use.
type Log struct {
	cfg  LogConfig
	disk storage.LogDisk // nil: the Disk is none
	left bool            // there is a log of an earlier run, and none is to be kept
	turn chan struct{}   // has a value while the log is turned on or off

	writing atomic.Pointer[committer.Committer] // nil: there is no log

	mu       sync.Mutex // guards all below
	settings LogSettings
	base     Base
	save     func(context.Context) error
}

// NewLog returns the log of a node that starts now.
func NewLog(cfg LogConfig) *Log {
	l := &Log{cfg: cfg, settings: cfg.LogSettings, turn: make(chan struct{}, 1)}
	l.disk, _ = cfg.Disk.(storage.LogDisk)
	return l
}

// ErrNoLogDisk is the error of turning a log on where the Disk cannot keep one.
var ErrNoLogDisk = errors.New("the node's Disk keeps no files that grow: it must be a storage.LogDisk")

// ErrLogOff is the error of what needs a log on a node that keeps none.
var ErrLogOff = errors.New("this node keeps no log: turn it on first (appendonly yes)")

// Enabled reports whether the node keeps a log now.
func (l *Log) Enabled() bool { return l.writing.Load() != nil }

// Settings returns the settings in force.
func (l *Log) Settings() LogSettings {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settings
}

// Status returns how the log stands; its Policy is committer.Off if there is none.
func (l *Log) Status() committer.Status {
	if c := l.writing.Load(); c != nil {
		return c.Status()
	}
	return committer.Status{LastRewrite: -1}
}

// Rewrite makes the log begin anew in the background. scheduled says that it waits for a
// snapshot to end. The errors are ErrLogOff and committer.ErrRewriting.
func (l *Log) Rewrite() (scheduled bool, err error) {
	if c := l.writing.Load(); c != nil {
		return c.Rewrite()
	}
	return false, ErrLogOff
}

// RewriteNow is Rewrite that returns when it has ended: see [committer.Committer.RewriteNow].
func (l *Log) RewriteNow(ctx context.Context) error {
	if c := l.writing.Load(); c != nil {
		return c.RewriteNow(ctx)
	}
	return ErrLogOff
}

// Durable returns up to which offset the stream is on disk; ok is false without a log.
func (l *Log) Durable() (offset int64, ok bool) {
	if c := l.writing.Load(); c != nil {
		return c.Durable(), true
	}
	return 0, false
}

// WaitDurable waits, with any policy, until the stream up to offset is on disk: at the next
// Sync that the policy asks for. The errors are ErrLogOff, ctx's and those of the Committer.
func (l *Log) WaitDurable(ctx context.Context, offset int64) error {
	if c := l.writing.Load(); c != nil {
		return c.Wait(ctx, offset)
	}
	return ErrLogOff
}

// MayWrite returns why writes are refused because of the log, nil if they are not.
func (l *Log) MayWrite() error {
	if c := l.writing.Load(); c != nil {
		return c.MayWrite()
	}
	return nil
}
