package migrator

import (
	crand "crypto/rand"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// enter makes a job that runs here durable.
func (mg *Migrator) enter(job migrate.Job) {
	if job.Kind != migrate.KindMove {
		return // it follows from what is in the registry, should it have to be begun again
	}
	mg.mu.Lock()
	mg.registry.Add(job, time.Now())
	mg.mu.Unlock()
	mg.keepJournal()
}

// keepJournal saves what has happened already. If that fails it is tried again every
// second, and the jobs go on: after a restart with an older journal a job may take a
// detour, or not know that it was cancelled, but no key is lost. To open or claim a slot
// needs the same disk.
func (mg *Migrator) keepJournal() {
	if err := mg.saveJournal(); err != nil {
		mg.log.Error("the journal of migrations could not be saved, which is tried again; a restart now would go on "+
			"with an older one", "error", err)
	}
}

// saveJournal writes what is in the registry.
func (mg *Migrator) saveJournal() error {
	mg.saving.Lock()
	defer mg.saving.Unlock()
	err := mg.saveJournalLocked()
	mg.unsaved.Store(&err)
	return err
}

func (mg *Migrator) saveJournalLocked() error {
	file := migrate.EncodeJournal(mg.journal())
	if err := storage.WriteFile(mg.cfg.Disk, mg.cfg.File, file); err != nil {
		return err
	}
	if mg.cfg.OnJournal != nil {
		mg.cfg.OnJournal(file)
	}
	return nil
}

// journal returns what is in the registry.
func (mg *Migrator) journal() []migrate.Job {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	return mg.registry.Jobs()
}

// journalError returns why the journal on the disk is not the latest, nil if it is.
func (mg *Migrator) journalError() error {
	if err := mg.unsaved.Load(); err != nil {
		return *err
	}
	return nil
}

// returnStrays returns, now and then, keys that ended up where they do not belong.
func (mg *Migrator) returnStrays() {
	tick := time.NewTicker(strayCheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-mg.ctx.Done():
			return
		case <-tick.C:
			mg.checkStrays(time.Now())
			all := slots.Full()
			mg.dropAbandoned(&all)
		}
	}
}

func (mg *Migrator) checkStrays(now time.Time) {
	if mg.journalError() != nil {
		mg.keepJournal()
	}
	m := mg.cfg.Node.Map()
	stray := func(slot slots.Slot) bool { return mg.cfg.Engine.Store().Count(slot) > 0 }
	mg.mu.Lock()
	if mg.closed || mg.registry.Len() == 0 {
		mg.mu.Unlock()
		return
	}
	var busy slots.Set
	for _, r := range mg.jobs {
		busy.Union(r.remaining.Load())
	}
	for owner, set := range mg.registry.Strays(now, m, &busy, stray) {
		job := migrate.Job{Kind: migrate.KindReturn, Slots: set, Source: m.Self().ID, Target: owner, Created: now}
		crand.Read(job.ID[:]) // never fails
		mg.log.Warn("returning keys of slots that are another node's", "slots", set, "owner", owner)
		mg.runLocked(job)
	}
	tidied := mg.registry.Tidy(now, m, stray)
	mg.mu.Unlock()
	if tidied {
		mg.keepJournal()
	}
}

// dropOldCopies removes what this node has, of a job of the journal, that the job had
// handed over: see [migrate.DropOldCopies].
func (mg *Migrator) dropOldCopies(m *slots.Map, job *migrate.Job, journal []migrate.Job) {
	dropped, keys, err := migrate.DropOldCopies(mg.cfg.Engine, m, job, journal, mg.ctx.Done())
	if err != nil {
		mg.log.Error("dropping old copies of keys that a job has moved", "job", job.ID, "error", err)
	} else if keys > 0 {
		mg.log.Warn("dropped old copies of keys that a job had moved", "job", job.ID, "slots", dropped, "keys", keys)
	}
}

// adopt begins a job for slots that a job of this node opened which it does not know any
// more, when the target returns their keys. See [migrate.Registry.Adoptable].
func (mg *Migrator) adopt(back *migrate.Job) {
	mg.mu.Lock()
	set := mg.registry.Adoptable(mg.cfg.Node.Map(), back)
	mg.mu.Unlock()
	if set.Empty() {
		return
	}
	id, err := mg.Move(set, back.Source)
	mg.log.Warn("slots were left open by a job that is not in the journal", "slots", set, "to", back.Source, "new job",
		id, "error", err)
}
