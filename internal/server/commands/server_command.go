package commands

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/internal/resp"
)

var commandCommand = Command{Name: "command", Arity: -1, Flags: Loading | Stale, Group: "server",
	Since: "2.8.13", Category: "connection", Tips: "nondeterministic_output_order",
	Summary: "Describes all commands.", Run: cmdCommand,
	Subs: []Command{
		{Name: "count", Arity: 2, Flags: Loading | Stale | Plain, Since: "2.8.13",
			Summary: "Returns the number of commands.", Run: cmdCommandCount},
		{Name: "docs", Arity: -2, Args: "[<command-name> ...]", Flags: Loading | Stale | Plain, Since: "7.0.0",
			Tips: "nondeterministic_output_order", Summary: "Documents commands.", Run: cmdCommandDocs},
		{Name: "getkeys", Arity: -4, Args: "<full-command>", Flags: Loading | Stale | Plain, Since: "2.8.13",
			Summary: "Returns the keys of a command.", Run: cmdCommandGetKeys},
		{Name: "getkeysandflags", Arity: -4, Args: "<full-command>", Flags: Loading | Stale | Plain,
			Since: "7.0.0", Summary: "Returns the keys of a command and what it does to them.",
			Run: cmdCommandGetKeysAndFlags},
		{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "5.0.0",
			Summary: "Lists the subcommands.", Run: Help},
		{Name: "info", Arity: -2, Args: "[<command-name> ...]", Flags: Loading | Stale | Plain, Since: "2.8.13",
			Tips: "nondeterministic_output_order", Summary: "Describes some commands.", Run: cmdCommandInfo},
		{Name: "list", Arity: -2, Args: "[FILTERBY (MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>)]",
			Flags: Loading | Stale | Plain, Since: "7.0.0", Tips: "nondeterministic_output_order",
			Summary: "Returns the names of commands.", Run: cmdCommandList},
	}}

func cmdCommand(c *Call) error {
	list := c.Node.Table.Top()
	c.Out.Array(len(list))
	for _, cmd := range list {
		cmd.describe(&c.Out)
	}
	return nil
}

func cmdCommandCount(c *Call) error {
	c.Out.Int(int64(len(c.Node.Table.Top())))
	return nil
}

func cmdCommandInfo(c *Call) error {
	if len(c.Args) == 2 {
		return cmdCommand(c)
	}
	c.Out.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if cmd := c.Node.Table.find(name); cmd != nil {
			cmd.describe(&c.Out)
		} else {
			c.Out.Null()
		}
		if len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
	}
	return nil
}

// describe appends the row of COMMAND in the form of Redis 7.
func (c *Command) describe(w *resp.Writer) {
	w.Array(10)
	w.BulkString(c.Name)
	w.Int(int64(c.Arity))
	names := c.flagNames()
	w.Set(len(names))
	for _, name := range names {
		w.Simple(name)
	}
	w.Int(int64(c.Keys.First))
	w.Int(int64(c.Keys.Last))
	w.Int(int64(c.Keys.Step))
	cats := c.Categories().Names()
	w.Set(len(cats))
	for _, cat := range cats {
		w.Simple("@" + cat)
	}
	tips := strings.Fields(c.Tips)
	w.Set(len(tips))
	for _, tip := range tips {
		w.BulkString(tip)
	}
	specs := c.uses
	w.Set(len(specs))
	for _, spec := range specs {
		spec.describe(w)
	}
	if c.subs == nil {
		w.Set(0)
		return
	}
	w.Array(len(c.list))
	for _, sub := range c.list {
		sub.describe(w)
	}
}

func (c *Command) flagNames() []string {
	var list []string
	for _, f := range flagNames {
		if c.Has(f.flag) {
			list = append(list, f.name)
		}
	}
	return list
}

// Categories returns those of ACLs, which follow from the flags and the group.
func (c *Command) Categories() acl.Category {
	var list acl.Category
	for name := range strings.SplitSeq(c.category(), " ") {
		named, _ := acl.CategoryNamed(name)
		list |= named
	}
	for _, row := range [...]struct {
		when bool
		then acl.Category
	}{
		{c.Has(Write), acl.CategoryWrite}, {c.Has(ReadOnly) && !c.Has(Script), acl.CategoryRead},
		{c.Has(Admin), acl.CategoryAdmin}, {c.Has(Admin) || c.Has(Dangerous), acl.CategoryDangerous},
		{c.Has(Fast), acl.CategoryFast}, {!c.Has(Fast), acl.CategorySlow},
		{c.Has(Blocking), acl.CategoryBlocking}, {c.Has(PubSub), acl.CategoryPubSub},
	} {
		if row.when {
			list |= row.then
		}
	}
	return list
}

// groupCategories are the categories of the commands of a group, unless their rows name
// another one.
var groupCategories = map[string]string{
	"generic": "keyspace", "string": "string", "bitmap": "bitmap", "hyperloglog": "hyperloglog",
	"connection": "connection", "transactions": "transaction",
	"scripting": "scripting",
	"hash":      "hash", "set": "set", "list": "list", "sorted-set": "sortedset", "geo": "geo", "stream": "stream",
}

func (c *Command) category() string {
	switch {
	case c.Category != "":
		return c.Category
	case c.subs != nil:
		return ""
	}
	return groupCategories[c.Group]
}

func (k keyUse) describe(w *resp.Writer) {
	flags := strings.Fields(k.flags)
	w.Map(3)
	w.BulkString("flags")
	w.Set(len(flags))
	for _, f := range flags {
		w.Simple(f)
	}
	if k.unknown && k.keyword == "" {
		for _, step := range [...]string{"begin_search", "find_keys"} {
			w.BulkString(step)
			w.Map(2)
			w.BulkString("type")
			w.BulkString("unknown")
			w.BulkString("spec")
			w.Map(0)
		}
		return
	}
	w.BulkString("begin_search")
	w.Map(2)
	w.BulkString("type")
	if k.keyword != "" {
		w.BulkString("keyword")
		w.BulkString("spec")
		w.Map(2)
		w.BulkString("keyword")
		w.BulkString(k.keyword)
		w.BulkString("startfrom")
		w.Int(int64(k.from))
	} else {
		w.BulkString("index")
		w.BulkString("spec")
		w.Map(1)
		w.BulkString("index")
		w.Int(int64(k.First))
	}
	w.BulkString("find_keys")
	w.Map(2)
	w.BulkString("type")
	if k.counted {
		w.BulkString("keynum")
		w.BulkString("spec")
		w.Map(3)
		w.BulkString("keynumidx")
		w.Int(0)
		w.BulkString("firstkey")
		w.Int(1)
		w.BulkString("keystep")
		w.Int(1)
		return
	}
	last := k.Last
	if last > 0 {
		last -= k.First // relative to the first
	}
	w.BulkString("range")
	w.BulkString("spec")
	w.Map(3)
	w.BulkString("lastkey")
	w.Int(int64(last))
	w.BulkString("keystep")
	w.Int(int64(k.Step))
	w.BulkString("limit")
	w.Int(2 * int64(btoi(k.halved)))
}

func cmdCommandDocs(c *Call) error {
	list := c.Node.Table.Top()
	if len(c.Args) > 2 {
		list = nil
		for _, name := range c.Args[2:] {
			if cmd := c.Node.Table.find(name); cmd != nil {
				list = append(list, cmd)
			}
		}
	}
	return c.documentAll(list)
}

func (c *Call) documentAll(list []*Command) error {
	c.Out.Map(len(list))
	for _, cmd := range list {
		if len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
		c.Out.BulkString(cmd.Name)
		fields := [][2]string{{"summary", cmd.Summary}, {"since", cmd.Since}, {"group", cmd.Group}}
		c.Out.Map(len(fields) + btoi(cmd.subs != nil))
		for _, f := range fields {
			c.Out.BulkString(f[0])
			c.Out.BulkString(f[1])
		}
		if cmd.subs != nil {
			c.Out.BulkString("subcommands")
			if err := c.documentAll(cmd.list); err != nil {
				return err
			}
		}
	}
	return nil
}

func cmdCommandList(c *Call) error {
	wanted := func(*Command) bool { return true }
	switch {
	case len(c.Args) == 2:
	case len(c.Args) == 5 && c.Word(2, "FILTERBY"):
		value := c.Args[4]
		switch {
		case c.Word(3, "MODULE"):
			wanted = func(*Command) bool { return false }
		case c.Word(3, "ACLCAT"):
			cat, _ := acl.CategoryNamed(string(value))
			wanted = func(cmd *Command) bool { return cmd.Categories()&cat != 0 }
		case c.Word(3, "PATTERN"):
			pattern := []byte(strings.ToLower(string(value)))
			wanted = func(cmd *Command) bool { return glob.Match(pattern, []byte(cmd.Name)) }
		default:
			return ErrSyntax
		}
	default:
		return ErrSyntax
	}
	var names []string
	for _, cmd := range c.Node.Table.All() {
		if (len(c.Args) == 5 || cmd.parent == nil) && wanted(cmd) {
			names = append(names, cmd.Name)
		}
	}
	c.Out.Array(len(names))
	for _, name := range names {
		c.Out.BulkString(name)
	}
	return nil
}

// keysOf finds the keys of the command line that follows COMMAND GETKEYS.
func (c *Call) keysOf() (cmd *Command, line [][]byte, err error) {
	line = c.Args[2:]
	cmd, err = c.Node.Table.Resolve(line)
	switch {
	case cmd == nil:
		return nil, nil, ReplyError("ERR Invalid command specified")
	case !cmd.HasKeys():
		return nil, nil, ReplyError("ERR The command has no key arguments")
	case err != nil:
		return nil, nil, ReplyError("ERR Invalid number of arguments specified for command")
	}
	if cmd.Has(MovableKeys) && !cmd.Has(NoMandatoryKeys) && len(cmd.keysIn(line)) == 0 {
		return nil, nil, ReplyError("ERR Invalid arguments specified for command")
	}
	return cmd, line, nil
}

func cmdCommandGetKeys(c *Call) error {
	cmd, line, err := c.keysOf()
	if err != nil {
		return err
	}
	keys := cmd.keysIn(line)
	c.Out.Array(len(keys))
	for _, key := range keys {
		c.Out.Bulk(key)
	}
	return nil
}

func cmdCommandGetKeysAndFlags(c *Call) error {
	cmd, line, err := c.keysOf()
	if err != nil {
		return err
	}
	c.Out.Array(len(cmd.keysIn(line)))
	for _, use := range cmd.usesIn(line) {
		flags := strings.Fields(use.flags)
		for _, key := range use.of(line) {
			c.Out.Array(2)
			c.Out.Bulk(key)
			c.Out.Set(len(flags))
			for _, f := range flags {
				c.Out.Simple(f)
			}
		}
	}
	return nil
}
