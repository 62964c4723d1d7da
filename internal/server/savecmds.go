package server

import (
	"context"
	"fmt"
	"time"
)

// Snapshots writes the node's keys to disk.
type Snapshots interface {
	// Save returns when a snapshot is durable.
	Save(ctx context.Context) error
	// Saving reports whether one is on its way.
	Saving() bool
	// LastSave is when the last good one was finished, or when the node started; err is
	// why the last one failed, nil if it did not.
	LastSave() (at time.Time, err error)
	// NoLastSave keeps the node from saving at its end.
	NoLastSave()
	// Loading is since when the snapshot of an earlier run is being read, and how much of it
	// has been, in percent.
	Loading() (since time.Time, percent float64)
	// Unsaved is how many changes the last one does not contain.
	Unsaved() uint64
}

const flagsSave = flagAdmin | flagNoScript | flagNoAsyncLoading

const errNoSnapshots = replyError("ERR this node keeps no snapshots")

var saveCommands = []command{
	{name: "save", arity: 1, flags: flagsSave | flagNoMulti, group: "server", since: "1.0.0",
		summary: "Writes a snapshot and waits for it.", run: cmdSave},
	{name: "bgsave", arity: -1, flags: flagsSave, group: "server", since: "1.0.0",
		summary: "Writes a snapshot in the background.", run: cmdBGSave},
	{name: "lastsave", arity: 1, flags: flagLoading | flagStale | flagFast | flagDangerous, group: "server",
		since: "1.0.0",
		tips:  "nondeterministic_output", summary: "Returns when the last snapshot was finished.", run: cmdLastSave},
}

func cmdSave(s *session) error {
	if s.srv.cfg.Snapshots == nil {
		return errNoSnapshots
	}
	return s.change(s.srv.cfg.Snapshots.Save)
}

func cmdBGSave(s *session) error {
	if len(s.args) > 2 || len(s.args) == 2 && !s.word(1, "SCHEDULE") {
		return errSyntax
	}
	snapshots := s.srv.cfg.Snapshots
	switch {
	case snapshots == nil:
		return errNoSnapshots
	case snapshots.Saving():
		return replyError("ERR Background save already in progress")
	}
	s.srv.wg.Go(func() {
		if err := snapshots.Save(s.srv.life); err != nil {
			s.srv.cfg.Logger.Error("background save failed", "error", err)
		}
	})
	s.out.Simple("Background saving started")
	return nil
}

func cmdLastSave(s *session) error {
	if s.srv.cfg.Snapshots == nil {
		return errNoSnapshots
	}
	at, _ := s.srv.cfg.Snapshots.LastSave()
	s.out.Int(at.Unix())
	return nil
}

func (s *session) infoPersistence(t *infoText) {
	t.line("loading", btoi(s.srv.loading.Load()))
	t.line("async_loading", 0)
	snapshots := s.srv.cfg.Snapshots
	if snapshots == nil {
		return
	}
	if s.srv.loading.Load() {
		since, percent := snapshots.Loading()
		t.line("loading_start_time", since.Unix())
		t.line("loading_loaded_perc", fmt.Sprintf("%.2f", percent))
		if percent > 0 {
			took := s.srv.cfg.Now().Sub(since).Seconds()
			t.line("loading_eta_seconds", int64(took*(100-percent)/percent))
		}
		return
	}
	at, err := snapshots.LastSave()
	status := "ok"
	if err != nil {
		status = "err"
	}
	t.line("rdb_changes_since_last_save", snapshots.Unsaved())
	t.line("rdb_bgsave_in_progress", btoi(snapshots.Saving()))
	t.line("rdb_last_save_time", at.Unix())
	t.line("rdb_last_bgsave_status", status)
	t.line("aof_enabled", 0)
}
