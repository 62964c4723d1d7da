// Package committer runs a node's log on disk: it reads the replication stream as a
// replica does, writes what it reads, makes it durable, and lets those wait who must not
// answer before it is.
package committer

import (
	"context"
	"sync/atomic"
)

// Committer writes one node's log. It is safe for concurrent use.
type Committer struct {
	durable atomic.Int64
	failed  atomic.Pointer[FailedError]
}

// Durable returns up to which offset the stream is on disk.
func (c *Committer) Durable() int64 { return c.durable.Load() }

// MayWrite returns a *FailedError while the log cannot be written.
func (c *Committer) MayWrite() error {
	if f := c.failed.Load(); f != nil {
		return f
	}
	return nil
}

// Wait returns when the stream up to offset is on disk. The errors are a *FailedError,
// ctx's and ErrClosed.
func (c *Committer) Wait(ctx context.Context, offset int64) error {
	if c.durable.Load() >= offset {
		return nil
	}
	return ErrClosed
}

// Rewrite makes the log begin anew: see Status. scheduled says that this waits for a
// snapshot to end.
func (c *Committer) Rewrite() (scheduled bool, err error) { return false, ErrClosed }

// Status returns how the log stands.
func (c *Committer) Status() Status { return Status{Durable: c.Durable(), LastRewrite: -1} }
