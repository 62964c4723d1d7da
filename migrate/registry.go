package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

const (
	// sourceGrace is how long a target waits for a source whose connection is lost before it
	// returns to the slot's owner what it has imported.
	sourceGrace = 5 * time.Second
	// keepFor is how long a job stays in the Registry when it is over: long enough to hear
	// of every claim that won a race of epochs for one of its slots.
	keepFor = time.Minute
)

// Registry has the jobs that bring slots to this node, or take slots from it, until some
// time after their end. If keys of their slots are here while another node owns the slot,
// and no job is moving them, a crash or a lost race of epochs has left them behind: they
// are to be returned to the owner, and what the job opened is closed. Slots that no job
// opened are left to the operator.
type Registry struct {
	records map[JobID]*record
}

// record is a job whose slots are looked after.
type record struct {
	job     Job
	opened  slots.Set // if they are importing here, it is because of the job
	live    bool      // the job runs here, or its source is connected
	until   time.Time // when it is to be forgotten; zero while the job is not over
	quietAt time.Time // when it ceased to be live

	// Of a job that comes here, since this node knows of it.
	begun    time.Time
	updated  time.Time
	progress Progress // keys and bytes only
}

// NewRegistry returns an empty Registry.
func NewRegistry() *Registry { return &Registry{records: make(map[JobID]*record)} }

// Add begins to look after a job's slots.
func (c *Registry) Add(job Job, now time.Time) {
	r := c.records[job.ID]
	if r == nil {
		r = &record{opened: job.Slots, quietAt: now, begun: now, updated: now}
		c.records[job.ID] = r
	}
	added := job.Slots
	added.Subtract(&r.job.Slots)
	r.opened.Union(&added)
	r.job = job
}

// Remove stops to look after a job's slots.
func (c *Registry) Remove(id JobID) { delete(c.records, id) }

// Len returns the number of jobs.
func (c *Registry) Len() int { return len(c.records) }

// Job returns a job whose slots are looked after.
func (c *Registry) Job(id JobID) (job Job, ok bool) {
	if r := c.records[id]; r != nil {
		return r.job, true
	}
	return Job{}, false
}

// Jobs returns all jobs whose slots are looked after: what is to be in the journal.
func (c *Registry) Jobs() []Job {
	jobs := make([]Job, 0, len(c.records))
	for _, r := range c.records {
		jobs = append(jobs, r.job)
	}
	return jobs
}

// SetLive tells that a job runs here or its source is connected, or no more.
func (c *Registry) SetLive(id JobID, live bool, now time.Time) {
	if r := c.records[id]; r != nil {
		r.live, r.quietAt = live, now
	}
}

// Closed tells that slots which a job brings here are importing no more. If they are
// opened again, it is for another reason.
func (c *Registry) Closed(id JobID, set *slots.Set) {
	if r := c.records[id]; r != nil {
		r.opened.Subtract(set)
	}
}

// Over tells that a job has come to its end.
func (c *Registry) Over(id JobID, now time.Time, m *slots.Map) {
	if r := c.records[id]; r != nil {
		r.live, r.until, r.quietAt = false, now.Add(keepFor), now.Add(-sourceGrace)
		r.job.Cancelled = true // should a restart find it in the journal, it begins nothing
		r.opened.Intersect(m.Open())
	}
}

// Later returns now, or a moment after all jobs if the clock was set back: by its Created
// this node knows which of its jobs is later.
func (c *Registry) Later(now time.Time) time.Time {
	now = now.Truncate(time.Millisecond) // as the journal has it
	for _, r := range c.records {
		if at := r.job.Created; !now.After(at) {
			now = at.Add(time.Millisecond)
		}
	}
	return now
}

// Slots returns all slots that are looked after.
func (c *Registry) Slots() slots.Set {
	var set slots.Set
	for _, r := range c.records {
		set.Union(&r.job.Slots)
	}
	return set
}

// Strays returns the slots whose keys are to be returned, by their owners. busy are the
// slots that a job which runs here is about to move; stray reports whether a slot has
// keys here.
func (c *Registry) Strays(now time.Time, m *slots.Map, busy *slots.Set,
	stray func(slots.Slot) bool) map[slots.NodeID]slots.Set {
	if !m.Self().IsMaster() {
		return nil // a replica has what its master has
	}
	awaited := c.awaited(now, m)
	var found map[slots.NodeID]slots.Set
	for _, r := range c.records {
		for slot := range r.job.Slots.All() {
			owner := m.Owner(slot)
			if owner == nil || busy.Has(slot) || awaited.Has(slot) || !r.leftBehind(m, slot, stray) {
				continue
			}
			if found == nil {
				found = make(map[slots.NodeID]slots.Set)
			}
			set := found[owner.ID]
			set.Add(slot)
			found[owner.ID] = set
		}
	}
	return found
}

// leftBehind reports whether a slot that is not this node's is open here because of the
// job, or has keys here.
func (r *record) leftBehind(m *slots.Map, slot slots.Slot, stray func(slots.Slot) bool) bool {
	if m.IsMine(slot) {
		return false
	}
	if _, open := m.Importing(slot); open {
		return r.opened.Has(slot) && r.job.Source != m.Self().ID
	}
	return stray(slot)
}

// awaited returns the slots whose keys may still move by a job: their owner is connected
// to move them here, or was until a moment ago.
func (c *Registry) awaited(now time.Time, m *slots.Map) (set slots.Set) {
	for _, r := range c.records {
		switch {
		case !r.live && now.Sub(r.quietAt) < sourceGrace:
			set.Union(&r.job.Slots)
		case r.live:
			for slot := range r.job.Slots.All() {
				if o := m.Owner(slot); o != nil && o.ID == r.job.Source {
					set.Add(slot)
				}
			}
		}
	}
	return set
}

// Tidy removes the jobs that have been over for long enough and have left nothing behind,
// and reports whether there were any.
func (c *Registry) Tidy(now time.Time, m *slots.Map, stray func(slots.Slot) bool) bool {
	n := len(c.records)
	for id, r := range c.records {
		if r.live || r.until.IsZero() && !c.idle(r, now) || now.Before(r.until) {
			continue
		}
		clean := true
		for slot := range r.job.Slots.All() {
			clean = clean && !r.leftBehind(m, slot, stray)
		}
		if clean || !m.Self().IsMaster() {
			delete(c.records, id)
		}
	}
	return len(c.records) != n
}

// idle reports whether a job counts as over although its source has not said so.
func (c *Registry) idle(r *record, now time.Time) bool { return now.Sub(r.quietAt) >= keepFor }

// Adoptable returns the slots of back, a Return that comes here, that this node is moving
// to its source without a job: the journal was lost, or this node took a master's place
// that ended before it had one. A new job is to move them, for there is no other end that
// loses nothing.
func (c *Registry) Adoptable(m *slots.Map, back *Job) (set slots.Set) {
	for slot := range m.Open().All() {
		if to, migrating := m.Migrating(slot); migrating && to == back.Source && back.Slots.Has(slot) && m.IsMine(slot) {
			set.Add(slot)
		}
	}
	for _, r := range c.records {
		if r.job.Source == m.Self().ID && r.until.IsZero() {
			set.Subtract(&r.job.Slots)
		}
	}
	return set
}
