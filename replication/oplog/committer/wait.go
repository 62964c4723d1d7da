package committer

import (
	"context"
	"fmt"
	"sync"

	"github.com/slotmesh/slotmesh/keyspace"
)

// waits are those that wait for the disk.
type waits struct {
	mu    sync.Mutex
	list  []*waiter
	ended error // nothing will come any more
	spare []*waiter
}

type waiter struct {
	offset int64
	ch     chan error
}

// maxSpare bounds the waiters that are kept for later.
const maxSpare = 1024

// add registers a waiter; nil if the log has ended.
func (ws *waits) add(offset int64) (*waiter, error) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.ended != nil {
		return nil, ws.ended
	}
	var w *waiter
	if n := len(ws.spare); n > 0 {
		w, ws.spare = ws.spare[n-1], ws.spare[:n-1]
	} else {
		w = &waiter{ch: make(chan error, 1)}
	}
	w.offset = offset
	ws.list = append(ws.list, w)
	return w, nil
}

// leave gives up a wait, or ends one whose outcome has been received.
func (ws *waits) leave(w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for i := range ws.list {
		if ws.list[i] == w {
			last := len(ws.list) - 1
			ws.list[i], ws.list[last] = ws.list[last], nil
			ws.list = ws.list[:last]
			break
		}
	}
	select {
	case <-w.ch: // woken while it gave up
	default:
	}
	if len(ws.spare) < maxSpare {
		ws.spare = append(ws.spare, w)
	}
}

// wake ends the waits up to offset.
func (ws *waits) wake(offset int64) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	rest := ws.list[:0]
	for _, w := range ws.list {
		if w.offset > offset {
			rest = append(rest, w)
			continue
		}
		w.ch <- nil
	}
	clear(ws.list[len(rest):])
	ws.list = rest
}

// fail ends all waits with an error.
func (ws *waits) fail(err error) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.list {
		w.ch <- err
	}
	clear(ws.list)
	ws.list = ws.list[:0]
}

// end is fail, for later waits too.
func (ws *waits) end(err error) {
	ws.mu.Lock()
	ws.ended = err
	ws.mu.Unlock()
	ws.fail(err)
}

// Behind reports whether a reply must wait, by Await, because the policy is Always and not
// everything that was written is on disk.
func (c *Committer) Behind() bool { return c.cfg.Backlog.Offset() > c.replies.Load() }

// Await returns when a reply may leave that shows what the stream has now: with Always when
// all of that is on disk, else at once. wrote says that the reply is to a write: if the log
// fails, the error then matches keyspace.ErrAmbiguous and keyspace.ErrNotLogged; a reply that
// shows only what is there leaves.
func (c *Committer) Await(ctx context.Context, wrote bool) error {
	offset := c.cfg.Backlog.Offset()
	if offset <= c.replies.Load() {
		return nil
	}
	err := c.await(ctx, offset, false)
	_, failed := err.(*FailedError)
	switch {
	case err == nil || !wrote && (failed || err == errReplaced):
		return nil
	case !wrote:
		return err
	}
	return fmt.Errorf("%w: %w", keyspace.ErrAmbiguous, err)
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

// await waits for an offset; ask makes it durable at once.
func (c *Committer) await(ctx context.Context, offset int64, ask bool) error {
	w, err := c.waits.add(offset)
	if err != nil {
		return err
	}
	defer c.waits.leave(w)
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
	select {
	case err := <-w.ch:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
