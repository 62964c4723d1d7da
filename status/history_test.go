package status

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// The history is bounded, and its data is one line whatever a text holds.
func TestHistoryBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHistory()
		const all = maxHistory + 100
		h.collect(func(yield func(slotmesh.Event) bool) {
			for range all {
				yield(gossip.Warning{Text: "two\nlines, <script>"})
			}
		})
		var last string
		n := 0
		h.follow(t.Context(), "", func(id, name string, data []byte) error {
			n, last = n+1, id
			if name != "warning" || strings.ContainsAny(string(data), "\n<") {
				t.Fatalf("%s %s", name, data)
			}
			return nil
		}, func() error { return nil }, keepAlive)
		if n != maxHistory || h.after(last) != all || cap(h.list) > 2*all {
			t.Errorf("%d events, the last is %s, room for %d", n, last, cap(h.list))
		}
		h.follow(t.Context(), "", func(string, string, []byte) error {
			n = -1
			return errors.New("gone")
		}, nil, keepAlive)
		if n != -1 {
			t.Error("nothing was sent")
		}
	})
}

// Every event has a text, but for those that a job of moving slots tells of.
func TestTexts(t *testing.T) {
	for _, e := range told {
		switch e.(type) {
		case gossip.Warning:
			continue // whose text is its own
		}
		if text, ok := make(jobStates).textOf(e); !ok && e != told[0] || text == "" {
			if _, job := e.(migrate.Status); !job {
				t.Errorf("%s has no text", e.EventName())
			}
		}
	}
	jobs := make(jobStates)
	job := migrate.Status{Job: migrate.Job{ID: migrate.JobID{1}}, State: migrate.Running}
	job.Progress.Total = 1
	if text, ok := jobs.textOf(job); !ok || !strings.HasPrefix(text, "move of 1 slot from ") {
		t.Errorf("%q, %v", text, ok)
	}
	moved := slots.NewSet(7)
	for _, e := range []slotmesh.Event{job, gossip.SlotsChanged{Lost: &moved, Planned: true},
		gossip.SlotsChanged{Acquired: &moved}, replication.SyncProgress{}, slotmesh.MapChanged{}} {
		if text, ok := jobs.textOf(e); ok {
			t.Errorf("%s is told: %q", e.EventName(), text)
		}
	}
	if _, ok := jobs.textOf(gossip.SlotsChanged{Lost: &moved}); !ok {
		t.Error("slots that were taken away are not told")
	}
	job.State, job.Err = migrate.Failed, errors.New("no room")
	if text, ok := jobs.textOf(job); !ok || !strings.HasSuffix(text, "failed: no room") || len(jobs) != 0 {
		t.Errorf("%q, %v, %v", text, ok, jobs)
	}
}
