package commands

import (
	"bytes"
	"time"

	"github.com/slotmesh/slotmesh/internal/functions"
	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	flagsFunction = NoScript | Write | Callable
	tipsFunction  = "request_policy:all_shards response_policy:all_succeeded"
)

// FunctionGroup is the commands on libraries of functions, and those that call a function.
var FunctionGroup = []Command{
	{Name: "function", Arity: -2, Group: "scripting", Since: "7.0.0", Summary: "Manages libraries of functions.",
		Subs: []Command{
			{Name: "load", Arity: -3, Args: "[REPLACE] <code>", Flags: flagsFunction | DenyOOM, Since: "7.0.0",
				Tips: tipsFunction, Summary: "Adds a library.", Run: cmdFunctionLoad},
			{Name: "dump", Arity: 2, Flags: NoScript | Callable, Since: "7.0.0",
				Summary: "Returns all libraries as one payload.", Run: cmdFunctionDump},
			{Name: "restore", Arity: -3, Args: "<payload> [FLUSH|APPEND|REPLACE]", Flags: flagsFunction | DenyOOM,
				Since: "7.0.0", Tips: tipsFunction, Summary: "Adds the libraries of a payload.", Run: cmdFunctionRestore},
			{Name: "list", Arity: -2, Args: "[LIBRARYNAME <pattern>] [WITHCODE]", Flags: NoScript | Callable,
				Since: "7.0.0", Tips: "nondeterministic_output_order", Summary: "Lists the libraries.",
				Run: cmdFunctionList},
			{Name: "flush", Arity: -2, Args: "[ASYNC|SYNC]", Flags: flagsFunction, Since: "7.0.0",
				Tips: tipsFunction, Summary: "Removes all libraries.", Run: cmdFunctionFlush},
			{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "7.0.0",
				Summary: "Lists the subcommands.", Run: Help},
			{Name: "delete", Arity: 3, Args: "<library>", Flags: flagsFunction, Since: "7.0.0",
				Tips: tipsFunction, Summary: "Removes a library.", Run: cmdFunctionDelete},
			{Name: "kill", Arity: 2, Flags: NoScript | AllowBusy | Callable, Since: "7.0.0",
				Tips:    "request_policy:all_shards response_policy:one_succeeded",
				Summary: "Ends a function that has not written.", Run: cmdScriptKill},
			{Name: "stats", Arity: 2, Flags: NoScript | AllowBusy | Callable, Since: "7.0.0",
				Tips:    "nondeterministic_output request_policy:all_shards response_policy:special",
				Summary: "Tells which function runs, and how many there are.", Run: cmdFunctionStats},
		}},
	{Name: "fcall", Arity: -3, Flags: flagsScript | MayWrite, Counted: 2, Group: "scripting", Since: "7.0.0",
		KeyFlags: "RW access update", Summary: "Calls a function.", Run: runScript, Tx: scriptInSlot},
	{Name: "fcall_ro", Arity: -3, Flags: flagsScript | ReadOnly, Counted: 2, Group: "scripting", Since: "7.0.0",
		KeyFlags: "RO access", Summary: "Calls a function that must not write.", Run: runScript, Tx: scriptInSlot},
}

// changeFunctions changes the libraries, as a write of the node.
func (c *Call) changeFunctions(change func(functions.Commit) error) error {
	commit := func(write func() error) error { return c.Node.Engine.Change(c.Access.Done, write) }
	switch {
	case c.Access.Follows: // the master has changed them
		commit = func(write func() error) error { return write() }
	case c.Node.IsReplica(): // before what is wrong with the arguments
		return slots.ErrReadOnly
	}
	err := change(commit)
	if refusal, ok := err.(functions.ReplyError); ok {
		return ReplyError(refusal)
	}
	return err
}

func cmdFunctionLoad(c *Call) error {
	replace, last := false, len(c.Args)-1
	for i := 2; i < last; i++ {
		if !c.Word(i, "REPLACE") {
			return ReplyError("ERR Unknown option given: " + string(c.Args[i]))
		}
		replace = true
	}
	return c.changeFunctions(func(commit functions.Commit) error {
		name, err := c.Node.Functions.Load(c.Args[last], replace, commit)
		if err == nil {
			c.Out.BulkString(name)
		}
		return err
	})
}

func cmdFunctionDelete(c *Call) error {
	return c.changeFunctions(func(commit functions.Commit) error {
		err := c.Node.Functions.Delete(string(c.Args[2]), commit)
		if err == nil {
			c.Out.OK()
		}
		return err
	})
}

func cmdFunctionFlush(c *Call) error {
	switch {
	case len(c.Args) > 3:
		return ErrSubArity(c.Args)
	case len(c.Args) == 3 && !c.Word(2, "SYNC") && !c.Word(2, "ASYNC"):
		return ReplyError("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")
	}
	return c.changeFunctions(func(commit functions.Commit) error {
		err := c.Node.Functions.Flush(commit)
		if err == nil {
			c.Out.OK()
		}
		return err
	})
}

func cmdFunctionDump(c *Call) error {
	c.Out.Bulk(c.Node.Functions.Set().Dump(nil))
	return nil
}

func cmdFunctionRestore(c *Call) error {
	if len(c.Args) > 4 {
		return ErrSubArity(c.Args)
	}
	policy := functions.Append
	switch {
	case len(c.Args) == 3, c.Word(3, "APPEND"):
	case c.Word(3, "REPLACE"):
		policy = functions.Replace
	case c.Word(3, "FLUSH"):
		policy = functions.Flush
	default:
		return ReplyError("ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.")
	}
	return c.changeFunctions(func(commit functions.Commit) error {
		err := c.Node.Functions.Restore(c.Args[2], policy, commit)
		if err == nil {
			c.Out.OK()
		}
		return err
	})
}

func cmdFunctionList(c *Call) error {
	var pattern []byte
	named, withCode := false, false
	for i := 2; i < len(c.Args); i++ {
		switch {
		case !withCode && c.Word(i, "WITHCODE"):
			withCode = true
		case !named && c.Word(i, "LIBRARYNAME"):
			if i++; i == len(c.Args) {
				return ReplyError("ERR library name argument was not given")
			}
			pattern, named = c.Args[i], true
		default:
			return ReplyError("ERR Unknown argument " + string(c.Args[i]))
		}
	}
	list := c.Node.Functions.Set().Libraries()
	if named {
		list = matching(list, pattern)
	}
	c.Out.Array(len(list))
	for _, l := range list {
		c.writeLibrary(l, withCode)
	}
	return nil
}

// matching returns the libraries whose names match a pattern, whatever the case.
func matching(list []*functions.Library, pattern []byte) (some []*functions.Library) {
	for _, l := range list {
		if glob.Match(bytes.ToLower(pattern), bytes.ToLower([]byte(l.Name))) {
			some = append(some, l)
		}
	}
	return some
}

func (c *Call) writeLibrary(l *functions.Library, withCode bool) {
	out := &c.Out
	fields := 3
	if withCode {
		fields = 4
	}
	out.Map(fields)
	out.BulkString("library_name")
	out.BulkString(l.Name)
	out.BulkString("engine")
	out.BulkString(l.Engine)
	out.BulkString("functions")
	list := l.Functions()
	out.Array(len(list))
	for _, f := range list {
		out.Map(3)
		out.BulkString("name")
		out.BulkString(f.Name)
		out.BulkString("description")
		if f.Description == "" {
			out.Null()
		} else {
			out.BulkString(f.Description)
		}
		out.BulkString("flags")
		flags := f.Flags.Names()
		out.Set(len(flags))
		for _, name := range flags {
			out.Simple(name)
		}
	}
	if withCode {
		out.BulkString("library_code")
		out.Bulk(l.Source)
	}
}

// cmdFunctionStats shows the engine although none of its libraries is there; a node without
// an engine shows none.
func cmdFunctionStats(c *Call) error {
	out := &c.Out
	out.Map(2)
	out.BulkString("running_script")
	if f, ok := c.Node.ScriptControl.Function(); ok {
		out.Map(3)
		out.BulkString("name")
		out.BulkString(f.Name)
		out.BulkString("command")
		out.Array(len(f.Command))
		for _, arg := range f.Command {
			out.Bulk(arg)
		}
		out.BulkString("duration_ms")
		out.Int(time.Since(f.Began).Milliseconds())
	} else {
		out.Null()
	}
	out.BulkString("engines")
	if !c.Node.Functions.Runs() {
		out.Map(0)
		return nil
	}
	libraries, count := c.Node.Functions.Set().Count()
	out.Map(1)
	out.BulkString(c.Node.Functions.Engine())
	out.Map(2)
	out.BulkString("libraries_count")
	out.Int(int64(libraries))
	out.BulkString("functions_count")
	out.Int(int64(count))
	return nil
}
