package migrator

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// session is an accepted connection: slots, or returned keys, come in on it.
type session struct {
	mg   *Migrator
	conn *wire
	from slots.NodeID  // zero if it is not known
	done chan struct{} // closed when all goroutines have ended

	changes chan migrate.SetSlots

	mu sync.Mutex // guards r
	r  *migrate.Receiver

	// Written under Migrator.mu by the session itself; zero before the hello.
	job    migrate.JobID
	source slots.NodeID
	slots  slots.Set // that the job may bring
}

// sessionSilence is how long a source may say nothing; it pings every second.
const sessionSilence = 15 * time.Second

// aliveEvery is how often a source is told that its batch is being stored, before it takes
// the target for dead.
const aliveEvery = time.Second

// listAhead is how many bytes of a list of keys may wait to be written, while more are
// looked up.
const listAhead = 256 << 10

const (
	// maxSessions bounds the connections on which slots come in, those without a hello
	// included. A job has one, or a second one while it connects anew.
	maxSessions = 2 * maxJobs
	// maxSilent bounds those of one node that have not said hello, so that it leaves room for
	// others. A node begins no more jobs than that at the same moment.
	maxSilent = 16
	// maxJobs bounds the jobs of others that a node has in its journal. A rebalance needs
	// one job at most for each pair of nodes.
	maxJobs = 512
)

// Accept serves a connection of another node's Dial. It returns at once. from is that
// node, as the host knows: the hello must name the same. Zero: not known.
func (mg *Migrator) Accept(conn net.Conn, from slots.NodeID) {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	silent := 0
	for s := range mg.sessions {
		if !from.IsZero() && s.from == from && s.job == (migrate.JobID{}) {
			silent++
		}
	}
	if mg.closed || len(mg.sessions) >= maxSessions || silent >= maxSilent {
		conn.Close()
		return
	}
	s := &session{mg: mg, from: from, conn: newWire(conn), done: make(chan struct{}),
		changes: make(chan migrate.SetSlots, changeQueue)}
	s.r = migrate.NewReceiver(migrate.ReceiverConfig{Map: mg.cfg.Node.Map, From: from, Known: mg.known,
		Returning: mg.returning, Leaving: mg.leaving, Standing: mg.cfg.Replicas.Standing, Staging: mg.staging})
	mg.sessions[s] = struct{}{}
	mg.spawn(s.run)
}

// run reads messages until the connection ends.
func (s *session) run() {
	defer close(s.done)
	var changes sync.WaitGroup
	changes.Go(s.mg.guarded(s.changeSlots))
	defer changes.Wait()
	defer close(s.changes)
	defer s.conn.close()
	defer s.mg.leave(s)
	defer s.dropStaged() // before a session that takes its place begins
	err := s.serve()
	s.mg.log.Debug("migration connection ended", "from", s.conn.conn.RemoteAddr(), "error", err)
}

func (s *session) serve() error {
	for {
		s.conn.conn.SetReadDeadline(time.Now().Add(sessionSilence))
		m, err := s.conn.receive(migrate.MaxMessage)
		if err != nil {
			return err
		}
		if err := s.step(func(r *migrate.Receiver) error { return r.Receive(time.Now(), m) }); err != nil {
			return err
		}
	}
}

// step gives the core an input and carries out what it wants, outside the lock.
func (s *session) step(input func(*migrate.Receiver) error) error {
	out, err := s.input(input)
	for _, e := range out {
		if err == nil {
			err = s.do(e)
		}
	}
	return err
}

func (s *session) input(input func(*migrate.Receiver) error) (out []migrate.Effect, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = input(s.r)
	for e, ok := s.r.Next(); ok; e, ok = s.r.Next() {
		out = append(out, e)
	}
	return out, err
}

func (s *session) do(e migrate.Effect) error {
	switch e := e.(type) {
	case migrate.Send:
		s.conn.send(&e.Message)
	case migrate.SaveJob:
		return s.mg.join(s, e.Job)
	case migrate.ForgetJob:
		s.mg.importOver(s.job)
	case migrate.SetSlots:
		s.changes <- e
	case migrate.StoreBatch:
		return s.store(e)
	case migrate.RefuseSource:
		if due, more := s.mg.refused.Due(time.Now(), e.Source.String()+e.Err.Error()); due {
			s.mg.log.Warn("refused to take slots", "source", e.Source, "error", e.Err, "times before", more)
		}
	case migrate.RaisePromise:
		return s.mg.raise(e)
	case migrate.RememberDeletions:
		s.mg.deletions.begin(s.job, e.Set)
	case migrate.ListKeys:
		return e.Each(s.mg.cfg.Engine.Store(), s.mg.deletions.of, func(m migrate.Message) error {
			s.conn.send(&m)
			s.conn.flushed(listAhead)
			return nil
		})
	}
	return nil
}

// raise takes over what writers were told at the source.
func (mg *Migrator) raise(p migrate.RaisePromise) error {
	if mg.cfg.Promises == nil {
		return nil
	}
	return mg.cfg.Promises.Raise(&p.Set, p.Replicas)
}

// errPanicked ends a connection on which a batch could not be stored because of a bug.
var errPanicked = errors.New("migrate: storing a batch panicked; see the log")

// store stores a batch and answers. It may have to wait for replicas, or for the end of a
// pause: the source is told meanwhile that this end is alive.
func (s *session) store(e migrate.StoreBatch) error {
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	var keys, held int
	var told atomic.Int64
	unsent, err := errPanicked, error(nil) // until it is done
	done := make(chan struct{})
	go func() {
		defer guard.Recover("migrate", s.mg.cfg.OnPanic)
		defer close(done)
		var k int
		if keys, k, err = e.Import(s.mg.cfg.Engine, s.mg.ctx.Done()); err != nil {
			s.mg.deletions.undone(e.Batch)
			unsent = nil
		} else {
			told.Store(int64(k))
			held, unsent = s.mg.cfg.Replicas.Hold(s.mg.ctx, k)
		}
	}()
	for waiting := true; waiting; {
		select {
		case <-alive.C:
			m := e.Waiting(int(told.Load()))
			s.conn.send(&m)
		case <-done:
			waiting = false
		}
	}
	if unsent != nil {
		return unsent // no answer, and so no refusal: the batch is here, and may be at a replica
	}
	if err == nil {
		s.mg.imported(s.job, keys, len(e.Batch))
	}
	return s.step(func(r *migrate.Receiver) error { return r.Stored(e.N, held, err) })
}

// imported counts what a job has brought here.
func (mg *Migrator) imported(id migrate.JobID, keys, bytes int) {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	mg.registry.Imported(id, keys, bytes, time.Now())
}

// changeSlots carries out the changes of slots, in order, beside the batches: each waits
// for the disk.
func (s *session) changeSlots() {
	for e := range s.changes {
		err := s.mg.ctx.Err()
		if err == nil {
			err = s.mg.cfg.Node.SetSlots(s.mg.ctx, e.Set, e.Action, e.Peer)
		}
		if err == nil && e.Action != migrate.Importing {
			s.mg.noteClosed(s.job, &e.Set)
		}
		s.step(func(r *migrate.Receiver) error { r.Changed(e.N, err); return nil })
	}
}

// join makes a session the one of its job. Earlier sessions of the job, whose connections
// the source has given up, have ended when it returns: otherwise what they still had to
// say would come too late. A session that joins again, with more slots, ends no others:
// a later one may be waiting for its end.
func (mg *Migrator) join(s *session, job migrate.Job) error {
	mg.mu.Lock()
	var earlier []*session
	for o := range mg.sessions {
		switch {
		case o == s || o.job != job.ID || s.job == job.ID:
		case job.Kind == migrate.KindReturn && o.source != job.Source: // of a move the Receiver knows better
			mg.mu.Unlock()
			return fmt.Errorf("migrate: job %v is of node %s", job.ID, o.source.Short())
		default:
			earlier = append(earlier, o)
			o.conn.conn.Close()
		}
	}
	first := s.job != job.ID
	s.job, s.source, s.slots = job.ID, job.Source, job.Slots
	mg.mu.Unlock()
	for _, o := range earlier {
		<-o.done
	}
	if first {
		mg.dropAbandoned(&job.Slots) // keys that came in part come anew
	}
	if job.Kind != migrate.KindMove {
		mg.adopt(&job)
		return nil
	}
	mg.mu.Lock()
	known, ok := mg.registry.Job(job.ID)
	if !ok && mg.registry.Len() >= maxJobs {
		mg.mu.Unlock()
		return fmt.Errorf("migrate: %d jobs are in the journal here, the most there may be; job %v may come when "+
			"others are over", maxJobs, job.ID)
	}
	if job.Created = known.Created; !ok {
		job.Created = mg.registry.Later(time.Now())
	}
	changed := !ok || known.Slots != job.Slots || known.Source != job.Source
	mg.registry.Add(job, time.Now())
	mg.registry.SetLive(job.ID, true, time.Now())
	mg.mu.Unlock()
	if changed {
		return mg.saveHello()
	}
	return nil
}

// noteClosed takes note that slots which a job brings here are importing no more.
func (mg *Migrator) noteClosed(id migrate.JobID, set *slots.Set) {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	mg.registry.Closed(id, set)
	mg.deletions.end(set.Has)
}

// leave takes note that a session has ended.
func (mg *Migrator) leave(s *session) {
	mg.mu.Lock()
	delete(mg.sessions, s)
	var over bool
	if mg.jobs[s.job] == nil {
		var status migrate.Status
		if status, over = mg.registry.SourceLeft(s.job, time.Now(), mg.cfg.Node.Map()); over {
			mg.rememberLocked(status)
		}
	}
	mg.mu.Unlock()
	if over {
		mg.keepJournal()
	}
}

// known returns a job of the registry.
func (mg *Migrator) known(id migrate.JobID) (migrate.Job, bool) {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	return mg.registry.Job(id)
}

// returning reports whether a slot's keys are on their way from here back to its owner.
func (mg *Migrator) returning(slot slots.Slot) bool {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	for _, r := range mg.jobs {
		if r.job.Kind == migrate.KindReturn && r.job.Slots.Has(slot) {
			return true
		}
	}
	return false
}

// leaving returns those slots of set that this node moves, or is about to move, to a node.
func (mg *Migrator) leaving(to slots.NodeID, set *slots.Set) slots.Set {
	var keep slots.Set
	m := mg.cfg.Node.Map()
	for slot := range m.Open().All() {
		if peer, ok := m.Migrating(slot); ok && peer == to {
			keep.Add(slot)
		}
	}
	mg.mu.Lock()
	defer mg.mu.Unlock()
	for _, r := range mg.jobs {
		if s := r.status(); s.Job.Kind == migrate.KindMove && s.Job.Target == to {
			left := r.remaining.Load()
			keep.Union(left)
		}
	}
	keep.Intersect(set)
	return keep
}
