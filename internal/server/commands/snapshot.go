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
	// Schedule has one written as soon as nothing else is being written.
	Schedule()
	Status() SnapshotStatus
	// NoLastSave keeps the node from saving at its end.
	NoLastSave()
	// Loading is how far the node has read the keys of an earlier run.
	Loading() LoadStatus
}

// SnapshotStatus is how a node stands with its snapshots.
type SnapshotStatus struct {
	Saving  bool
	Current time.Duration // of the one that is being written
	Took    time.Duration // what the last one took, negative: there was none
	Last    time.Time     // when the last good one was finished, or when the node started
	Err     error         // why the last one failed, nil if it did not
	Saves   uint64        // that ended well
	Unsaved uint64        // changes that the last one does not contain
	Loaded  int           // keys that the node read when it started
}

// LoadStatus is how far a node has come with reading its keys.
type LoadStatus struct {
	Since         time.Time
	Percent       float64
	Loaded, Total int64 // bytes; Total is 0 if that is not known
}

const flagsSave = Admin | NoScript | NoAsyncLoading

const (
	errNoSnapshots = ReplyError("ERR this node keeps no snapshots")
	errOtherChild  = ReplyError("ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE " +
		"SCHEDULE in order to schedule a BGSAVE whenever possible.")
)

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
	case snapshots.Status().Saving:
		return ReplyError("ERR Background save already in progress")
	case c.InExec, c.Node.logStatus().Rewriting && len(c.Args) == 2:
		snapshots.Schedule()
		c.Out.Simple("Background saving scheduled")
		return nil
	case c.Node.logStatus().Rewriting:
		return errOtherChild
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
	c.Out.Int(c.Node.Snapshots.Status().Last.Unix())
	return nil
}

// infoPersistence has the lines of Redis in its order. What Redis tells of processes that
// it forks is 0: nothing is copied while a node writes its keys.
func (n *Node) infoPersistence(t *infoText) {
	loading := n.Server.Loading()
	t.line("loading", btoi(loading))
	t.line("async_loading", 0)
	t.line("current_cow_peak", 0)
	t.line("current_cow_size", 0)
	t.line("current_cow_size_age", 0)
	t.line("current_fork_perc", "0.00")
	t.line("current_save_keys_processed", 0)
	t.line("current_save_keys_total", 0)
	n.infoSnapshots(t)
	n.infoLog(t)
	if loading && n.Snapshots != nil {
		n.infoLoading(t, n.Snapshots.Loading())
	}
}

func (n *Node) infoSnapshots(t *infoText) {
	st := SnapshotStatus{Took: -1, Last: n.Started}
	if n.Snapshots != nil {
		st = n.Snapshots.Status()
	}
	current := time.Duration(-1)
	if st.Saving {
		current = st.Current
	}
	t.line("rdb_changes_since_last_save", st.Unsaved)
	t.line("rdb_bgsave_in_progress", btoi(st.Saving))
	t.line("rdb_last_save_time", st.Last.Unix())
	t.line("rdb_last_bgsave_status", okOrErr(st.Err))
	t.line("rdb_last_bgsave_time_sec", seconds(st.Took))
	t.line("rdb_current_bgsave_time_sec", seconds(current))
	t.line("rdb_saves", st.Saves)
	t.line("rdb_last_cow_size", 0)
	t.line("rdb_last_load_keys_expired", 0)
	t.line("rdb_last_load_keys_loaded", st.Loaded)
}

func (n *Node) infoLoading(t *infoText, st LoadStatus) {
	t.line("loading_start_time", st.Since.Unix())
	t.line("loading_total_bytes", st.Total)
	t.line("loading_rdb_used_mem", 0)
	t.line("loading_loaded_bytes", st.Loaded)
	t.line("loading_loaded_perc", fmt.Sprintf("%.2f", st.Percent))
	eta := int64(1) // as Redis says while it cannot know
	if st.Percent > 0 {
		eta = int64(n.Now().Sub(st.Since).Seconds() * (100 - st.Percent) / st.Percent)
	}
	t.line("loading_eta_seconds", eta)
}
