package commands

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
	// LastSave is when the last good one was finished, or when the node started; err is why
	// the last one failed, nil if it did not.
	LastSave() (at time.Time, err error)
	// NoLastSave keeps the node from saving at its end.
	NoLastSave()
	// Loading is since when the snapshot of an earlier run is being read, and how much of it
	// has been, in percent.
	Loading() (since time.Time, percent float64)
	// Unsaved is how many changes the last one does not contain.
	Unsaved() uint64
}

const flagsSave = Admin | NoScript | NoAsyncLoading

const errNoSnapshots = ReplyError("ERR this node keeps no snapshots")

// SnapshotGroup is the commands on snapshots.
var SnapshotGroup = []Command{
	{Name: "save", Arity: 1, Flags: flagsSave | NoMulti, Group: "server", Since: "1.0.0",
		Summary: "Writes a snapshot and waits for it.", Run: cmdSave},
	{Name: "bgsave", Arity: -1, Flags: flagsSave, Group: "server", Since: "1.0.0",
		Summary: "Writes a snapshot in the background.", Run: cmdBGSave},
	{Name: "lastsave", Arity: 1, Flags: Loading | Stale | Fast | Dangerous, Group: "server", Since: "1.0.0",
		Category: "admin", Tips: "nondeterministic_output",
		Summary: "Returns when the last snapshot was finished.", Run: cmdLastSave},
}

func cmdSave(c *Call) error {
	if c.Node.Snapshots == nil {
		return errNoSnapshots
	}
	return c.change(c.Node.Snapshots.Save)
}

func cmdBGSave(c *Call) error {
	if len(c.Args) > 2 || len(c.Args) == 2 && !c.Word(1, "SCHEDULE") {
		return ErrSyntax
	}
	snapshots := c.Node.Snapshots
	switch {
	case snapshots == nil:
		return errNoSnapshots
	case snapshots.Saving():
		return ReplyError("ERR Background save already in progress")
	}
	c.Node.Server.Go(func() {
		if err := snapshots.Save(c.Node.Life); err != nil {
			c.Node.Logger.Error("background save failed", "error", err)
		}
	})
	c.Out.Simple("Background saving started")
	return nil
}

func cmdLastSave(c *Call) error {
	if c.Node.Snapshots == nil {
		return errNoSnapshots
	}
	at, _ := c.Node.Snapshots.LastSave()
	c.Out.Int(at.Unix())
	return nil
}

func (n *Node) infoPersistence(t *infoText) {
	t.line("loading", btoi(n.Server.Loading()))
	t.line("async_loading", 0)
	snapshots := n.Snapshots
	if snapshots == nil {
		return
	}
	if n.Server.Loading() {
		since, percent := snapshots.Loading()
		t.line("loading_start_time", since.Unix())
		t.line("loading_loaded_perc", fmt.Sprintf("%.2f", percent))
		if percent > 0 {
			took := n.Now().Sub(since).Seconds()
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
