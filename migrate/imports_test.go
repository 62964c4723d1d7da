package migrate

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// When a job that brings slots here counts as under way: as long as its source is there
// or has something to give.
func TestImportIsUnderWay(t *testing.T) {
	self, source := slots.NodeID{1}, slots.NodeID{2}
	set, rest := slotsUpTo(3), slotsUpTo(10)
	for _, c := range []struct {
		name string
		r    record
		mine *slots.Set // nil: a master without slots
		want bool
	}{
		{"connected, nothing has come", record{live: true}, nil, true},
		{"connected, everything has come", record{live: true}, &rest, true},
		{"away, nothing has come", record{}, nil, true},
		{"away, everything has come", record{}, &rest, false},
		{"over, the source said", record{until: time.Unix(1, 0)}, nil, false},
		{"over, the journal says", record{job: Job{Cancelled: true}}, nil, false},
		{"cancelled, finishing", record{live: true, job: Job{Cancelled: true}}, nil, true},
	} {
		c.r.job.Kind, c.r.job.Slots, c.r.job.Source, c.r.job.Target = KindMove, set, source, self
		m, err := slots.NewMap(slots.Topology{Self: self, Nodes: []slots.Node{{ID: self, Slots: c.mine}, {ID: source}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.r.importing(m); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A source whose last word is lost with its connection has ended its job if all slots have
// come. When they move on, the job does not count as under way again.
func TestSourceLeavesWithoutAWord(t *testing.T) {
	self, source := slots.NodeID{1}, slots.NodeID{2}
	set := slotsUpTo(3)
	mapWith := func(mine *slots.Set) *slots.Map {
		m, err := slots.NewMap(slots.Topology{Self: self, Nodes: []slots.Node{{ID: self, Slots: mine}, {ID: source}}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, come := range []bool{true, false} {
		c, now := NewRegistry(), time.Unix(1, 0)
		job := Job{ID: JobID{1}, Kind: KindMove, Slots: set, Source: source, Target: self}
		c.Add(job, now)
		c.SetLive(job.ID, true, now)
		m := mapWith(nil)
		if come {
			m = mapWith(&set)
		}
		status, over := c.SourceLeft(job.ID, now, m)
		if over != come || come && (status.State != Finished || status.Progress.Slots != set.Len()) {
			t.Errorf("everything has come: %v; over: %v, %+v", come, over, status)
		}
		if n := len(c.Imports(mapWith(nil))); (n == 0) != come {
			t.Errorf("everything had come: %v; when the slots have moved on, %d jobs are under way", come, n)
		}
	}
}
