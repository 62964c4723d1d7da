package migrate

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// A slot that is open is in one job of those that go on, however many have had it.
func TestJobsThatGoOnShareNoSlot(t *testing.T) {
	self, one, two, gone := slots.NodeID{'S'}, slots.NodeID{'A'}, slots.NodeID{'B'}, slots.NodeID{'C'}
	mine := slots.NewSet(0, 1, 2, 3, 4, 5)
	m, err := slots.NewMap(slots.Topology{Self: self, State: slots.OK,
		Nodes:     []slots.Node{{ID: self, Slots: &mine}, {ID: one}, {ID: two}},
		Migrating: map[slots.Slot]slots.NodeID{1: one, 2: two, 3: gone, 5: one}})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Unix(1000, 0)
	job := func(id byte, to slots.NodeID, set slots.Set, cancelled bool, at time.Duration) Job {
		return Job{ID: JobID{id}, Kind: KindMove, Source: self, Target: to, Slots: set, Cancelled: cancelled,
			Created: begun.Add(at)}
	}
	other := job(9, self, mine, false, time.Hour)
	other.Source = one
	for name, c := range map[string]struct {
		journal []Job
		want    map[byte]slots.Set // by the first byte of their ids
	}{
		"over, nothing open": {[]Job{job(1, one, slots.NewSet(0, 4), true, 0)}, nil},
		"cancelled":          {[]Job{job(1, one, slots.NewSet(0, 1), true, 0)}, map[byte]slots.Set{1: slots.NewSet(1)}},
		"of another node":    {[]Job{other}, nil},
		"over, and its slots move by a later one": {
			[]Job{job(1, one, slots.NewSet(0, 1, 4), true, 0), job(2, one, slots.NewSet(0, 1, 4), false, time.Second)},
			map[byte]slots.Set{2: slots.NewSet(0, 1, 4)}},
		"so, after the clock was set back": {
			[]Job{job(1, one, slots.NewSet(0, 1, 4), true, 0), job(2, one, slots.NewSet(0, 1, 4), false, -time.Second)},
			map[byte]slots.Set{2: slots.NewSet(0, 1, 4)}},
		"over, and some of its slots move by one that was cancelled": {
			[]Job{job(2, one, slots.NewSet(1), true, time.Second), job(1, one, slots.NewSet(0, 1, 5), true, 0)},
			map[byte]slots.Set{1: slots.NewSet(5), 2: slots.NewSet(1)}},
		"over, and opened by hand": {[]Job{job(1, one, slots.NewSet(2), true, 0)}, nil},
		"cancelled, its former target is gone": {[]Job{job(1, one, slots.NewSet(3), true, 0)},
			map[byte]slots.Set{1: slots.NewSet(3)}},
	} {
		got := Resumable(c.journal, m)
		for _, job := range got {
			if want, ok := c.want[job.ID[0]]; !ok || job.Slots != want {
				t.Errorf("%s: job %d goes on with slots %s, want %s", name, job.ID[0], job.Slots, want)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d jobs go on, want %d", name, len(got), len(c.want))
		}
	}
}
