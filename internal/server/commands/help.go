package commands

import (
	"slices"
	"strings"
)

// Help lists a container's subcommands.
func Help(c *Call) error {
	cmd := c.Cmd
	if cmd.parent != nil {
		cmd = cmd.parent
	}
	name := upper(string(c.Args[0])) // as the client calls it
	lines := []string{name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	if cmd.Name == "debug" {
		lines = append(lines, "SLEEP <seconds>", "    Makes all clients wait.")
	}
	subs := slices.Clone(cmd.list)
	slices.SortFunc(subs, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	for _, sub := range subs {
		if sub.lastName() != "help" {
			lines = append(lines, strings.TrimSpace(upper(sub.lastName())+" "+sub.Args), "    "+sub.Summary)
		}
	}
	lines = append(lines, "HELP", "    Prints this help.")
	c.Out.Array(len(lines))
	for _, line := range lines {
		c.Out.Simple(line)
	}
	return nil
}
