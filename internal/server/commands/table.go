package commands

import (
	"cmp"
	"slices"
	"strings"
)

// Table is all commands of a server, found by the names that its clients use. It is
// immutable.
type Table struct {
	names *nameSet
	top   []*Command // in table order, without subcommands
	all   []*Command // with subcommands
	rows  int        // greatest Command.ID + 1
}

// NewTable joins groups of commands. It copies their rows.
func NewTable(groups ...[]Command) *Table {
	t := &Table{}
	for _, group := range groups {
		for i := range group {
			t.top = append(t.top, t.add(group[i], nil))
		}
	}
	t.names = newNameSet(t.top)
	return t
}

// add gives a row, and its subcommands, their numbers.
func (t *Table) add(row Command, parent *Command) *Command {
	c := &row
	c.ID, c.parent, c.uses = t.rows, parent, row.keySpecs()
	t.rows++
	t.all = append(t.all, c)
	if parent != nil {
		c.Name = parent.Name + "|" + c.Name
		c.Group = cmp.Or(c.Group, parent.Group)
		c.Category = cmp.Or(c.Category, parent.Category)
	}
	if c.Subs != nil {
		for i := range c.Subs {
			c.list = append(c.list, t.add(c.Subs[i], c))
		}
		c.subs = newNameSet(c.list)
	}
	return c
}

// With returns a table with further commands, found by the names that they have.
func (t *Table) With(rows []Command) *Table {
	if len(rows) == 0 {
		return t
	}
	next := &Table{top: slices.Clip(t.top), all: slices.Clip(t.all), rows: t.rows}
	list := slices.DeleteFunc(slices.Clone(t.names.table), func(n named) bool { return n.cmd == nil })
	for _, row := range rows {
		c := next.add(row, nil)
		next.top = append(next.top, c)
		list = append(list, named{c.Name, c})
	}
	next.names = newNamedSet(list)
	return next
}

// Renamed returns a table with other names for its commands, in lower case, by those that
// they have; one whose new name is "", or missing, cannot be found.
func (t *Table) Renamed(names map[string]string) *Table {
	next := &Table{rows: t.rows}
	var list []named
	for _, c := range t.top {
		if name := names[c.Name]; name != "" {
			list = append(list, named{name, c})
			next.top = append(next.top, c)
			next.all = append(append(next.all, c), c.list...)
		}
	}
	next.names = newNamedSet(list)
	return next
}

// Find returns the command that has a name, in any mixture of cases, nil if there is
// none.
func (t *Table) Find(name []byte) *Command { return t.names.find(name) }

// find finds "get" and "client|list".
func (t *Table) find(name []byte) *Command {
	top, sub, isSub := strings.Cut(string(name), "|")
	c := t.Find([]byte(top))
	switch {
	case c == nil || !isSub:
		return c
	case c.subs == nil:
		return nil
	}
	return c.subs.find([]byte(sub))
}

// Top returns the commands in table order, without subcommands. It must not be changed.
func (t *Table) Top() []*Command { return t.top }

// All returns the commands in table order, each before its subcommands. It must not be
// changed.
func (t *Table) All() []*Command { return t.all }

// Rows returns how many statistics the table's commands need: it is above each
// Command.ID.
func (t *Table) Rows() int { return t.rows }

// Resolve returns the command, or subcommand, of a command line. The error is the reply
// if there is none or it takes another number of arguments; then the command is returned
// too.
func (t *Table) Resolve(args [][]byte) (*Command, error) {
	cmd := t.names.find(args[0])
	if cmd == nil {
		return nil, errUnknownCommand(args)
	}
	if cmd.subs != nil && len(args) > 1 {
		sub := cmd.subs.find(args[1])
		if sub == nil {
			return nil, errUnknownSub(args[0], args[1])
		}
		cmd = sub
	}
	if !cmd.accepts(len(args)) {
		return cmd, ErrArity(cmd)
	}
	return cmd, nil
}
