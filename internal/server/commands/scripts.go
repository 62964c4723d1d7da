package commands

import (
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
)

// Scripts are the compiled scripts of a node.
type Scripts interface {
	// Load compiles a script and keeps it. It returns the SHA-1 of its text in hexadecimal.
	Load(text []byte) (sha string, err error)
	// Exists reports whether the script with a SHA-1 is known.
	Exists(sha []byte) bool
	// Flush forgets all scripts.
	Flush()
}

// ScriptControl is about the scripts and functions that run. Those that run for less than
// a millisecond or so it need not know.
type ScriptControl interface {
	// Kill ends scripts, or functions, that have not written: all that have run for longer than
	// busy-reply-threshold, or the one that has run longest.
	Kill(function bool) error
	// Busy returns the error of one that has run for longer than that, nil if there is none.
	Busy() error
	// Function returns the function that has run longest.
	Function() (f RunningFunction, ok bool)
}

// RunningFunction is what FUNCTION STATS shows of a function under way.
type RunningFunction struct {
	Name    string
	Command [][]byte // that calls it
	Began   time.Time
}

// What commands that run scripts have in common. The flags of keys are the worst that a
// script may do.
const flagsScript = NoScript | Stale | SkipMonitor | NoMandatoryKeys | MovableKeys | Script

// ScriptGroup is the commands that run scripts, and SCRIPT.
var ScriptGroup = []Command{
	{Name: "eval", Arity: -3, Flags: flagsScript | MayWrite, Counted: 2, Group: "scripting", Since: "2.6.0",
		KeyFlags: "RW access update", Summary: "Runs a script.", Run: runScript, Tx: scriptInSlot},
	{Name: "evalsha", Arity: -3, Flags: flagsScript | MayWrite, Counted: 2, Group: "scripting", Since: "2.6.0",
		KeyFlags: "RW access update", Summary: "Runs a script that is known by its SHA-1.", Run: runScript,
		Tx: scriptInSlot},
	{Name: "eval_ro", Arity: -3, Flags: flagsScript | ReadOnly, Counted: 2, Group: "scripting", Since: "7.0.0",
		KeyFlags: "RO access", Summary: "Runs a script that must not write.", Run: runScript, Tx: scriptInSlot},
	{Name: "evalsha_ro", Arity: -3, Flags: flagsScript | ReadOnly, Counted: 2, Group: "scripting", Since: "7.0.0",
		KeyFlags: "RO access", Summary: "Runs a script that is known by its SHA-1 and must not write.",
		Run: runScript, Tx: scriptInSlot},
	{Name: "script", Arity: -2, Group: "scripting", Since: "2.6.0", Summary: "Manages the scripts that are known.",
		Subs: []Command{
			{Name: "kill", Arity: 2, Flags: NoScript | AllowBusy | Callable, Since: "2.6.0",
				Tips:    "request_policy:all_shards response_policy:one_succeeded",
				Summary: "Ends a script that has not written.", Run: cmdScriptKill},
			{Name: "debug", Arity: 3, Args: "(YES|SYNC|NO)", Flags: NoScript, Since: "3.2.0",
				Summary: "Refused: there is no debugger.", Run: cmdScriptDebug},
			{Name: "load", Arity: 3, Args: "<script>", Flags: NoScript | Stale | Callable, Since: "2.6.0",
				Tips:    "request_policy:all_nodes response_policy:all_succeeded",
				Summary: "Compiles a script and keeps it.", Run: cmdScriptLoad},
			{Name: "exists", Arity: -3, Args: "<sha1> [<sha1> ...]", Flags: NoScript | Callable, Since: "2.6.0",
				Tips:    "request_policy:all_shards response_policy:agg_logical_and",
				Summary: "Tells which scripts are known.", Run: cmdScriptExists},
			{Name: "flush", Arity: -2, Args: "[ASYNC|SYNC]", Flags: NoScript | Callable, Since: "2.6.0",
				Tips:    "request_policy:all_nodes response_policy:all_succeeded",
				Summary: "Forgets all scripts.", Run: cmdScriptFlush},
			{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "5.0.0",
				Summary: "Lists the subcommands.", Run: Help},
		}},
}

func runScript(c *Call) error                     { return c.Script(nil) }
func scriptInSlot(c *Call, tx *keyspace.Tx) error { return c.Script(tx) }

// cmdScriptKill is FUNCTION KILL too.
func cmdScriptKill(c *Call) error {
	if err := c.Node.ScriptControl.Kill(strings.HasPrefix(c.Cmd.Name, "function|")); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}

func cmdScriptDebug(c *Call) error {
	if !c.Word(2, "NO") && !c.Word(2, "YES") && !c.Word(2, "SYNC") {
		return ReplyError("ERR Use SCRIPT DEBUG YES/SYNC/NO")
	}
	if c.Word(2, "NO") {
		c.Out.OK()
		return nil
	}
	return ReplyError("ERR this server has no debugger of scripts: run the script with redis-cli --ldb at a redis-server")
}

func cmdScriptLoad(c *Call) error {
	sha, err := c.Node.Scripts.Load(c.Args[2])
	if err != nil {
		return err
	}
	c.Out.BulkString(sha)
	return nil
}

func cmdScriptExists(c *Call) error {
	c.Out.Array(len(c.Args) - 2)
	for _, sha := range c.Args[2:] {
		n := int64(0)
		if c.Node.Scripts.Exists(sha) {
			n = 1
		}
		c.Out.Int(n)
	}
	return nil
}

func cmdScriptFlush(c *Call) error {
	if len(c.Args) > 3 || len(c.Args) == 3 && !c.Word(2, "ASYNC") && !c.Word(2, "SYNC") {
		return ReplyError("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
	}
	c.Node.Scripts.Flush()
	c.Out.OK()
	return nil
}
