package commands

import (
	"math"
	"time"
)

// SlowEntry is a command that took long.
type SlowEntry struct {
	ID     int64     // numbers all entries since the start
	At     time.Time // when it had been carried out
	Took   time.Duration
	Args   []string // shortened: at most 32 of at most 128 bytes, and what was left out of them
	Client string   // its address
	Name   string   // that the client has given itself
}

// SlowLog keeps the commands that took long.
type SlowLog interface {
	// Entries returns up to n of them, the last one first; all if n is negative.
	Entries(n int) []SlowEntry
	Len() int
	Reset()
}

const flagsSlowLog = Admin | Loading | Stale | Plain

var slowLogCommand = Command{Name: "slowlog", Arity: -2, Group: "server", Since: "2.2.12",
	Summary: "Shows the commands that took long.",
	Subs: []Command{
		{Name: "get", Arity: -2, Args: "[<count>]", Flags: flagsSlowLog, Since: "2.2.12",
			Tips:    "request_policy:all_nodes nondeterministic_output",
			Summary: "Returns the last of them, 10 unless told otherwise, all for -1.", Run: cmdSlowLogGet},
		{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "6.2.0", Summary: "Lists the subcommands.",
			Run: Help},
		{Name: "len", Arity: 2, Flags: flagsSlowLog, Since: "2.2.12",
			Tips:    "request_policy:all_nodes response_policy:agg_sum nondeterministic_output",
			Summary: "Returns how many there are.", Run: cmdSlowLogLen},
		{Name: "reset", Arity: 2, Flags: flagsSlowLog, Since: "2.2.12",
			Tips: "request_policy:all_nodes response_policy:all_succeeded", Summary: "Forgets them.", Run: cmdSlowLogReset},
	}}

const (
	errSlowLogCount = ReplyError("ERR count should be greater than or equal to -1")
	errSlowLogArity = ReplyError("ERR unknown subcommand or wrong number of arguments for 'get'. Try SLOWLOG HELP.")
)

func cmdSlowLogGet(c *Call) error {
	n := int64(10)
	switch {
	case len(c.Args) > 3:
		return errSlowLogArity
	case len(c.Args) == 3:
		var err error
		if n, err = c.NumberIn(2, -1, math.MaxInt64, errSlowLogCount); err != nil {
			return err
		}
	}
	list := c.Node.Slow.Entries(int(n))
	c.Out.Array(len(list))
	for _, e := range list {
		c.Out.Array(6)
		c.Out.Int(e.ID)
		c.Out.Int(e.At.Unix())
		c.Out.Int(e.Took.Microseconds())
		c.Out.Array(len(e.Args))
		for _, arg := range e.Args {
			c.Out.BulkString(arg)
		}
		c.Out.BulkString(e.Client)
		c.Out.BulkString(e.Name)
	}
	return nil
}

func cmdSlowLogLen(c *Call) error {
	c.Out.Int(int64(c.Node.Slow.Len()))
	return nil
}

func cmdSlowLogReset(c *Call) error {
	c.Node.Slow.Reset()
	c.Out.OK()
	return nil
}
