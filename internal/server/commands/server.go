package commands

import (
	"strconv"
	"time"
)

// ServerGroup is the commands on the server.
var ServerGroup = []Command{
	infoCommand,
	commandCommand,
	configCommand,
	slowLogCommand,
	latencyCommand,
	{Name: "time", Arity: 1, Flags: Loading | Stale | Fast | Plain | Callable, Group: "server", Since: "2.6.0",
		Tips: "nondeterministic_output", Summary: "Returns the node's time.", Run: cmdTime},
	{Name: "role", Arity: 1, Flags: NoScript | Loading | Stale | Fast | Dangerous, Group: "server",
		Since: "2.8.12", Category: "admin", Summary: "Returns the node's role in replication.", Run: cmdRole},
	{Name: "shutdown", Arity: -1, Flags: Admin | NoScript | Loading | Stale | NoMulti | AllowBusy,
		Group: "server", Since: "1.0.0", Summary: "Ends the node.", Run: cmdShutdown},
	memoryCommand,
	{Name: "debug", Arity: -2, Flags: Admin | NoScript | Loading | Stale | Protected, Group: "server",
		Since: "1.0.0", Summary: "Helps with tests.", Run: cmdDebug},
}

func cmdTime(c *Call) error {
	now := c.Node.Store.Now()
	c.Out.Array(2)
	c.Out.BulkInt(now.Unix())
	c.Out.BulkInt(int64(now.Nanosecond() / 1000))
	return nil
}

// cmdShutdown closes this connection without a reply; the node ends by itself. Its rules
// decide whether it saves first, unless the client says SAVE or NOSAVE. If SAVE fails the
// node does not end, except with FORCE. While a script has run for too long, only NOSAVE
// is heard.
func cmdShutdown(c *Call) error {
	var save, noSave, force bool
	for i := 1; i < len(c.Args); i++ {
		switch {
		case c.Word(i, "ABORT") && len(c.Args) == 2:
			return ReplyError("ERR No shutdown in progress.")
		case c.Word(i, "NOSAVE") && !save:
			noSave = true
		case c.Word(i, "SAVE") && !noSave:
			save = true
		case c.Word(i, "FORCE"):
			force = true
		case c.Word(i, "NOW"):
		default:
			return ErrSyntax
		}
	}
	if busy := c.Node.ScriptControl.Busy(); busy != nil && !noSave {
		return busy
	}
	if c.Node.OnShutdown == nil {
		return ReplyError("ERR SHUTDOWN is not available: the host program ends this node")
	}
	if snapshots := c.Node.Snapshots; snapshots != nil {
		if save {
			if err := snapshots.Save(c.Node.Life); err != nil && !force {
				c.Node.Logger.Error("SHUTDOWN SAVE refused: the snapshot failed", "error", err)
				return ReplyError("ERR Errors trying to SHUTDOWN. Check logs.")
			}
		}
		if noSave {
			snapshots.NoLastSave()
		}
	}
	c.Node.Logger.Info("a client asked for SHUTDOWN", "client", c.Client.ID(), "addr", c.Client.RemoteAddr())
	go c.Node.OnShutdown() // it will wait for this goroutine, in Close
	c.Client.HangUp()
	return ErrNoReply
}

func cmdRole(c *Call) error {
	r := c.Node.Replication()
	if m := r.Master; m != nil {
		c.Out.Array(5)
		c.Out.BulkString("slave")
		c.Out.BulkString(m.Host)
		c.Out.Int(int64(m.Port))
		c.Out.BulkString(m.State)
		c.Out.Int(r.Offset)
		return nil
	}
	c.Out.Array(3)
	c.Out.BulkString("master")
	c.Out.Int(r.Offset)
	c.Out.Array(len(r.Replicas))
	for _, rep := range r.Replicas {
		c.Out.Array(3)
		c.Out.BulkString(rep.Host)
		c.Out.BulkString(strconv.Itoa(int(rep.Port)))
		c.Out.BulkInt(rep.Offset)
	}
	return nil
}

// cmdDebug knows SLEEP, which makes all clients wait: tests use it to make a node look
// hung. The bus goes on.
func cmdDebug(c *Call) error {
	switch {
	case c.Word(1, "HELP"):
		return Help(c)
	case c.Word(1, "SLEEP") && len(c.Args) == 3:
		seconds, err := strconv.ParseFloat(string(c.Args[2]), 64)
		if err != nil || !(seconds >= 0 && seconds <= 1e6) {
			seconds = 0 // as C's strtod and usleep would have it
		}
		c.Node.Server.Pause(time.Duration(seconds*float64(time.Second)), false)
		c.Out.OK()
		if !c.Node.Server.AwaitUnpause() {
			c.Client.HangUp()
		}
		return nil
	}
	return ErrSubArity(c.Args)
}
