package migrate

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// State is how a job stands.
type State uint8

const (
	Running    State = 1
	Cancelling State = 2 // what is open goes on to its end, nothing else is begun
	Finished   State = 3 // all slots that were to be handed over are
	Cancelled  State = 4 // some are, none is open
	Failed     State = 5 // ended for a reason that Status.Err tells; no slot is open
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Cancelling:
		return "cancelling"
	case Finished:
		return "finished"
	case Cancelled:
		return "cancelled"
	case Failed:
		return "failed"
	}
	return "unknown"
}

// Status is a job as List shows it.
type Status struct {
	Job      Job
	Import   bool // the job brings slots here; otherwise it is this node's own
	State    State
	Doing    string // what it is doing, for people
	Progress Progress
	Elapsed  time.Duration // since it was started, or restarted, here; for a job that is over, in all
	Updated  time.Time
	Err      error // why a job that is over failed
}

// Over reports whether the job has come to its end.
func (s *Status) Over() bool { return s.State >= Finished }

// List returns the jobs that run, oldest first, and before them the latest that are over:
// those of this node, and those of others that bring slots here.
func (d *Driver) List() []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	running := d.importsLocked()
	for _, r := range d.jobs {
		running = append(running, r.status())
	}
	slices.SortFunc(running, func(a, b Status) int {
		return cmp.Or(a.Job.Created.Compare(b.Job.Created), bytes.Compare(a.Job.ID[:], b.Job.ID[:]))
	})
	return append(slices.Clone(d.finished), running...)
}

// Status returns the job of this node with that id.
func (d *Driver) Status(id JobID) (Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.jobs[id]; r != nil {
		return r.status(), nil
	}
	for _, s := range d.finished {
		if s.Job.ID == id && !s.Import {
			return s, nil
		}
	}
	return Status{}, fmt.Errorf("migrate: no job %s on this node", id)
}

// Cancel makes a job begin no further slot. The slots that are open are finished; Wait
// tells when. Cancelling a job that is over does nothing.
func (d *Driver) Cancel(id JobID) error {
	d.mu.Lock()
	r := d.jobs[id]
	d.mu.Unlock()
	if r == nil {
		_, err := d.Status(id)
		return err
	}
	r.post(func() { r.s.cancel(time.Now()) })
	return nil
}

// Wait returns when a job is over, with its error, or when ctx ends, with ctx's.
func (d *Driver) Wait(ctx context.Context, id JobID) error {
	d.mu.Lock()
	r := d.jobs[id]
	d.mu.Unlock()
	if r != nil {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s, err := d.Status(id)
	if err == nil && !s.Over() {
		return ErrClosed
	}
	if err == nil {
		err = s.Err
	}
	return err
}

// rememberLocked adds a job to those that are over.
func (d *Driver) rememberLocked(s Status) {
	d.finished = append(d.finished, s)
	d.finished = d.finished[max(0, len(d.finished)-keepFinished):]
}

// retire moves a job to those that are over.
func (d *Driver) retire(r *runner, err error) {
	d.mu.Lock()
	delete(d.jobs, r.job.ID)
	d.registry.over(r.job.ID, time.Now(), d.cfg.Node.Map())
	s := r.status()
	s.Err = err
	switch {
	case err != nil:
		s.State = Failed
	case s.Job.Cancelled:
		s.State = Cancelled
	default:
		s.State = Finished
	}
	if r.job.Kind == KindMove {
		d.rememberLocked(s)
	}
	d.mu.Unlock()
	d.keepJournal()
	if d.cfg.OnProgress != nil {
		d.cfg.OnProgress(s)
	}
}
