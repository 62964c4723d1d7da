package admin

import (
	"context"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow/follower"
)

const (
	watchEvery   = time.Second
	cutOverEvery = 10 * time.Millisecond
	finalCheck   = time.Minute // for what is done at the end, after the caller has had enough too
	maxMarks     = 3600
)

// watch asks the source how far it is, tells progress, and ends the run: with errFollowed
// if that is its end.
func (r *followRun) watch(ctx context.Context, ended <-chan error) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	told := false
	for {
		select {
		case err := <-ended:
			if ctx.Err() != nil {
				return r.interrupted(ctx)
			}
			return err
		case <-ticker.C:
		}
		r.measure(ctx)
		p := r.progress(time.Now())
		r.c.emit(p)
		if !p.InStep || ctx.Err() != nil {
			continue
		}
		if r.f.CutOver {
			return r.cutOver(ctx, ended)
		}
		if !told {
			told = true
			r.c.notice(r.f.From, "the cluster is in step. To cut over: stop the programs that write to the source, wait until "+
				"0 B are behind, end this command, and start them with the cluster's addresses; or run it with --cut-over, "+
				"which pauses writes at the source")
		}
	}
}

// interrupted makes a last comparison when the caller has had enough.
func (r *followRun) interrupted(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), finalCheck)
	defer cancel()
	r.measure(last)
	if p := r.progress(time.Now()); p.Behind == 0 && !p.Loading && p.FullSyncs > 0 {
		r.c.emit(p)
		return errFollowed
	}
	return ctx.Err()
}

// cutOver stops the writes at the source and waits for the rest of the stream.
func (r *followRun) cutOver(ctx context.Context, ended <-chan error) error {
	r.c.step(r.f.From, "pausing writes for %v", r.f.Pause)
	until := time.Now().Add(r.f.Pause)
	_, err := r.source.do(ctx, r.f.From, "CLIENT", "PAUSE", strconv.FormatInt(r.f.Pause.Milliseconds(), 10), "WRITE")
	if err != nil {
		return err
	}
	ticker := time.NewTicker(cutOverEvery)
	defer ticker.Stop()
	for {
		r.measure(ctx)
		if p := r.progress(time.Now()); p.InStep && p.Behind == 0 {
			r.c.emit(p)
			r.c.notice(r.f.From, "it takes no writes until %s, and would go on after that: start the programs with the "+
				"cluster's addresses now, and stop the source", until.Format(time.TimeOnly))
			return errFollowed
		}
		if time.Now().After(until) {
			return &NodeError{Node: r.f.From, Err: errPauseOver}
		}
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
		}
	}
}

// measure asks the source for its offset, and compares.
func (r *followRun) measure(ctx context.Context) {
	reply, err := r.source.do(ctx, r.f.From, "INFO", "replication")
	if err != nil {
		return // the link tells what is wrong
	}
	offset, err := strconv.ParseInt(ParseFields(reply.Text())["master_repl_offset"], 10, 64)
	if err != nil {
		return
	}
	now, applied := time.Now(), r.follower.Status().Applied
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.marks) > 0 && r.marks[0].offset <= applied {
		r.marks = r.marks[1:]
	}
	r.offset, r.inStep, r.lag = offset, r.known && len(r.marks) == 0, 0
	r.known = true
	if len(r.marks) > 0 {
		r.lag = now.Sub(r.marks[0].at)
	}
	if offset > applied && len(r.marks) < maxMarks {
		r.marks = append(r.marks, mark{offset, now})
	}
}

func (r *followRun) progress(now time.Time) FollowProgress {
	s := r.follower.Status()
	p := FollowProgress{FollowResult: r.target.result(), State: s.State.String(), Loading: s.Loading, SyncSize: s.SyncSize,
		SyncRead: s.SyncRead, Elapsed: now.Sub(r.begin)}
	p.FullSyncs, p.Resumed = s.Full, s.Partial
	r.mu.Lock()
	defer r.mu.Unlock()
	p.Lag, p.Behind = r.lag, max(0, r.offset-s.Applied)
	p.InStep = r.inStep && s.State == follower.Connected && !s.Loading
	return p
}
