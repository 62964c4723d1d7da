package server

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// fakeSnapshots counts what is asked of it.
type fakeSnapshots struct {
	err     error // of Save
	saves   atomic.Int32
	skipped atomic.Bool

	scheduled atomic.Int32
	status    SnapshotStatus
}

func (f *fakeSnapshots) Save(context.Context) error { f.saves.Add(1); return f.err }
func (f *fakeSnapshots) Schedule()                  { f.scheduled.Add(1) }
func (f *fakeSnapshots) NoLastSave()                { f.skipped.Store(true) }
func (f *fakeSnapshots) Status() SnapshotStatus     { return f.status }
func (f *fakeSnapshots) Loading() LoadStatus {
	return LoadStatus{Since: time.Now().Add(-10 * time.Second), Percent: 25, Loaded: 250, Total: 1000}
}

// TestShutdownSaves: the client's word counts more than the node's rules.
func TestShutdownSaves(t *testing.T) {
	for _, c := range []struct {
		command, want string
		err           error
		saves         int32
		skipped, ends bool
	}{
		{"SHUTDOWN", "closed", nil, 0, false, true},
		{"SHUTDOWN NOSAVE", "closed", nil, 0, true, true},
		{"SHUTDOWN SAVE", "closed", nil, 1, false, true},
		{"SHUTDOWN SAVE", "-ERR Errors trying to SHUTDOWN. Check logs.", errors.New("disk full"), 1, false, false},
		{"SHUTDOWN SAVE FORCE", "closed", errors.New("disk full"), 1, false, true},
		{"SHUTDOWN SAVE NOSAVE", "-ERR syntax error", nil, 0, false, false},
	} {
		snapshots := &fakeSnapshots{err: c.err}
		ended := make(chan struct{})
		srv := startServer(t, Config{Snapshots: snapshots, OnShutdown: func() { close(ended) }})
		expect(t, connect(t, srv), c.command, c.want)
		if c.ends {
			<-ended
		}
		if got := snapshots.saves.Load(); got != c.saves || snapshots.skipped.Load() != c.skipped {
			t.Errorf("%s saved %d times, skips the last one: %v", c.command, got, snapshots.skipped.Load())
		}
	}
}
