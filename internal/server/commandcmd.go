package server

import (
	"strings"

	"github.com/slotmesh/slotmesh/internal/glob"
)

var commandCommand = command{name: "command", arity: -1, flags: flagLoading | flagStale, group: "server",
	since: "2.8.13",
	tips:  "nondeterministic_output_order", summary: "Describes all commands.", run: cmdCommand, list: rows(
		command{name: "count", arity: 2, flags: flagLoading | flagStale | flagPlain, since: "2.8.13",
			summary: "Returns the number of commands.", run: cmdCommandCount},
		command{name: "docs", arity: -2, flags: flagLoading | flagStale | flagPlain, since: "7.0.0",
			tips:    "nondeterministic_output_order",
			summary: "Documents commands.", run: cmdCommandDocs},
		command{name: "getkeys", arity: -4, flags: flagLoading | flagStale | flagPlain, since: "2.8.13",
			summary: "Returns the keys of a command.", run: cmdCommandGetKeys},
		command{name: "getkeysandflags", arity: -4, flags: flagLoading | flagStale | flagPlain, since: "7.0.0",
			summary: "Returns the keys of a command and what it does to them.", run: cmdCommandGetKeysAndFlags},
		command{name: "help", arity: 2, flags: flagLoading | flagStale | flagPlain, since: "5.0.0",
			summary: "Lists the subcommands.", run: cmdHelp},
		command{name: "info", arity: -2, flags: flagLoading | flagStale | flagPlain, since: "2.8.13",
			tips:    "nondeterministic_output_order",
			summary: "Describes some commands.", run: cmdCommandInfo},
		command{name: "list", arity: -2, flags: flagLoading | flagStale | flagPlain, since: "7.0.0",
			tips:    "nondeterministic_output_order",
			summary: "Returns the names of commands.", run: cmdCommandList},
	)}

func cmdCommand(s *session) error {
	list := s.srv.topLevel()
	s.out.Array(len(list))
	for _, c := range list {
		s.describeCommand(c)
	}
	return nil
}

func cmdCommandCount(s *session) error {
	s.out.Int(int64(len(s.srv.topLevel())))
	return nil
}

func cmdCommandInfo(s *session) error {
	if len(s.args) == 2 {
		return cmdCommand(s)
	}
	s.out.Array(len(s.args) - 2)
	for _, name := range s.args[2:] {
		if c := s.srv.findFull(name); c != nil {
			s.describeCommand(c)
		} else {
			s.out.Null()
		}
		if len(s.out.B) > s.maxOutput() {
			return errReplyTooBig
		}
	}
	return nil
}

// findFull finds "get" and "client|list".
func (s *Server) findFull(name []byte) *command {
	text := string(name)
	top, sub, isSub := strings.Cut(text, "|")
	c := s.find([]byte(top))
	if c == nil || !isSub {
		return c
	}
	return c.subs.find([]byte(sub))
}

// describeCommand appends a row of COMMAND in the form of Redis 7.
func (s *session) describeCommand(c *command) {
	w := &s.out
	w.Array(10)
	w.BulkString(c.name)
	w.Int(int64(c.arity))
	names := c.flagNames()
	w.Set(len(names))
	for _, name := range names {
		w.Simple(name)
	}
	k := c.keys
	last := k.last
	w.Int(int64(k.first))
	w.Int(int64(last))
	w.Int(int64(k.step))
	cats := c.categories()
	w.Set(len(cats))
	for _, cat := range cats {
		w.Simple(cat)
	}
	tips := strings.Fields(c.tips)
	w.Set(len(tips))
	for _, tip := range tips {
		w.BulkString(tip)
	}
	specs := c.keySpecs()
	w.Set(len(specs))
	for _, spec := range specs {
		s.describeKeys(spec)
	}
	if c.list == nil {
		w.Set(0)
		return
	}
	w.Array(len(c.list))
	for _, sub := range c.list {
		s.describeCommand(sub)
	}
}

func (c *command) flagNames() []string {
	var list []string
	for _, f := range flagNames {
		if c.has(f.flag) {
			list = append(list, f.name)
		}
	}
	return list
}

// categories are those of ACLs, which follow from the flags and the group.
func (c *command) categories() []string {
	var list []string
	add := func(name string, when bool) {
		if when {
			list = append(list, "@"+name)
		}
	}
	generic := c.group == "generic" && c.name != "wait" || c.name == "restore-asking" || c.name == "flushall" ||
		c.name == "flushdb" || c.name == "dbsize"
	add("keyspace", generic && c.list == nil)
	add("write", c.has(flagWrite))
	add("read", c.has(flagReadOnly))
	add("string", c.group == "string")
	add("admin", c.has(flagAdmin) || c.name == "role" || c.name == "lastsave")
	add("fast", c.has(flagFast))
	add("slow", !c.has(flagFast))
	add("dangerous", c.has(flagAdmin) || c.has(flagDangerous))
	connection := c.group == "connection" && c.list == nil || c.name == "readonly" || c.name == "readwrite" ||
		c.name == "asking" ||
		c.name == "wait" || strings.HasPrefix(c.name, "command")
	add("connection", connection)
	add("transaction", c.group == "transactions")
	return list
}

// keyUse is one group of keys of a command and what happens to them.
type keyUse struct {
	flags string
	keySpec
	keyword string // they follow this one instead
}

// keySpecs splits the keys by their use: RENAME deletes the first and writes the
// second.
func (c *command) keySpecs() []keyUse {
	if c.keys.first == 0 {
		return nil
	}
	uses := strings.Split(c.access, ",")
	switch {
	case len(uses) == 1:
		return []keyUse{{uses[0], c.keys, ""}}
	case c.keyRange != nil: // MIGRATE is the only one
		return []keyUse{{uses[0], c.keys, ""}, {uses[1], keySpec{0, -1, 1}, "KEYS"}}
	}
	list := make([]keyUse, len(uses))
	for i, use := range uses {
		at := c.keys.first + i
		list[i] = keyUse{use, keySpec{at, at, 1}, ""}
	}
	return list
}

// usesIn is keySpecs for a command line, whose arguments tell which ones are keys.
func (c *command) usesIn(line [][]byte) []keyUse {
	uses := c.keySpecs()
	if c.name == "set" {
		uses[0].flags = setAccess(line)
	}
	if c.keyRange == nil {
		return uses
	}
	first, n := c.keyRange(line)
	return []keyUse{{uses[0].flags, keySpec{first, first + n - 1, 1}, ""}}
}

func (s *session) describeKeys(k keyUse) {
	w := &s.out
	flags := strings.Fields(k.flags)
	w.Map(3)
	w.BulkString("flags")
	w.Set(len(flags))
	for _, f := range flags {
		w.Simple(f)
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
		w.Int(-2)
	} else {
		w.BulkString("index")
		w.BulkString("spec")
		w.Map(1)
		w.BulkString("index")
		w.Int(int64(k.first))
	}
	last := k.last
	if last > 0 {
		last -= k.first // relative to the first
	}
	w.BulkString("find_keys")
	w.Map(2)
	w.BulkString("type")
	w.BulkString("range")
	w.BulkString("spec")
	w.Map(3)
	w.BulkString("lastkey")
	w.Int(int64(last))
	w.BulkString("keystep")
	w.Int(int64(k.step))
	w.BulkString("limit")
	w.Int(0)
}

func cmdCommandDocs(s *session) error {
	list := s.srv.topLevel()
	if len(s.args) > 2 {
		list = nil
		for _, name := range s.args[2:] {
			if c := s.srv.findFull(name); c != nil {
				list = append(list, c)
			}
		}
	}
	return s.documentAll(list)
}

func (s *session) documentAll(list []*command) error {
	s.out.Map(len(list))
	for _, c := range list {
		if len(s.out.B) > s.maxOutput() {
			return errReplyTooBig
		}
		s.out.BulkString(c.name)
		fields := [][2]string{{"summary", c.summary}, {"since", c.since}, {"group", c.group}}
		s.out.Map(len(fields) + btoi(c.list != nil))
		for _, f := range fields {
			s.out.BulkString(f[0])
			s.out.BulkString(f[1])
		}
		if c.list != nil {
			s.out.BulkString("subcommands")
			if err := s.documentAll(c.list); err != nil {
				return err
			}
		}
	}
	return nil
}

func cmdCommandList(s *session) error {
	wanted := func(*command) bool { return true }
	switch {
	case len(s.args) == 2:
	case len(s.args) == 5 && s.word(2, "FILTERBY"):
		value := s.args[4]
		switch {
		case s.word(3, "MODULE"):
			wanted = func(*command) bool { return false }
		case s.word(3, "ACLCAT"):
			cat := "@" + strings.ToLower(string(value))
			wanted = func(c *command) bool {
				for _, have := range c.categories() {
					if have == cat {
						return true
					}
				}
				return false
			}
		case s.word(3, "PATTERN"):
			pattern := []byte(strings.ToLower(string(value)))
			wanted = func(c *command) bool { return glob.Match(pattern, []byte(c.name)) }
		default:
			return errSyntax
		}
	default:
		return errSyntax
	}
	var names []string
	for _, c := range s.srv.everything() {
		if (len(s.args) == 5 || c.parent == nil) && !s.srv.isGone(c) && wanted(c) {
			names = append(names, c.name)
		}
	}
	s.out.Array(len(names))
	for _, name := range names {
		s.out.BulkString(name)
	}
	return nil
}

// keysOf finds the keys of the command line that follows COMMAND GETKEYS.
func (s *session) keysOf() (c *command, line [][]byte, err error) {
	line = s.args[2:]
	c, err = s.srv.resolve(s.srv.commands, line)
	switch {
	case c == nil:
		return nil, nil, replyError("ERR Invalid command specified")
	case c.keys.first == 0:
		return nil, nil, replyError("ERR The command has no key arguments")
	case err != nil:
		return nil, nil, replyError("ERR Invalid number of arguments specified for command")
	}
	if c.keyRange != nil {
		if _, n := c.keyRange(line); n == 0 {
			return nil, nil, replyError("ERR Invalid arguments specified for command")
		}
	}
	return c, line, nil
}

func (k keySpec) of(line [][]byte) (keys [][]byte) {
	last := k.last
	if last < 0 {
		last += len(line)
	}
	for i := k.first; i <= last && i < len(line); i += k.step {
		keys = append(keys, line[i])
	}
	return keys
}

func (c *command) keysIn(line [][]byte) (keys [][]byte) {
	for _, use := range c.usesIn(line) {
		keys = append(keys, use.of(line)...)
	}
	return keys
}

func cmdCommandGetKeys(s *session) error {
	c, line, err := s.keysOf()
	if err != nil {
		return err
	}
	keys := c.keysIn(line)
	s.out.Array(len(keys))
	for _, key := range keys {
		s.out.Bulk(key)
	}
	return nil
}

func cmdCommandGetKeysAndFlags(s *session) error {
	c, line, err := s.keysOf()
	if err != nil {
		return err
	}
	s.out.Array(len(c.keysIn(line)))
	for _, use := range c.usesIn(line) {
		flags := strings.Fields(use.flags)
		for _, key := range use.of(line) {
			s.out.Array(2)
			s.out.Bulk(key)
			s.out.Set(len(flags))
			for _, f := range flags {
				s.out.Simple(f)
			}
		}
	}
	return nil
}
