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
	// The view may be older than a job that an interrupted run left going.
	from, to = c.ask(ctx, from.Address), c.ask(ctx, to.Address)
	if err := errors.Join(from.Err, to.Err); err != nil {
		return err
	}
	begun := make(map[string]bool)
	for _, j := range from.JobsNow {
		begun[j.Name] = true
	}
	todo := set
	owned := to.Slots()
	todo.Subtract(&owned)
	if todo.Empty() {
		t.add(set.Len(), 0)
		return nil
	}
	args := append([]string{"CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"}, rangeArgs(todo)...)
	if _, err := c.do(ctx, from.Address, append(args, "NODE", to.ID.String())...); err != nil {
		return err
	}
	w := jobWatch{c: c, from: from, to: to, set: set, old: begun, track: t}
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
