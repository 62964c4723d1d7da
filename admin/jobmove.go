package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// jobPoll is how often a move that nodes carry out by themselves is looked at.
const jobPoll = 50 * time.Millisecond

// moveByJob has the source move the slots by itself and watches until the target owns
// them. When ctx ends the job goes on; a later call finds it and watches again.
func (c *Client) moveByJob(ctx context.Context, from, to *Node, set slots.Set, t *tracker) error {
	w := jobWatch{c: c, from: from, to: to, set: set, track: t}
	if over, err := w.start(ctx); over || err != nil {
		return err
	}
	for {
		over, err := w.poll(ctx)
		if err == nil && !over {
			err = pause(ctx, jobPoll)
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return fmt.Errorf("%w; the move of slots %s from %s to %s goes on by itself; to stop it, send CLUSTER "+
				"CANCELSLOTMIGRATIONS to %s",
				err, slotList(set), from.Name(), to.Name(), from.Address)
		case over || err != nil:
			return err
		}
	}
}

// jobWatch is what was seen of a job.
type jobWatch struct {
	c           *Client
	from, to    *Node
	set         slots.Set
	old         map[string]bool // jobs that had nothing to do with this move
	track       *tracker
	slots       int
	keys, bytes int64
}

// start has the source begin the move of the slots that the target does not own yet, unless
// that is none. The view may be older than a job that an interrupted run left going, and the
// command that such a run sent last may arrive even now: that job is waited for.
func (w *jobWatch) start(ctx context.Context) (over bool, err error) {
	late := 0 // times that the target may not have told yet what it got
	for refusals := 0; ; refusals++ {
		from, to := w.c.ask(ctx, w.from.Address), w.c.ask(ctx, w.to.Address)
		if err := errors.Join(from.Err, to.Err); err != nil {
			return false, err
		}
		w.from, w.to, w.old = from, to, make(map[string]bool)
		for _, j := range from.JobsNow {
			w.old[j.Name] = true
		}
		todo, owned := w.set, to.Slots()
		todo.Subtract(&owned)
		if todo.Empty() {
			w.track.add(w.set.Len(), 0)
			return true, nil
		}
		args := append([]string{"CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"}, rangeArgs(todo)...)
		if _, err = w.c.do(ctx, from.Address, append(args, "NODE", to.ID.String())...); err == nil {
			return false, nil
		}
		waited, left, failed := w.await(ctx, todo)
		if waited || left && refusals == 0 {
			late = jobLate
		} else if late--; late < 0 {
			return false, err
		}
		if failed != nil {
			return false, failed
		}
	}
}

// jobLate is how many polls after the end of a job its target may tell its slots.
const jobLate = 100

// await waits for a moment, and as long as a job moves some of the slots. It reports
// whether there was one, and whether the source has none of the slots any more: then a job
// has ended a moment ago.
func (w *jobWatch) await(ctx context.Context, set slots.Set) (waited, left bool, err error) {
	for {
		from := w.c.ask(ctx, w.from.Address)
		if from.Err != nil {
			return waited, left, from.Err
		}
		owned := from.Slots()
		owned.Intersect(&set)
		left = owned.Empty()
		sends := from.sends(set, w.to.ID)
		waited = waited || sends
		if err := pause(ctx, jobPoll); err != nil || !sends {
			return waited, left, err
		}
	}
}

// sends reports whether a job moves some of the slots to target.
func (n *Node) sends(set slots.Set, target slots.NodeID) bool {
	return slices.ContainsFunc(n.JobsNow, func(j Job) bool {
		j.Slots.Intersect(&set)
		return j.Export && !j.Ended() && j.Target == target && !j.Slots.Empty()
	})
}

// poll reports whether all slots are the target's. That the job ended well is not enough:
// its end may be told before the new owner is.
func (w *jobWatch) poll(ctx context.Context) (over bool, err error) {
	from, to := w.c.ask(ctx, w.from.Address), w.c.ask(ctx, w.to.Address)
	if to.Err != nil {
		return false, to.Err
	}
	got := to.Slots()
	got.Intersect(&w.set)
	var keys, bytes int64
	running := false
	for _, j := range from.JobsNow {
		if w.old[j.Name] || j.Target != w.to.ID || !j.Export {
			continue
		}
		if j.Failed() {
			return false, &NodeError{w.from.Address, "CLUSTER MIGRATESLOTS",
				fmt.Errorf("the move was given up: %s %s", j.State, j.Message)}
		}
		running = running || !j.Ended()
		keys += j.Keys
		bytes += j.Bytes
	}
	w.track.add(got.Len()-w.slots, max(0, keys-w.keys))
	w.track.addBytes(max(0, bytes-w.bytes))
	w.slots, w.keys, w.bytes = got.Len(), max(keys, w.keys), max(bytes, w.bytes)
	return got == w.set && !running, nil
}

// awaitJobs waits until no node of the view moves slots by itself, so that nothing is
// planned twice. A job of an interrupted run ends that way too. Jobs that are stuck are
// not waited for: it may be for ever.
func (c *Client) awaitJobs(ctx context.Context, v *View) error {
	for _, n := range v.Alive() {
		told := false
		for v.busy(n) {
			if !told {
				c.step(n.Address, "waiting for a move of slots that is under way")
				told = true
			}
			if err := pause(ctx, jobPoll); err != nil {
				return err
			}
			fresh := c.ask(ctx, n.Address)
			if fresh.Err != nil {
				return fresh.Err
			}
			*n = *fresh
		}
	}
	return nil
}

// busy reports whether n moves slots by itself, and nothing keeps it from that.
func (v *View) busy(n *Node) bool {
	return slices.ContainsFunc(n.JobsNow, func(j Job) bool { return !j.Ended() && !v.stuck(&j) })
}
