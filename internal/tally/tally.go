// Package tally counts what a node tells in events, for those who look now and then instead
// of watching.
package tally

import (
	"maps"
	"sync"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// Event is something that happened, under a name that stays the same.
type Event interface{ EventName() string }

// Events counts what happened to the cluster as one node saw it, since that was started.
type Events struct {
	// Counts says for each name of an event how often it came; not for those that never did.
	Counts map[string]uint64
	// Promotions counts how often the node became the master of its shard, by an election or
	// because it was told to.
	Promotions uint64
	// Missed counts the events that slow loops were not given, see EventsMissed.
	Missed uint64
}

// Moves counts what the node's own migration jobs have handed over to other masters, since
// it was started. What jobs under way have moved is in it.
type Moves struct {
	Finished, Cancelled, Failed uint64 // jobs
	Slots                       uint64
	Keys                        uint64
	Bytes                       uint64 // in wire form
}

// Tally counts. The zero value has counted nothing; it is safe for concurrent use.
type Tally struct {
	mu      sync.Mutex // guards the fields below
	counts  map[string]uint64
	became  uint64
	moves   Moves
	counted map[migrate.JobID]migrate.Progress // of jobs under way, what is in moves
}

// Add counts an event that the node self tells.
func (t *Tally) Add(self slots.NodeID, e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = make(map[string]uint64)
	}
	t.counts[e.EventName()]++
	switch e := e.(type) {
	case gossip.RoleChanged:
		if e.Node == self && e.Master.IsZero() {
			t.became++
		}
	case migrate.Status:
		if !e.Import && e.Job.Kind == migrate.KindMove {
			t.moveLocked(&e)
		}
	}
}

// moveLocked adds what a job has moved since its last event.
func (t *Tally) moveLocked(s *migrate.Status) {
	was, p := t.counted[s.Job.ID], s.Progress
	t.moves.Slots += uint64(max(0, p.Slots-was.Slots))
	t.moves.Keys += uint64(max(0, p.Keys-was.Keys))
	t.moves.Bytes += uint64(max(0, p.Bytes-was.Bytes))
	if !s.Over() {
		if t.counted == nil {
			t.counted = make(map[migrate.JobID]migrate.Progress)
		}
		t.counted[s.Job.ID] = p
		return
	}
	delete(t.counted, s.Job.ID)
	switch s.State {
	case migrate.Finished:
		t.moves.Finished++
	case migrate.Cancelled:
		t.moves.Cancelled++
	case migrate.Failed:
		t.moves.Failed++
	}
}

// Counts returns what was counted so far; Events.Missed is the caller's to add.
func (t *Tally) Counts() (Events, Moves) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Events{Counts: maps.Clone(t.counts), Promotions: t.became}, t.moves
}
