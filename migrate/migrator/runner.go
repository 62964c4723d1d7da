package migrator

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// runner runs one job: its loop owns the core and the keys in flight.
type runner struct {
	mg   *Migrator
	job  migrate.Job // as it was started
	done chan struct{}

	events chan func()   // run on the loop; each is followed by the effects
	wake   chan struct{} // there is a new map
	quit   chan struct{} // closed when the loop ends

	// Owned by the loop.
	s       *migrate.Sender
	conn    *wire
	dialled int // counts connections, so that what comes from an old one is ignored
	over    bool
	changes chan migrate.SetSlots

	begun     time.Time
	latest    atomic.Pointer[migrate.Status]
	remaining atomic.Pointer[slots.Set] // what is still to be handed over
}

const (
	runnerTick  = 100 * time.Millisecond
	dialTimeout = 5 * time.Second
	eventQueue  = 256
	changeQueue = 64 // more than the changes that a job can have under way, so that its loop never waits
)

func newRunner(mg *Migrator, job migrate.Job) *runner {
	r := &runner{
		mg: mg, job: job, done: make(chan struct{}), events: make(chan func(), eventQueue), wake: make(chan struct{}, 1),
		quit: make(chan struct{}), changes: make(chan migrate.SetSlots, changeQueue),
		begun: time.Now(),
	}
	r.latest.Store(&migrate.Status{Job: job, State: migrate.Running, Updated: r.begun})
	r.remaining.Store(&job.Slots)
	return r
}

// run is the loop.
func (r *runner) run() {
	defer close(r.done)
	stop := sync.OnceFunc(func() { close(r.quit); close(r.changes) })
	defer func() { // after a panic: release what other goroutines wait for
		stop()
		if r.conn != nil {
			r.conn.conn.Close()
		}
	}()
	var changes sync.WaitGroup
	changes.Go(r.mg.guarded(r.changeSlots))
	tick := time.NewTicker(runnerTick)
	defer tick.Stop()

	m := r.mg.cfg.Node.Map()
	r.mg.dropOldCopies(m, &r.job, r.mg.journal())
	r.s = migrate.NewSender(time.Now(), migrate.SenderConfig{Job: r.job, Map: m, Engine: r.mg.cfg.Engine,
		Promises: r.mg.cfg.Promises, Done: r.mg.ctx.Done()})
	r.s.Tick(time.Now())
	r.carryOut()
	for !r.over && r.mg.ctx.Err() == nil {
		select {
		case <-r.mg.ctx.Done():
		case event := <-r.events:
			event()
			r.drain()
		case <-r.wake:
			r.s.MapChanged(time.Now(), r.mg.cfg.Node.Map())
		case <-tick.C:
			r.s.Tick(time.Now())
			r.report()
		}
		r.carryOut()
	}
	r.s.Close()
	r.hang()
	stop()
	changes.Wait()
	r.report()
	if r.over {
		r.mg.retire(r)
	}
}

// drain runs the events that are waiting, before the effects of all.
func (r *runner) drain() {
	for range len(r.events) {
		(<-r.events)()
	}
}

// post hands an event to the loop.
func (r *runner) post(event func()) {
	select {
	case r.events <- event:
	case <-r.quit:
	}
}

func (r *runner) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// carryOut does what the core wants.
func (r *runner) carryOut() {
	for !r.over {
		e, ok := r.s.Next(time.Now())
		if !ok {
			return
		}
		r.do(e)
	}
}

func (r *runner) do(e migrate.Effect) {
	switch e := e.(type) {
	case migrate.SaveJob:
		r.mg.enter(e.Job)
	case migrate.Finish:
		r.over = true
	case migrate.Dial:
		r.dial(e.Target)
	case migrate.HangUp:
		r.hang()
	case migrate.Send:
		if r.conn != nil {
			r.conn.send(&e.Message)
		}
	case migrate.SetSlots:
		r.changes <- e
	case migrate.ForgetDeletions:
		r.mg.deletions.end(func(slot slots.Slot) bool { return slices.Contains(e.Slots, slot) })
	case migrate.KeysFailed:
		r.mg.log.Error("moving keys", "job", r.job.ID, "error", e.Err)
	}
}

// changeSlots carries out the changes of slots, in order, beside the loop: each waits
// for the disk.
func (r *runner) changeSlots() {
	for e := range r.changes {
		err := r.mg.ctx.Err()
		if err == nil {
			err = r.mg.cfg.Node.SetSlots(r.mg.ctx, e.Set, e.Action, e.Peer)
		}
		r.post(func() { r.s.Changed(time.Now(), e.N, err) })
	}
}

// dial connects to the target beside the loop.
func (r *runner) dial(target slots.NodeID) {
	r.dialled++
	mine := r.dialled
	r.mg.spawn(func() {
		ctx, cancel := context.WithTimeout(r.mg.ctx, dialTimeout)
		defer cancel()
		conn, err := r.mg.cfg.Node.Dial(ctx, target)
		if err != nil {
			r.post(func() { r.lost(mine, err) })
			return
		}
		w := newWire(conn)
		accepted := make(chan bool, 1)
		r.post(func() { accepted <- r.connected(mine, w) })
		select {
		case ok := <-accepted:
			if ok {
				r.read(mine, w)
			}
		case <-r.quit:
		}
		w.close()
	})
}

func (r *runner) connected(n int, w *wire) bool {
	if n != r.dialled || r.over {
		return false
	}
	r.conn = w
	r.s.Connected(time.Now())
	return true
}

// errNoAnswer explains a connection that the target closed without a word.
var errNoAnswer = errors.New("the target closed the connection before it answered: it may not take this node for a " +
	"member of its cluster yet, or be about to stop; its log says more")

// read hands the target's messages to the loop until the connection ends.
func (r *runner) read(n int, w *wire) {
	for first := true; ; first = false {
		m, err := w.receive(migrate.MaxAnswer)
		if err != nil {
			if first && errors.Is(err, io.EOF) {
				err = errNoAnswer
			}
			r.post(func() { r.lost(n, err) })
			return
		}
		m = m.Clone()
		r.post(func() {
			if n == r.dialled {
				r.s.Receive(time.Now(), m)
			}
		})
	}
}

func (r *runner) lost(n int, err error) {
	if n != r.dialled {
		return
	}
	r.hang()
	r.s.Disconnected(time.Now(), err.Error())
}

func (r *runner) hang() {
	r.dialled++
	if r.conn != nil {
		r.conn.close()
		r.conn = nil
	}
}

// report publishes the status.
func (r *runner) report() {
	s := r.current(time.Now())
	left := r.s.Remaining()
	r.remaining.Store(&left)
	changed := s.Progress != r.latest.Load().Progress
	r.latest.Store(&s)
	if changed && r.mg.cfg.OnProgress != nil && s.Job.Kind == migrate.KindMove && !s.Over() {
		r.mg.cfg.OnProgress(s)
	}
}

// current returns the status, which tells also of a journal that cannot be saved.
func (r *runner) current(now time.Time) migrate.Status {
	s := r.s.Status(now)
	if err := r.mg.journalError(); err != nil && s.Progress.Waiting == "" {
		s.Progress.Waiting = "the journal cannot be saved: " + err.Error()
	}
	return s
}

func (r *runner) status() migrate.Status { return *r.latest.Load() }
