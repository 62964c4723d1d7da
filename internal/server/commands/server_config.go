package commands

import "strings"

// Settings is the node's configuration as CONFIG shows it.
type Settings interface {
	// Get returns name and value of every directive that matches the glob.
	Get(pattern string) [][2]string
	// Set changes directives, names and values, while the node runs: all or none. local says
	// that a client of this machine asks. The error is Redis' text, with or without "ERR "
	// before it.
	Set(pairs [][2]string, local bool) error
	// Rewrite writes the configuration back to its file. The error is Redis' text as well.
	Rewrite() error
}

const flagsConfig = Admin | NoScript | Loading | Stale

var configCommand = Command{Name: "config", Arity: -2, Group: "server", Since: "2.0.0",
	Summary: "Shows and changes the configuration.",
	Subs: []Command{
		{Name: "get", Arity: -3, Args: "<pattern> [<pattern> ...]", Flags: flagsConfig, Since: "2.0.0",
			Summary: "Returns the directives that match globs.", Run: cmdConfigGet},
		{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "5.0.0",
			Summary: "Lists the subcommands.", Run: Help},
		{Name: "resetstat", Arity: 2, Flags: flagsConfig, Since: "2.0.0", Summary: "Sets counters to zero.",
			Run: cmdConfigResetStat},
		{Name: "rewrite", Arity: 2, Flags: flagsConfig, Since: "2.8.0",
			Summary: "Writes the configuration to its file.", Run: cmdConfigRewrite},
		{Name: "set", Arity: -4, Args: "<directive> <value> [<directive> <value> ...]", Flags: flagsConfig,
			Since: "2.0.0", Tips: "request_policy:all_nodes response_policy:all_succeeded",
			Summary: "Changes directives while the node runs.", Run: cmdConfigSet},
	}}

const errNoSettings = ReplyError("ERR CONFIG is not available: the host program configures this node")

func cmdConfigGet(c *Call) error {
	if c.Node.Settings == nil {
		c.Out.Map(0)
		return nil
	}
	var pairs [][2]string
	seen := make(map[string]bool)
	for _, pattern := range c.Args[2:] {
		for _, pair := range c.Node.Settings.Get(string(pattern)) {
			if !seen[pair[0]] {
				seen[pair[0]] = true
				pairs = append(pairs, pair)
			}
		}
	}
	c.Out.Map(len(pairs))
	for _, pair := range pairs {
		c.Out.BulkString(pair[0])
		c.Out.BulkString(pair[1])
	}
	return nil
}

// cmdConfigSet changes all the directives named or, if one is refused, none.
func cmdConfigSet(c *Call) error {
	if len(c.Args)%2 != 0 {
		return ErrArity(c.Cmd)
	}
	if c.Node.Settings == nil {
		return errNoSettings
	}
	var pairs [][2]string
	for i := 2; i < len(c.Args); i += 2 {
		pairs = append(pairs, [2]string{strings.ToLower(string(c.Args[i])), string(c.Args[i+1])})
	}
	if err := c.Node.Settings.Set(pairs, c.Client != nil && c.Client.Local()); err != nil {
		return ReplyError("ERR " + strings.TrimPrefix(err.Error(), "ERR "))
	}
	c.Out.OK()
	return nil
}

func cmdConfigRewrite(c *Call) error {
	if c.Node.Settings == nil {
		return errNoSettings
	}
	if err := c.Node.Settings.Rewrite(); err != nil {
		return ReplyError("ERR " + err.Error())
	}
	c.Out.OK()
	return nil
}

func cmdConfigResetStat(c *Call) error {
	c.Node.Server.ResetStats()
	c.Node.Store.ResetStats()
	if c.Node.ResetStats != nil {
		c.Node.ResetStats()
	}
	c.Out.OK()
	return nil
}
