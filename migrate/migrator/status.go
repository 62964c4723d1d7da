package migrator

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// List returns the jobs that run, oldest first, and before them the latest that are over:
// those of this node, and those of others that bring slots here.
func (mg *Migrator) List() []migrate.Status {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	running := mg.registry.Imports(mg.cfg.Node.Map())
	for _, r := range mg.jobs {
		running = append(running, r.status())
	}
	slices.SortFunc(running, func(a, b migrate.Status) int {
		return cmp.Or(a.Job.Created.Compare(b.Job.Created), bytes.Compare(a.Job.ID[:], b.Job.ID[:]))
	})
	return append(slices.Clone(mg.finished), running...)
}

// Status returns the job of this node with that id.
func (mg *Migrator) Status(id migrate.JobID) (migrate.Status, error) {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	if r := mg.jobs[id]; r != nil {
		return r.status(), nil
	}
	for _, s := range mg.finished {
		if s.Job.ID == id && !s.Import {
			return s, nil
		}
	}
	return migrate.Status{}, fmt.Errorf("migrate: no job %s on this node", id)
}

// Cancel makes a job begin no further slot. The slots that are open are finished; Wait
// tells when. Cancelling a job that is over does nothing.
func (mg *Migrator) Cancel(id migrate.JobID) error {
	mg.mu.Lock()
	r := mg.jobs[id]
	mg.mu.Unlock()
	if r == nil {
		_, err := mg.Status(id)
		return err
	}
	r.post(func() { r.s.Cancel(time.Now()) })
	return nil
}

// Wait returns when a job is over, with its error, or when ctx ends, with ctx's.
func (mg *Migrator) Wait(ctx context.Context, id migrate.JobID) error {
	mg.mu.Lock()
	r := mg.jobs[id]
	mg.mu.Unlock()
	if r != nil {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s, err := mg.Status(id)
	if err == nil && !s.Over() {
		return ErrClosed
	}
	if err == nil {
		err = s.Err
	}
	return err
}

// rememberLocked adds a job to those that are over.
func (mg *Migrator) rememberLocked(s migrate.Status) {
	mg.finished = append(mg.finished, s)
	mg.finished = mg.finished[max(0, len(mg.finished)-keepFinished):]
}

// retire moves a job to those that are over.
func (mg *Migrator) retire(r *runner) {
	mg.mu.Lock()
	now := time.Now()
	s := r.current(now)
	delete(mg.jobs, r.job.ID)
	mg.registry.Over(r.job.ID, now, mg.cfg.Node.Map())
	if r.job.Kind == migrate.KindMove {
		mg.rememberLocked(s)
	}
	mg.mu.Unlock()
	mg.keepJournal()
	if mg.cfg.OnProgress != nil {
		mg.cfg.OnProgress(s)
	}
}

// importOver ends a job whose source has ended it.
func (mg *Migrator) importOver(id migrate.JobID) {
	mg.mu.Lock()
	if s, ok := mg.registry.ImportOver(id, time.Now(), mg.cfg.Node.Map()); ok {
		mg.rememberLocked(s)
	}
	mg.mu.Unlock()
	mg.keepJournal()
}

// Coming returns a slot of set that a job has opened here and will claim when all its
// keys have come, and that job. A source that has failed will bring nothing: its slots
// are not among them.
func (mg *Migrator) Coming(set *slots.Set) (slot slots.Slot, job migrate.Job, ok bool) {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	return mg.registry.Coming(mg.cfg.Node.Map(), set)
}

// AllComing returns the slots that jobs have opened here.
func (mg *Migrator) AllComing() slots.Set {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	return mg.registry.AllComing(mg.cfg.Node.Map())
}
