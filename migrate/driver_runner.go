package migrate

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// runner runs one job: its loop owns the core and the keys in flight.
type runner struct {
	d    *Driver
	job  Job // as it was started
	done chan struct{}

	events chan func()   // run on the loop; each is followed by the effects
	wake   chan struct{} // there is a new map
	quit   chan struct{} // closed when the loop ends

	// Owned by the loop.
	s       *sender
	h       *executor
	conn    *wire
	dialled int // counts connections, so that what comes from an old one is ignored
	over    bool
	buf     []byte
	changes chan setSlots

	begun     time.Time
	latest    atomic.Pointer[Status]
	remaining atomic.Pointer[slots.Set] // what is still to be handed over
}

const (
	runnerTick  = 100 * time.Millisecond
	dialTimeout = 5 * time.Second
	eventQueue  = 256
	changeQueue = 64 // more than the changes that a job can have under way, so that its loop never waits
)

func newRunner(d *Driver, job Job) *runner {
	r := &runner{
		d: d, job: job, done: make(chan struct{}), events: make(chan func(), eventQueue), wake: make(chan struct{}, 1),
		quit: make(chan struct{}), h: newExecutor(d.cfg.Engine, d.ctx.Done()), changes: make(chan setSlots, changeQueue),
		begun: time.Now(),
	}
	r.latest.Store(&Status{Job: job, State: Running, Updated: r.begun})
	r.remaining.Store(&job.Slots)
	return r
}

// run is the loop.
func (r *runner) run() {
	defer close(r.done)
	stop := sync.OnceFunc(func() { close(r.quit); close(r.changes) })
	defer func() { // after a panic: let go of what others wait for
		stop()
		if r.conn != nil {
			r.conn.conn.Close()
		}
	}()
	var changes sync.WaitGroup
	changes.Go(r.d.guarded(r.changeSlots))
	tick := time.NewTicker(runnerTick)
	defer tick.Stop()

	m := r.d.cfg.Node.Map()
	r.d.dropDelivered(m, &r.job, r.d.journal())
	r.s = newSender(time.Now(), r.job, m, r.d.cfg.Engine.Store().Count, r.d.cfg.Promises, usualLimits)
	r.s.tick(time.Now())
	r.carryOut()
	for !r.over && r.d.ctx.Err() == nil {
		select {
		case <-r.d.ctx.Done():
		case event := <-r.events:
			event()
			r.drain()
		case <-r.wake:
			r.s.mapChanged(time.Now(), r.d.cfg.Node.Map())
		case <-tick.C:
			r.s.tick(time.Now())
			r.report()
		}
		r.carryOut()
	}
	r.h.releaseAll()
	r.hang()
	stop()
	changes.Wait()
	r.report()
	if r.over {
		r.d.retire(r, r.s.err)
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
	for out := r.s.output(); len(out) > 0 && !r.over; out = r.s.output() {
		for _, e := range out {
			r.do(e)
		}
	}
}

func (r *runner) do(e effect) {
	r.d.deletions.giveBack(r.job.Kind, e)
	if ours, err := r.h.do(time.Now(), r.s, e); ours {
		if err != nil && !cutShort(err) {
			r.d.log.Error("moving keys", "job", r.job.ID, "error", err)
		}
		return
	}
	switch e := e.(type) {
	case save:
		r.d.enter(e.job)
	case finish:
		r.over = true
	case dial:
		r.dial(e.target)
	case hang:
		r.hang()
	case send:
		if r.conn != nil {
			r.conn.send(&e.m)
		}
	case sendPart:
		m := r.h.part(e, r.buf[:0])
		r.buf = m.Data
		if r.conn != nil {
			r.conn.send(&m)
		}
	case setSlots:
		r.changes <- e
	}
}

// changeSlots carries out the changes of slots, in order, beside the loop: each waits
// for the disk.
func (r *runner) changeSlots() {
	for e := range r.changes {
		err := r.d.ctx.Err()
		if err == nil {
			err = r.d.cfg.Node.SetSlots(r.d.ctx, e.set, e.action, e.peer)
		}
		r.post(func() { r.s.changed(time.Now(), e.n, err) })
	}
}

// dial connects to the target beside the loop.
func (r *runner) dial(target slots.NodeID) {
	r.dialled++
	mine := r.dialled
	r.d.spawn(func() {
		ctx, cancel := context.WithTimeout(r.d.ctx, dialTimeout)
		defer cancel()
		conn, err := r.d.cfg.Node.Dial(ctx, target)
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
	r.s.connected(time.Now())
	return true
}

// read hands the target's messages to the loop until the connection ends.
func (r *runner) read(n int, w *wire) {
	for {
		m, err := w.receive(maxBatch) // a key may be long, and memory grows only with what arrives
		if err != nil {
			r.post(func() { r.lost(n, err) })
			return
		}
		if m.Type == msgKeys {
			m.Keys = cloneKeys(m.Keys)
		}
		r.post(func() {
			if n == r.dialled {
				r.s.receive(time.Now(), m)
			}
		})
	}
}

func cloneKeys(keys [][]byte) [][]byte {
	list := make([][]byte, len(keys))
	for i, key := range keys {
		list[i] = append([]byte(nil), key...)
	}
	return list
}

func (r *runner) lost(n int, err error) {
	if n != r.dialled {
		return
	}
	r.hang()
	r.s.disconnected(time.Now(), err.Error())
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
	s := Status{Job: r.s.job, State: Running, Doing: r.s.describe(), Progress: r.s.progress,
		Elapsed: time.Since(r.begun), Updated: time.Now()}
	if s.Job.Cancelled {
		s.State = Cancelling
	}
	if err := r.d.journalError(); err != nil && s.Progress.Waiting == "" {
		s.Progress.Waiting = "the journal cannot be saved: " + err.Error()
	}
	left := r.s.remaining()
	r.remaining.Store(&left)
	changed := s.Progress != r.latest.Load().Progress
	r.latest.Store(&s)
	if changed && r.d.cfg.OnProgress != nil && s.Job.Kind == KindMove {
		r.d.cfg.OnProgress(s)
	}
}

func (r *runner) status() Status { return *r.latest.Load() }
