package migrate

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Imports returns the jobs that bring slots here, in no order.
func (c *Registry) Imports(m *slots.Map) (list []Status) {
	for _, r := range c.records {
		if r.importing(m) {
			list = append(list, r.status(m))
		}
	}
	return list
}

// importing reports whether a record is of a job that brings slots to this node and is
// not over. While the source is away, the job is over if the journal says so (see
// Registry.Over), which is all that a node knows after a restart or a promotion, or if
// all slots have arrived.
func (r *record) importing(m *slots.Map) bool {
	self := m.Self().ID
	if r.job.Kind != KindMove || r.job.Target != self || r.job.Source == self || !r.until.IsZero() {
		return false
	}
	return r.live || !r.job.Cancelled && r.arrived(m) < r.job.Slots.Len()
}

// Coming returns a slot of set that a job has opened here and will claim when all its
// keys have come, and that job. A source that has failed will bring nothing: its slots
// are not among them.
func (c *Registry) Coming(m *slots.Map, set *slots.Set) (slot slots.Slot, job Job, ok bool) {
	for _, r := range c.records {
		source := m.Node(r.job.Source)
		if !r.importing(m) || source == nil || source.Health == slots.Failed && !r.live {
			continue
		}
		coming := r.coming(m)
		coming.Intersect(set)
		for slot := range coming.All() {
			return slot, r.job, true
		}
	}
	return 0, Job{}, false
}

// AllComing returns the slots that jobs have opened here.
func (c *Registry) AllComing(m *slots.Map) (set slots.Set) {
	for _, r := range c.records {
		if r.importing(m) {
			coming := r.coming(m)
			set.Union(&coming)
		}
	}
	return set
}

// coming returns the slots that a job which brings slots here has opened.
func (r *record) coming(m *slots.Map) (set slots.Set) {
	for slot := range m.Open().All() {
		if from, open := m.Importing(slot); open && from == r.job.Source && r.job.Slots.Has(slot) && !m.IsMine(slot) {
			set.Add(slot)
		}
	}
	return set
}

// arrived returns how many of a job's slots are this node's.
func (r *record) arrived(m *slots.Map) (n int) {
	for slot := range r.job.Slots.All() {
		if m.IsMine(slot) {
			n++
		}
	}
	return n
}

// status describes a job that comes here. The map tells which slots have arrived.
func (r *record) status(m *slots.Map) Status {
	s := Status{Job: r.job, Import: true, State: Running, Doing: "importing", Progress: r.progress,
		Elapsed: r.updated.Sub(r.begun), Updated: r.updated}
	s.Progress.Slots, s.Progress.Total = r.arrived(m), r.job.Slots.Len()
	if !r.live {
		s.Progress.Waiting = "the source is not connected"
	}
	return s
}

// Imported counts what a job has brought here, in bytes of its wire form.
func (c *Registry) Imported(id JobID, keys, bytes int, now time.Time) {
	if r := c.records[id]; r != nil {
		r.progress.Keys += int64(keys)
		r.progress.Bytes += int64(bytes)
		r.updated = now
	}
}

// ImportOver tells that the source of a job has ended it. It returns how the
// job ended; ok is false if it was over already.
func (c *Registry) ImportOver(id JobID, now time.Time, m *slots.Map) (s Status, ok bool) {
	if r := c.records[id]; r != nil && r.importing(m) {
		r.updated = now
		s, ok = r.status(m), true
		s.State, s.Doing, s.Progress.Waiting = Finished, "", ""
		if s.Progress.Slots < s.Progress.Total {
			s.State, s.Progress.Total = Cancelled, s.Progress.Slots
		}
	}
	c.Over(id, now, m)
	return s, ok
}

// SourceLeft tells that the connection to the source of a job has ended. If all slots have
// arrived the job is over, as ImportOver has it, although the source has not said so: its
// last word may be lost with the connection, and slots that move on must not make the job
// look as if it had still to bring them.
func (c *Registry) SourceLeft(id JobID, now time.Time, m *slots.Map) (s Status, ok bool) {
	if r := c.records[id]; r != nil && r.importing(m) && r.arrived(m) == r.job.Slots.Len() {
		return c.ImportOver(id, now, m)
	}
	c.SetLive(id, false, now)
	return Status{}, false
}
