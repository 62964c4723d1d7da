package shard

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/oplog/committer"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/storage"
)

// LogSettings are what can be changed about the log while the node runs.
type LogSettings struct {
	Policy          committer.Policy
	RewritePercent  int   // growth since the last rewrite at which there is another; 0: never by itself
	RewriteMinSize  int64 // bytes below which there is none by itself
	RefuseTruncated bool  // a log with a torn end stops the start
	NoSyncOnRewrite bool  // no Sync while a base is being written, but with committer.Always
}

// LogConfig is what a Log needs of the node.
type LogConfig struct {
	LogSettings
	Disk    storage.Disk
	Store   *keyspace.Store
	Backlog *replicator.Backlog

	Life   context.Context // ends when the node closes
	Logger hclog.Logger
}

// Log is the node's log on disk: whether there is one, its load and its end. It is safe for
// concurrent use.
type Log struct {
	cfg LogConfig

	writing atomic.Pointer[committer.Committer] // nil: there is no log

	mu       sync.Mutex // guards settings
	settings LogSettings
}

// NewLog returns the log of a node that starts now.
func NewLog(cfg LogConfig) *Log { return &Log{cfg: cfg, settings: cfg.LogSettings} }

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
