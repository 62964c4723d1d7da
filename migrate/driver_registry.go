package migrate

import (
	crand "crypto/rand"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// enter makes a job that runs here durable.
func (d *Driver) enter(job Job) {
	if job.Kind != KindMove {
		return // it follows from what is in the registry, should it have to be begun again
	}
	d.mu.Lock()
	d.registry.add(job, time.Now())
	d.mu.Unlock()
	d.keepJournal()
}

// keepJournal saves what has happened already. If that fails it is tried again every
// second, and the jobs go on: an older journal costs a restart a detour, or a
// cancellation, and no keys. To open or claim a slot needs the same disk.
func (d *Driver) keepJournal() {
	if err := d.saveJournal(); err != nil {
		d.log.Error("the journal of migrations could not be saved, which is tried again; a restart now would go on "+
			"with an older one", "error", err)
	}
}

// saveJournal writes what is in the registry.
func (d *Driver) saveJournal() error {
	d.saving.Lock()
	defer d.saving.Unlock()
	err := d.saveJournalLocked()
	d.unsaved.Store(&err)
	return err
}

func (d *Driver) saveJournalLocked() error {
	file := EncodeJournal(d.journal())
	if err := storage.WriteFile(d.cfg.Disk, d.cfg.File, file); err != nil {
		return err
	}
	if d.cfg.OnJournal != nil {
		d.cfg.OnJournal(file)
	}
	return nil
}

// journal returns what is in the registry.
func (d *Driver) journal() []Job {
	d.mu.Lock()
	defer d.mu.Unlock()
	jobs := make([]Job, 0, len(d.registry.records))
	for _, r := range d.registry.records {
		jobs = append(jobs, r.job)
	}
	return jobs
}

// journalError returns why the journal on the disk is not the latest, nil if it is.
func (d *Driver) journalError() error {
	if err := d.unsaved.Load(); err != nil {
		return *err
	}
	return nil
}

// returnStrays returns, now and then, keys that ended up where they do not belong.
func (d *Driver) returnStrays() {
	tick := time.NewTicker(strayCheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-tick.C:
			d.checkStrays(time.Now())
		}
	}
}

func (d *Driver) checkStrays(now time.Time) {
	if d.journalError() != nil {
		d.keepJournal()
	}
	m := d.cfg.Node.Map()
	stray := func(slot slots.Slot) bool { return d.cfg.Engine.Store().Count(slot) > 0 }
	d.mu.Lock()
	if d.closed || len(d.registry.records) == 0 {
		d.mu.Unlock()
		return
	}
	var busy slots.Set
	for _, r := range d.jobs {
		busy.Union(r.remaining.Load())
	}
	for owner, set := range d.registry.strays(now, m, &busy, stray) {
		job := Job{Kind: KindReturn, Slots: set, Source: m.Self().ID, Target: owner, Created: now}
		crand.Read(job.ID[:]) // never fails
		d.log.Warn("returning keys of slots that are another node's", "slots", set, "owner", owner)
		d.runLocked(job)
	}
	tidied := d.registry.tidy(now, m, stray)
	d.mu.Unlock()
	if tidied {
		d.keepJournal()
	}
}

// dropDelivered removes, when this node has restarted or taken its master's place, what
// it has of slots that one of the journal's jobs had handed over by then: old copies, see
// sender.deliver. m says what is handed over. A job that goes on has to ask with the map
// that it begins by: of slots that are handed over there and not open, it knows nothing.
func (d *Driver) dropDelivered(m *slots.Map, job *Job, journal []Job) {
	if !m.Self().IsMaster() || job.Kind != KindMove || job.Source != m.Self().ID {
		return
	}
	set := job.Slots
	back := cameBack(journal, job)
	set.Subtract(&back)
	set.Subtract(m.Open())
	if err := d.dropCopies(m, job, &set); err != nil {
		d.log.Error("dropping old copies of keys that a job has moved", "job", job.ID, "error", err)
	}
}

// cameBack returns the slots that other jobs have brought back, or are bringing back, to
// where job took them from. What is there is no old copy, even if neither claim nor open
// slot says so: the node that had just claimed them may have died before anybody heard.
func cameBack(journal []Job, job *Job) (set slots.Set) {
	for i := range journal {
		other := &journal[i]
		if other.Kind == KindMove && other.Target == job.Source && (!other.Cancelled || other.Created.After(job.Created)) {
			set.Union(&other.Slots)
		}
	}
	return set
}

func (d *Driver) dropCopies(m *slots.Map, job *Job, set *slots.Set) error {
	var dropped slots.Set
	keys := 0
	for slot := range set.All() {
		if n := d.cfg.Engine.Store().Count(slot); n > 0 && job.delivered(m.Owner(slot)) {
			if err := dropSlot(d.cfg.Engine, slot, d.ctx.Done()); err != nil {
				return fmt.Errorf("slot %d: %w", slot, err)
			}
			dropped.Add(slot)
			keys += n
		}
	}
	if keys > 0 {
		d.log.Warn("dropped old copies of keys that a job had moved", "job", job.ID, "slots", dropped, "keys", keys)
	}
	return nil
}

// adopt goes on with what this node does not know that it has begun: it is asked what is
// to become of slots that a job of its own opened, they are migrating here, and no job
// moves them. The journal was lost, or this node took a master's place and ended before
// it had a journal. There is no other end that loses nothing.
func (d *Driver) adopt(back Job) {
	m := d.cfg.Node.Map()
	var set slots.Set
	for slot := range m.Open().All() {
		if to, migrating := m.Migrating(slot); migrating && to == back.Source && back.Slots.Has(slot) && m.IsMine(slot) {
			set.Add(slot)
		}
	}
	d.mu.Lock()
	for _, r := range d.registry.records {
		if r.job.Source == m.Self().ID && r.until.IsZero() {
			set.Subtract(&r.job.Slots)
		}
	}
	d.mu.Unlock()
	if set.Empty() {
		return
	}
	id, err := d.Move(set, back.Source)
	d.log.Warn("slots were left open by a job that is not in the journal", "slots", set, "to", back.Source, "new job",
		id, "error", err)
}
