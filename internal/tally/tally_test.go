package tally

import (
	"testing"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// Events are counted by name, and of roles only that this node became a master.
func TestCountsEvents(t *testing.T) {
	var tally Tally
	self, other := slots.NodeID{1}, slots.NodeID{2}
	for _, e := range []Event{
		gossip.ElectionStarted{}, gossip.ElectionLost{}, gossip.ElectionStarted{},
		gossip.RoleChanged{Node: self, Master: other}, gossip.RoleChanged{Node: other}, gossip.RoleChanged{Node: self},
	} {
		tally.Add(self, e)
	}
	events, moves := tally.Counts()
	if events.Counts["election-started"] != 2 || events.Counts["election-lost"] != 1 ||
		events.Counts["role-changed"] != 3 || len(events.Counts) != 3 || events.Promotions != 1 || moves != (Moves{}) {
		t.Errorf("%+v, %+v", events, moves)
	}
	events.Counts["warning"]++ // is the caller's own
	if again, _ := tally.Counts(); again.Counts["warning"] != 0 {
		t.Error("the counts are shared with their readers")
	}
}

// What a job reports is its progress so far: each key counts once, and nothing stays of jobs
// that are over.
func TestCountsMovesOnce(t *testing.T) {
	var tally Tally
	report := func(job byte, state migrate.State, p migrate.Progress) {
		id := migrate.JobID{job}
		tally.Add(slots.NodeID{}, migrate.Status{Job: migrate.Job{ID: id, Kind: migrate.KindMove}, State: state, Progress: p})
	}
	report(1, migrate.Running, migrate.Progress{Slots: 1, Keys: 10, Bytes: 100})
	report(2, migrate.Running, migrate.Progress{Slots: 5, Keys: 1, Bytes: 7})
	if _, moves := tally.Counts(); moves != (Moves{Slots: 6, Keys: 11, Bytes: 107}) {
		t.Errorf("while they run: %+v", moves)
	}
	report(1, migrate.Finished, migrate.Progress{Slots: 2, Keys: 15, Bytes: 150})
	report(2, migrate.Cancelling, migrate.Progress{Slots: 5, Keys: 3, Bytes: 9})
	report(2, migrate.Cancelled, migrate.Progress{Slots: 6, Keys: 3, Bytes: 9})
	report(3, migrate.Failed, migrate.Progress{})
	for _, other := range []migrate.Status{{Import: true, Job: migrate.Job{Kind: migrate.KindMove}},
		{Job: migrate.Job{Kind: migrate.KindReturn}}} {
		other.State, other.Progress.Keys = migrate.Finished, 1000
		tally.Add(slots.NodeID{}, other)
	}
	want := Moves{Finished: 1, Cancelled: 1, Failed: 1, Slots: 8, Keys: 18, Bytes: 159}
	if _, moves := tally.Counts(); moves != want {
		t.Errorf("at the end: %+v, want %+v", moves, want)
	}
	if len(tally.counted) != 0 {
		t.Errorf("%d jobs that are over are remembered", len(tally.counted))
	}
}
