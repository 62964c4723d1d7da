package migrate

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// session is an accepted connection: slots, or returned keys, come in on it.
type session struct {
	d    *Driver
	conn *wire
	done chan struct{} // closed when all goroutines have ended

	changes chan setSlots

	mu sync.Mutex // guards r
	r  *receiver

	job JobID // written once, under Driver.mu; zero before the hello
}

// sessionSilence is how long a source may say nothing; it pings every second.
const sessionSilence = 15 * time.Second

const (
	// maxSessions bounds the connections on which slots come in, those without a hello
	// included. A job has one; more than maxJobs are those of jobs that connect anew.
	maxSessions = 2 * maxJobs
	// maxJobs bounds the jobs of others that a node has in its journal. A job takes a range of
	// slots at a time, so the greatest rebalance has one for each pair of nodes.
	maxJobs = 512
	// batchTime is how long a batch may lie here with no further part of it arriving: it may
	// be as large as the greatest value.
	batchTime = 30 * time.Second
)

// Accept serves a connection of another node's Dial. It returns at once.
func (d *Driver) Accept(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.sessions) >= maxSessions {
		conn.Close()
		return
	}
	s := &session{d: d, conn: newWire(conn), done: make(chan struct{}), changes: make(chan setSlots, changeQueue)}
	s.r = newReceiver(d.cfg.Node.Map(), d.returning, d.leaving, d.cfg.Replicas.Standing)
	d.sessions[s] = struct{}{}
	d.spawn(s.run)
}

// run reads messages until the connection ends.
func (s *session) run() {
	defer close(s.done)
	var changes sync.WaitGroup
	changes.Go(s.d.guarded(s.changeSlots))
	defer changes.Wait()
	defer close(s.changes)
	defer s.conn.close()
	defer s.d.leave(s)
	err := s.serve()
	s.d.log.Debug("migration connection ended", "from", s.conn.conn.RemoteAddr(), "error", err)
}

func (s *session) serve() error {
	part := time.Now() // the last one of a batch
	for {
		s.conn.conn.SetReadDeadline(time.Now().Add(sessionSilence))
		m, err := s.conn.receive(maxFrame)
		if err != nil {
			return err
		}
		held := s.gathered()
		if now := time.Now(); m.Type == msgPart || held == 0 {
			part = now
		} else if now.Sub(part) > batchTime {
			return fmt.Errorf("migrate: %d bytes of a batch, and nothing more of it for %v", held, batchTime)
		}
		if err := s.step(func(r *receiver) error { return r.receive(m) }); err != nil {
			return err
		}
	}
}

// gathered returns how many bytes of a batch are here that has not come whole.
func (s *session) gathered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.r.blob)
}

// step gives the core an input and carries out what it wants, outside the lock.
func (s *session) step(input func(*receiver) error) error {
	out, err := s.input(input)
	for _, e := range out {
		if err == nil {
			err = s.do(e)
		}
	}
	return err
}

func (s *session) input(input func(*receiver) error) ([]effect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.r.mapChanged(s.d.cfg.Node.Map())
	err := input(s.r)
	return s.r.output(), err
}

func (s *session) do(e effect) error {
	switch e := e.(type) {
	case send:
		s.conn.send(&e.m)
	case save:
		return s.d.join(s, e.job)
	case forget:
		s.d.jobOver(s.job)
	case setSlots:
		s.changes <- e
	case store:
		return s.store(e)
	case promised:
		return s.d.cfg.Promises.Raise(&e.slots, e.replicas)
	case remember:
		s.d.deletions.begin(s.job, e.set)
	case list:
		return listKeys(s.d.cfg.Engine.Store(), s.d.deletions.of, e, listBudget, func(m message) error {
			s.conn.send(&m)
			s.conn.flushed(listBudget)
			return nil
		})
	}
	return nil
}

// errPanicked ends a connection on which a batch could not be stored because of a bug.
var errPanicked = errors.New("migrate: storing a batch panicked; see the log")

// store stores a batch and answers. It may have to wait for replicas, or for the end of a
// pause: the source is told meanwhile that this end is alive.
func (s *session) store(e store) error {
	alive := time.NewTicker(pingEvery)
	defer alive.Stop()
	var keys, held int
	var told atomic.Int64
	unsent, err := errPanicked, error(nil) // until it is done
	done := make(chan struct{})
	go func() {
		defer guard.Recover("migrate", s.d.cfg.OnPanic)
		defer close(done)
		var k int
		if keys, k, err = s.importBatch(e); err != nil {
			unsent = nil
		} else {
			told.Store(int64(k))
			held, unsent = s.d.cfg.Replicas.Hold(s.d.ctx, k)
		}
	}()
	for waiting := true; waiting; {
		select {
		case <-alive.C:
			s.conn.send(s.alive(e.n, int(told.Load())))
		case <-done:
			waiting = false
		}
	}
	switch {
	case unsent != nil:
		return unsent // no answer, and so no refusal: the batch is here, and may be at a replica
	case cutShort(err):
		return err // no answer either: what is here in part may be the new master's, too
	case err == nil:
		s.d.imported(s.job, keys, len(e.blob))
	}
	return s.step(func(r *receiver) error { r.stored(e.n, held, err); return nil })
}

// importBatch puts a batch into the store. k is how many replicas writers were told of at
// the source.
func (s *session) importBatch(e store) (keys, k int, err error) {
	accepts := func(slot slots.Slot) bool { return accepts(e.kind, s.d.cfg.Node.Map(), slot, s.d.returning) }
	enough := func(ops []keyspace.Op) error {
		k = promisedTo(e.told, ops)
		if want, good := s.d.cfg.Replicas.Standing(k); want > good && !here(s.d.cfg.Engine.Store(), ops) {
			return lacking(s.d.cfg.Node.Map().Self().ID, want, good)
		}
		return nil
	}
	keys, err = importBatch(s.d.cfg.Engine, e.blob, s.d.ctx.Done(), e.kind == KindReturn, accepts, enough)
	if err != nil {
		s.d.deletions.undone(e.blob)
	}
	return keys, k, err
}

// alive returns what the source is told while a batch takes long: the reason, if replicas
// are missing.
func (s *session) alive(batch uint64, k int) *message {
	if want, good := s.d.cfg.Replicas.Standing(k); want > good {
		return &message{Type: msgDelay, N: batch, Text: lacking(s.d.cfg.Node.Map().Self().ID, want, good).Error()}
	}
	return &message{Type: msgPong}
}

// changeSlots carries out the changes of slots, in order, beside the batches: each waits
// for the disk.
func (s *session) changeSlots() {
	for e := range s.changes {
		err := s.d.ctx.Err()
		if err == nil {
			err = s.d.cfg.Node.SetSlots(s.d.ctx, e.set, e.action, e.peer)
		}
		if err == nil && e.action != Importing {
			s.d.noteClosed(s.job, &e.set)
		}
		s.step(func(r *receiver) error { r.changed(e.n, err); return nil })
	}
}

// join makes a session the one of its job. Earlier ones, of connections that the source
// has given up, have ended when it returns: what they still had to say would come too
// late.
func (d *Driver) join(s *session, job Job) error {
	d.mu.Lock()
	s.job = job.ID
	var earlier []*session
	for o := range d.sessions {
		if o != s && o.job == job.ID {
			earlier = append(earlier, o)
			o.conn.conn.Close()
		}
	}
	d.mu.Unlock()
	for _, o := range earlier {
		<-o.done
	}
	if job.Kind != KindMove {
		d.adopt(job)
		return nil
	}
	d.mu.Lock()
	known := d.registry.records[job.ID]
	if known == nil && len(d.registry.records) >= maxJobs {
		d.mu.Unlock()
		return fmt.Errorf("migrate: %d jobs are in the journal here, the most there may be; job %v may come when "+
			"others are over", maxJobs, job.ID)
	}
	changed := known == nil || known.job.Slots != job.Slots || known.job.Source != job.Source
	d.registry.add(job, time.Now())
	d.registry.live(job.ID, true, time.Now())
	d.mu.Unlock()
	if changed {
		return d.saveHello()
	}
	return nil
}

// noteClosed takes note that slots which a job brings here are importing no more.
func (d *Driver) noteClosed(id JobID, set *slots.Set) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.registry.closed(id, set)
	d.deletions.end(set.Has)
}

// leave takes note that a session has ended.
func (d *Driver) leave(s *session) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sessions, s)
	if d.jobs[s.job] == nil {
		d.registry.live(s.job, false, time.Now())
	}
}

// returning reports whether a slot's keys are on their way from here back to its owner.
func (d *Driver) returning(slot slots.Slot) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.jobs {
		if r.job.Kind == KindReturn && r.job.Slots.Has(slot) {
			return true
		}
	}
	return false
}

// leaving returns those slots of set that this node moves, or is about to move, to a node.
func (d *Driver) leaving(to slots.NodeID, set *slots.Set) slots.Set {
	var keep slots.Set
	m := d.cfg.Node.Map()
	for slot := range m.Open().All() {
		if peer, ok := m.Migrating(slot); ok && peer == to {
			keep.Add(slot)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.jobs {
		if s := r.status(); s.Job.Kind == KindMove && s.Job.Target == to {
			left := r.remaining.Load()
			keep.Union(left)
		}
	}
	keep.Intersect(set)
	return keep
}
