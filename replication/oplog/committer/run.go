package committer

import (
	"errors"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/replication/replicator"
)

const (
	// gatherFor is how long what is written is gathered, without Always.
	gatherFor = 20 * time.Millisecond
	// syncEvery is how often EverySecond syncs.
	syncEvery = time.Second
	// lateSync is how long a Sync of EverySecond may take until writers wait for it: otherwise
	// far more than a second could be lost.
	lateSync = 2 * time.Second
	// readPiece bounds what is read of the stream at a time, maxGroup what is written before a
	// Sync, in bytes.
	readPiece = 256 << 10
	maxGroup  = 4 << 20
	// reserve is how much room a segment gets ahead of what is written, with Always.
	reserve = 1 << 20
	// The pause before the log is begun anew after a failure doubles from the least to the
	// greatest.
	minRetry = time.Second
	maxRetry = time.Minute
)

// writing is what belongs to who has the turn: the goroutine run, or one that leads.
type writing struct {
	r *replicator.LogReader
	w *oplog.Writer // nil after a failure

	dirty    bool // something was appended since the last Sync
	policy   Policy
	writeAt  time.Time     // not before that is the stream read, without Always
	syncAt   time.Time     // not before that begins a Sync of EverySecond
	syncing  bool          // one is under way
	lateAt   time.Time     // then it takes too long
	late     chan struct{} // closed when that is over, nil: no Sync takes too long
	synced   chan syncDone
	retries  int // failures in a row
	retryAt  time.Time
	failedAt time.Time
	trouble  error // that one who led has met; run sees to it

	waited uint64 // waits so far when run had the turn last
	alert  bool   // run is woken by what is new in the stream

	basing    bool // a base is being written, or files of its predecessors removed
	endBasing func()
	based     chan baseDone
	baseAt    time.Time // not before that is a base begun that nobody asked for
	grownFrom int64     // size of the log after the last rewrite

	started bool
	orders  chan func()
	done    chan struct{} // closed when run has ended
	closed  error         // how it ended
}

// syncDone is the outcome of a Sync beside writes.
type syncDone struct {
	point oplog.SyncPoint
	took  time.Duration
	err   error
}

// open opens the stream's reader and the Writer: of a log that goes on, or of a new one.
func (c *Committer) open(loaded *oplog.Loaded) (err error) {
	r, h := c.cfg.Backlog.OpenLog(c.cfg.Keys())
	var w *oplog.Writer
	if loaded != nil {
		w, err = oplog.Continue(c.cfg.Disk, loaded, h)
	} else {
		w, err = oplog.Create(c.cfg.Disk, h)
	}
	if err != nil {
		r.Close()
		return err
	}
	c.r, c.w, c.dirty = r, w, false
	return nil
}

// run writes until the Committer is closed.
func (c *Committer) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		c.turn <- struct{}{}
		if c.over() {
			break // and nobody else has a turn any more
		}
		again := c.step(time.Now())
		timer.Reset(c.untilDue(time.Now()))
		var more <-chan struct{}
		if c.w != nil && c.alert {
			more = c.r.Wake()
		}
		c.endTurn()
		if again {
			continue
		}
		c.next(more, timer.C)
	}
	c.closed = c.finish()
}

// next waits for something to do and does it.
func (c *Committer) next(more <-chan struct{}, due <-chan time.Time) {
	do := func() {}
	select {
	case <-more:
		return
	case <-c.wake:
		return
	case <-due:
		return
	case do = <-c.orders:
	case d := <-c.synced:
		do = func() { c.endSync(d) }
	case d := <-c.based:
		do = func() { c.endBase(d) }
	}
	c.turn <- struct{}{}
	do()
	c.endTurn()
}

func (c *Committer) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closing
}

// step does what is due. again says that there is more to do at once.
func (c *Committer) step(now time.Time) (again bool) {
	settings := c.settings.Load()
	c.policy = settings.Policy
	if c.w == nil {
		if now.Before(c.retryAt) {
			return false
		}
		c.restart()
		return true
	}
	urgent := c.policy == Always || c.wanted.Load() > max(c.durable.Load(), 0)
	read, err := 0, c.trouble
	if c.trouble = nil; err == nil && (urgent || !now.Before(c.writeAt)) {
		c.beAlert()
		if read, err = c.gather(); err == nil {
			err = c.w.Flush()
		}
	}
	switch {
	case errors.Is(err, replication.ErrRenamed):
		c.reset()
		return true
	case err != nil:
		c.fail(err)
		return true
	}
	if read > 0 {
		c.writeAt = now.Add(gatherFor)
	}
	switch {
	case urgent && (c.dirty || c.syncing):
		err = c.sync()
	case c.policy == EverySecond && c.syncing && c.late == nil && !now.Before(c.lateAt):
		c.syncIsLate()
	case c.policy == EverySecond && c.dirty && !now.Before(c.syncAt):
		err = c.beginSync(now, settings)
	}
	if err == nil && c.rewriteDue(now, settings) {
		err = c.beginBase(now)
	}
	if err != nil {
		c.fail(err)
		return true
	}
	c.publish()
	return read >= maxGroup
}

// untilDue returns for how long there is nothing to do by itself.
func (c *Committer) untilDue(now time.Time) time.Duration {
	due := now.Add(time.Hour)
	soon := func(at time.Time, is bool) {
		if is && at.Before(due) {
			due = at
		}
	}
	if c.w == nil {
		soon(c.retryAt, true)
	} else {
		soon(c.writeAt, c.policy != Always && now.Before(c.writeAt))
		soon(now.Add(gatherFor), c.policy == Always && !c.alert)
		soon(c.syncAt, c.policy == EverySecond && c.dirty && !c.syncing)
		soon(c.lateAt, c.policy == EverySecond && c.syncing && c.late == nil)
		soon(c.baseAt, c.w.Durable() < 0 && !c.basing)
	}
	return max(0, due.Sub(now))
}

// gather appends what is new in the stream and returns how many bytes that was.
func (c *Committer) gather() (n int, err error) {
	for n < maxGroup {
		b, name, renamed, err := c.r.Next(readPiece, c.alert)
		switch {
		case err != nil:
			return n, err
		case renamed:
			err = c.w.SetHistory(name)
		case len(b) == 0:
			return n, nil
		default:
			err = c.w.Append(c.w.Offset(), b)
		}
		if err != nil {
			return n, err
		}
		c.dirty = true
		n += len(b)
	}
	return n, nil
}

// sync makes durable what was appended.
func (c *Committer) sync() error {
	if err := c.awaitSync(); err != nil || !c.dirty {
		return err
	}
	began, durable := time.Now(), c.w.Durable()
	if err := c.w.Sync(); err != nil {
		return err
	}
	c.dirty = false
	took := time.Since(began)
	c.countSync(took, durable)
	if c.settings.Load().Policy == Always {
		c.cfg.Latency("aof-fsync-always", took)
	}
	return nil
}

// beginSync begins a Sync beside further writes.
func (c *Committer) beginSync(now time.Time, s *Settings) error {
	if c.syncing || s.NoSyncOnRewrite && c.basing {
		c.syncAt = now.Add(syncEvery)
		return nil
	}
	point, err := c.w.BeginSync()
	if err != nil {
		return err
	}
	c.syncing, c.dirty, c.syncAt, c.lateAt = true, false, now.Add(syncEvery), now.Add(lateSync)
	c.spawn(func() {
		began := time.Now()
		err := point.Sync()
		c.synced <- syncDone{point, time.Since(began), err}
	})
	return nil
}

// endSync takes the outcome of a Sync that beginSync began.
func (c *Committer) endSync(d syncDone) {
	c.syncEnded()
	durable := c.w.Durable()
	if err := c.w.EndSync(d.point, d.err); err != nil {
		c.fail(err)
		return
	}
	c.countSync(d.took, durable)
	c.publish()
}

// syncIsLate makes writers wait for the Sync under way.
func (c *Committer) syncIsLate() {
	c.late = make(chan struct{})
	c.change(func(st *Status) { st.Delayed++ })
	select {
	case c.slow <- c.late:
	default: // they wait for an earlier one
	}
}

func (c *Committer) syncEnded() {
	c.syncing = false
	if c.late != nil {
		close(c.late)
		c.late = nil
		c.cfg.Latency("aof-write-pending-fsync", time.Since(c.lateAt))
	}
}

// awaitSync waits for the Sync that is under way.
func (c *Committer) awaitSync() error {
	if !c.syncing {
		return nil
	}
	d := <-c.synced
	c.syncEnded()
	return c.w.EndSync(d.point, d.err)
}

// publish tells others what is on disk.
func (c *Committer) publish() {
	if c.w == nil {
		return
	}
	durable := c.w.Durable()
	c.durable.Store(durable)
	switch {
	case c.failed.Load() != nil: // until there is a base, replies must wait, to be refused
	case durable >= 0 && c.settings.Load().Policy == Always:
		c.replies.Store(durable)
	default:
		c.replies.Store(math.MaxInt64)
	}
	c.waits.wake(durable)
	size, base, written := c.size(), c.w.BaseSize(), c.w.Written()
	c.change(func(st *Status) { st.Size, st.BaseSize, st.written = size, base, written })
}

// size returns the bytes of the files.
func (c *Committer) size() int64 { return c.w.BaseSize() + c.w.Size() }

func (c *Committer) change(f func(st *Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}

// countSync counts a Sync that has ended well. durable is what Writer.Durable returned
// before it; a log without a base has no group yet.
func (c *Committer) countSync(took time.Duration, durable int64) {
	now := c.w.Durable()
	c.change(func(st *Status) {
		st.Syncs++
		st.SyncTimes.add(&SyncTimeBounds, took)
		if durable >= 0 {
			st.GroupSizes.add(&GroupSizeBounds, now-durable)
		}
	})
}

// finish ends the log for a start that finds all of it.
func (c *Committer) finish() error {
	if c.w == nil {
		return c.failed.Load().Err
	}
	defer c.r.Close()
	err := c.completeBase()
	for n := 1; err == nil && n > 0; {
		n, err = c.gather()
	}
	if c.syncing {
		if e := c.awaitSync(); err == nil {
			err = e
		}
	}
	if e := c.w.Close(); err == nil {
		err = e
	}
	if errors.Is(err, replication.ErrRenamed) {
		c.log.Info("the log ends before the full sync that came last")
		return nil
	}
	return err
}
