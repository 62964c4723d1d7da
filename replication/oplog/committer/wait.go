package committer

import (
	"context"
	"fmt"

	"github.com/slotmesh/slotmesh/keyspace"
)

// Behind reports whether a reply must wait, by Await, because the policy is Always and not
// everything that was written is on disk.
func (c *Committer) Behind() bool { return c.cfg.Backlog.Offset() > c.replies.Load() }

// Await returns when a reply may leave that shows what the stream has now: with Always when
// all of that is on disk, else at once. If the log fails, a reply that shows keys must not
// leave, since what it shows could vanish: the error is a *FailedError. wrote says that the
// reply is to a write: then the error matches keyspace.ErrAmbiguous, too.
func (c *Committer) Await(ctx context.Context, wrote bool) error {
	offset := c.cfg.Backlog.Offset()
	if offset <= c.replies.Load() {
		return nil
	}
	err := c.await(ctx, offset, false)
	switch {
	case err == nil || !wrote && err == errReplaced:
		return nil
	case !wrote:
		return err
	}
	return fmt.Errorf("%w: %w", keyspace.ErrAmbiguous, err)
}

// MayShow returns a *FailedError while the log cannot be written and not everything that is
// there is on disk, with Always.
func (c *Committer) MayShow() error {
	if err := c.MayWrite(); err != nil && c.Behind() {
		return err
	}
	return nil
}

// Wait returns when the stream up to offset is on disk: with EverySecond at the next Sync.
// The errors are a *FailedError, ctx's and ErrClosed.
func (c *Committer) Wait(ctx context.Context, offset int64) error {
	if c.Durable() >= offset {
		return nil
	}
	return c.await(ctx, offset, c.settings.Load().Policy == Never)
}

// Sync makes all that the stream has now durable. Errors as of Wait.
func (c *Committer) Sync(ctx context.Context) error {
	offset := c.cfg.Backlog.Offset()
	if c.Durable() >= offset {
		return nil
	}
	return c.await(ctx, offset, true)
}

// await waits for an offset; ask makes it durable at once. With Always the caller makes it
// durable itself if nobody is at it. A Sync cannot be left, so who has a deadline lets the
// goroutine run do it; the other ends of a ctx may be noticed late by a Sync.
func (c *Committer) await(ctx context.Context, offset int64, ask bool) error {
	w, err := c.waits.add(offset)
	if err != nil {
		return err
	}
	defer c.leaveWait(w)
	if f := c.failed.Load(); f != nil { // those that come later are not told
		return f
	}
	if c.Durable() >= offset {
		return nil
	}
	if ask {
		for was := c.wanted.Load(); was < offset && !c.wanted.CompareAndSwap(was, offset); {
			was = c.wanted.Load()
		}
		c.nudge()
	}
	_, hurried := ctx.Deadline()
	for {
		switch {
		case c.settings.Load().Policy != Always:
		case hurried:
			c.nudge()
		default:
			c.lead()
		}
		select {
		case err := <-w.ch:
			if err != errLead {
				return err
			}
			c.waits.listen(w)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Committer) leaveWait(w *waiter) {
	if lead := c.waits.leave(w); lead {
		c.waits.passOn()
	}
}
