package committer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog"
)

// baseRetry is how long after a rewrite that failed there may be another by itself.
const baseRetry = time.Minute

// baseDone is the outcome of writing a base, or of removing old files.
type baseDone struct {
	name    string
	offset  int64
	err     error
	began   time.Time
	cleaned bool
}

// rewriteDue reports whether a base is to be written now.
func (c *Committer) rewriteDue(now time.Time, s *Settings) bool {
	if c.basing {
		return false
	}
	c.mu.Lock()
	asked := c.asked
	c.mu.Unlock()
	switch {
	case asked:
		return true
	case now.Before(c.baseAt):
		return false
	case c.w.Durable() < 0: // the log has none
		return true
	}
	size := c.size()
	return s.RewritePercent > 0 && size >= s.RewriteMinSize &&
		size-c.grownFrom >= c.grownFrom*int64(s.RewritePercent)/100
}

// beginBase begins a new segment and then a base, on a goroutine of its own.
func (c *Committer) beginBase(now time.Time) error {
	if err := c.awaitSync(); err != nil {
		return err
	}
	if c.w.Durable() >= 0 {
		if err := c.w.Rotate(); err != nil {
			return err
		}
		c.dirty = false
	}
	c.basing = true
	c.mu.Lock()
	c.asked, c.began, c.status.Rewriting = false, now, true
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(c.ctx)
	c.endBasing = cancel
	d := baseDone{name: c.w.NextBase(), began: now}
	c.log.Info("rewriting the log", "size", c.size(), "base", d.name)
	c.spawn(func() {
		waiting := func() { c.change(func(st *Status) { st.Scheduled = true }) }
		defer cancel()
		d.offset, d.err = c.cfg.Base(ctx, c.cfg.Disk, d.name, waiting)
		c.based <- d
	})
	return nil
}

// endBase takes the outcome of a base.
func (c *Committer) endBase(d baseDone) {
	c.basing = false
	c.change(func(st *Status) { st.Scheduled = false })
	switch {
	case d.cleaned:
		return
	case errors.Is(d.err, replication.ErrRenamed): // the next one has the new name
		c.baseAt = time.Time{}
		c.mu.Lock()
		c.asked = true
		c.mu.Unlock()
		c.rewritten(d)
		return
	case d.err != nil:
		c.baseAt = time.Now().Add(baseRetry)
		c.rewritten(d)
		if c.failed.Load() != nil { // this was to end a failure
			c.fail(d.err)
		}
		return
	}
	if err := c.link(d); err != nil {
		d.err = err
		c.rewritten(d)
		if errors.Is(err, replication.ErrRenamed) {
			c.reset()
			return
		}
		c.fail(err)
		return
	}
	c.rewritten(d)
	if failed := c.failed.Swap(nil); failed != nil {
		c.log.Info("the log is complete again", "after", time.Since(c.failedAt))
		c.retries = 0
		c.cfg.event(replication.LogRecovered{After: time.Since(c.failedAt)})
	}
	c.publish()
}

// link makes a base the one with which the log begins.
func (c *Committer) link(d baseDone) error {
	for c.w.Offset() < d.offset {
		n, err := c.gather()
		if err == nil && n == 0 {
			err = fmt.Errorf("the base is at stream offset %d, the log at %d", d.offset, c.w.Offset())
		}
		if err != nil {
			return err
		}
	}
	if err := c.awaitSync(); err != nil {
		return err
	}
	if err := c.w.SetBase(d.name, d.offset); err != nil {
		return err
	}
	c.dirty, c.grownFrom = false, c.size()
	return c.removeUnused()
}

// removeUnused removes the files that are of no use any more, on a goroutine of its own:
// large ones take a while.
func (c *Committer) removeUnused() error {
	unused, err := c.w.Unused()
	if err != nil || len(unused) == 0 {
		return err
	}
	c.basing, c.endBasing = true, func() {}
	c.spawn(func() {
		for _, name := range unused {
			if err := c.cfg.Disk.Remove(name); err != nil {
				c.log.Warn("an old file of the log stays", "file", name, "error", err)
			}
		}
		c.based <- baseDone{cleaned: true}
	})
	return nil
}

// abandonBase ends a rewrite under way, whose log is given up.
func (c *Committer) abandonBase() {
	if !c.basing {
		return
	}
	c.endBasing()
	d := <-c.based
	c.basing = false
	if d.cleaned {
		return
	}
	if d.err == nil {
		d.err = errReplaced
		if err := c.cfg.Disk.Remove(d.name); err != nil {
			c.log.Warn("a base of no use stays", "file", d.name, "error", err)
		}
	}
	c.rewritten(d)
}

// rewritten tells how a rewrite has ended.
func (c *Committer) rewritten(d baseDone) {
	took := time.Since(d.began)
	c.change(func(st *Status) {
		st.Rewriting, st.LastRewrite, st.LastRewriteErr = false, took, d.err
		if d.err == nil {
			st.Rewrites++
			st.InVain = 0
		} else {
			st.InVain++
		}
		if c.ended != nil && !c.asked { // otherwise there is to be another one
			c.ended <- d.err
			c.ended = nil
		}
	})
	size := int64(0)
	if d.err != nil {
		c.log.Warn("the log was not rewritten", "error", d.err)
	} else {
		size = c.w.BaseSize()
		c.log.Info("the log has been rewritten", "base", d.name, "size", size, "took", took)
	}
	c.cfg.event(replication.LogRewritten{Size: size, Took: took, Err: d.err})
}

// errReplaced says that the data of before is not this node's any more.
var errReplaced = errors.New("the data has been replaced by a full sync")

// reset begins the log anew for a stream that is another one than before.
func (c *Committer) reset() {
	c.leave()
	c.durable.Store(-1)
	c.waits.fail(errReplaced)
	c.baseAt = time.Time{}
	if err := c.open(nil); err != nil {
		c.fail(err)
		return
	}
	c.publish()
}

// leave gives up the reader and the Writer. What was written stays as it is.
func (c *Committer) leave() {
	if c.w == nil {
		return
	}
	c.r.Close()
	c.abandonBase()
	if c.syncing {
		<-c.synced
		c.syncEnded()
	}
	_ = c.w.Close()
	c.w = nil
	c.wanted.Store(0)
}

// fail begins the state in which nothing is written, or goes on with it.
func (c *Committer) fail(err error) {
	now := time.Now()
	c.leave()
	failed := &FailedError{err}
	before := c.failed.Swap(failed)
	c.waits.fail(failed)
	c.retryAt = now.Add(min(minRetry<<min(c.retries, 10), maxRetry))
	c.retries++
	c.log.Error("the log cannot be written: writes are refused until it has been made anew", "error", err, "next",
		c.retryAt.Sub(now))
	if before != nil {
		return
	}
	c.failedAt = now
	c.change(func(st *Status) { st.Failures++ })
	c.cfg.event(replication.LogFailed{Err: err})
}

// restart begins the log anew after a failure; it is complete when it has a base.
func (c *Committer) restart() {
	c.baseAt = time.Time{}
	if err := c.open(nil); err != nil {
		c.fail(err)
		return
	}
	c.publish()
}

// completeBase sees to it at the end that a log without a base gets one.
func (c *Committer) completeBase() error {
	if c.w.Durable() >= 0 {
		c.cancel() // a rewrite under way is of no use
		return nil
	}
	if !c.basing {
		if err := c.beginBase(time.Now()); err != nil {
			return err
		}
	}
	d := <-c.based
	if c.basing = false; d.err != nil {
		return d.err
	}
	return c.link(d)
}

func (cfg *Config) event(e replication.Event) {
	if cfg.OnEvent != nil {
		cfg.OnEvent(e)
	}
}

// Ready returns when the log has a base: from then on a start finds what Durable says.
func (c *Committer) Ready(ctx context.Context) error { return c.Wait(ctx, 0) }

// Replace runs change, which gives up the node's data, while there is no log on disk, and
// begins the log anew with what is there after that. A crash meanwhile leaves no data.
func (c *Committer) Replace(change func() error) (err error) {
	done := c.order(func() {
		c.leave()
		c.durable.Store(-1)
		c.replies.Store(math.MaxInt64)
		if err = oplog.Remove(c.cfg.Disk); err == nil {
			err = change()
		}
		c.reset()
	})
	if !done {
		return ErrClosed
	}
	return err
}
