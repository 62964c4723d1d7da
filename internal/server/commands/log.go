package commands

import "time"

// Log is the node's log on disk: in Redis' words, the append-only file.
type Log interface {
	Status() LogStatus
	// Rewrite begins a new base of the log in the background. scheduled says that it waits
	// for a snapshot that is being written.
	Rewrite() (scheduled bool, err error)
}

// LogStatus is how a log stands. The zero value is that of a node without one, but for
// LastRewrite.
type LogStatus struct {
	On       bool
	Size     int64 // bytes of its files
	BaseSize int64 // bytes that they had after the last rewrite
	Pending  int64 // bytes that are not written yet
	Syncing  bool  // something is written and not durable yet
	Delayed  uint64
	WriteErr error // why writes are refused, nil if they are not

	Rewriting      bool
	Scheduled      bool
	CurrentRewrite time.Duration
	LastRewrite    time.Duration // negative: there was none
	RewriteErr     error         // of the last one
	Rewrites       uint64
	InVain         uint64 // rewrites that have failed since the last good one
}

// LogGroup is the command on the log; WAITAOF is one of the session's.
var LogGroup = []Command{
	{Name: "bgrewriteaof", Arity: 1, Flags: flagsSave, Group: "server", Since: "1.0.0",
		Summary: "Writes the log of writes anew, in the background.", Run: cmdBGRewriteAOF},
}

const (
	errNoLog = ReplyError("ERR this node keeps no append-only file: CONFIG SET appendonly yes begins one")

	errRewriting = ReplyError("ERR Background append only file rewriting already in progress")
	errNoRewrite = ReplyError("ERR Can't execute an AOF background rewriting. Please check the server logs for more " +
		"information.")
)

func cmdBGRewriteAOF(c *Call) error {
	st := c.Node.logStatus()
	switch {
	case !st.On:
		return errNoLog
	case st.Rewriting:
		return errRewriting
	}
	scheduled, err := c.Node.Log.Rewrite()
	switch {
	case err != nil && c.Node.logStatus().Rewriting: // by somebody else, in between
		return errRewriting
	case err != nil:
		c.Node.Logger.Error("the log cannot be rewritten", "error", err)
		return errNoRewrite
	case scheduled, c.InExec, c.Node.Snapshots != nil && c.Node.Snapshots.Status().Saving:
		c.Out.Simple("Background append only file rewriting scheduled")
	default:
		c.Out.Simple("Background append only file rewriting started")
	}
	return nil
}

// logStatus returns how the log stands, if there is one.
func (n *Node) logStatus() LogStatus {
	if n.Log == nil {
		return LogStatus{LastRewrite: -1}
	}
	return n.Log.Status()
}

// Logs reports whether the node keeps a log.
func (n *Node) Logs() bool { return n.logStatus().On }

func (n *Node) infoLog(t *infoText) {
	st := n.logStatus()
	t.line("aof_enabled", btoi(st.On))
	t.line("aof_rewrite_in_progress", btoi(st.Rewriting))
	t.line("aof_rewrite_scheduled", btoi(st.Scheduled))
	t.line("aof_last_rewrite_time_sec", seconds(st.LastRewrite))
	current := time.Duration(-1)
	if st.Rewriting {
		current = st.CurrentRewrite
	}
	t.line("aof_current_rewrite_time_sec", seconds(current))
	t.line("aof_last_bgrewrite_status", okOrErr(st.RewriteErr))
	t.line("aof_rewrites", st.Rewrites)
	t.line("aof_rewrites_consecutive_failures", st.InVain)
	t.line("aof_last_write_status", okOrErr(st.WriteErr))
	t.line("aof_last_cow_size", 0)
	t.line("module_fork_in_progress", 0)
	t.line("module_fork_last_cow_size", 0)
	if !st.On {
		return
	}
	t.line("aof_current_size", st.Size)
	t.line("aof_base_size", st.BaseSize)
	t.line("aof_pending_rewrite", 0)
	t.line("aof_buffer_length", st.Pending)
	t.line("aof_pending_bio_fsync", btoi(st.Syncing))
	t.line("aof_delayed_fsync", st.Delayed)
}

// seconds is a time as INFO shows it: whole seconds, -1 for one that is not known.
func seconds(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return int64(d / time.Second)
}

func okOrErr(err error) string {
	if err != nil {
		return "err"
	}
	return "ok"
}
