package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// StreamInfoGroup is the command that tells of streams.
var StreamInfoGroup = []Command{
	{Name: "xinfo", Arity: -2, Group: "stream", Since: "5.0.0", Summary: "Describes streams.", Subs: []Command{
		{Name: "stream", Arity: -3, Args: "<key> [FULL [COUNT <count>]]", Flags: ReadOnly, Keys: SubKey,
			KeyFlags: "RO access", Since: "5.0.0", Summary: "Describes a stream.", Tx: cmdXInfoStream},
		{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "5.0.0",
			Summary: "Lists the subcommands.", Run: Help},
		{Name: "groups", Arity: 3, Args: "<key>", Flags: ReadOnly, Keys: SubKey, KeyFlags: "RO access",
			Since: "5.0.0", Summary: "Describes the groups of a stream.", Tx: cmdXInfoGroups},
		{Name: "consumers", Arity: 4, Args: "<key> <groupname>", Flags: ReadOnly, Keys: SubKey,
			KeyFlags: "RO access", Tips: "nondeterministic_output", Since: "5.0.0",
			Summary: "Describes the consumers of a group.", Tx: cmdXInfoConsumers},
	}},
}

// streamToDescribe returns the stream of XINFO.
func (c *Call) streamToDescribe(tx *keyspace.Tx) (keyspace.StreamRef, error) {
	s, err := readStream(tx, c.Args[2])
	if err == nil && !s.Exists() {
		err = errNoKey
	}
	return s, err
}

func cmdXInfoStream(c *Call, tx *keyspace.Tx) error {
	s, err := c.streamToDescribe(tx)
	if err != nil {
		return err
	}
	full := len(c.Args) > 3
	if full && (len(c.Args) == 5 || len(c.Args) > 6 || !c.Word(3, "FULL")) {
		return ErrSubArity(c.Args)
	}
	if !full {
		c.describeStream(s)
		return nil
	}
	count := int64(10)
	if len(c.Args) == 6 {
		if !c.Word(4, "COUNT") {
			return ErrSubArity(c.Args)
		}
		if count, err = c.Number(5); err != nil {
			return err
		}
		if count < 0 {
			count = 10
		}
	}
	f := fullInfo{count}
	return replyFrom(c, s, f.size(s), f.stream)
}

// streamNumbers replies with the first seven fields of a stream.
func (c *Call) streamNumbers(s keyspace.StreamRef) {
	state := s.State()
	first, _ := s.First()
	c.namedInt("length", s.Len())
	c.namedInt("radix-tree-keys", s.Nodes())
	c.namedInt("radix-tree-nodes", s.Nodes()+1) // there is no tree: the nodes, and what they hang on
	c.namedID("last-generated-id", state.Last)
	c.namedID("max-deleted-entry-id", state.MaxDeleted)
	c.namedInt("entries-added", int(state.Added))
	c.namedID("recorded-first-entry-id", first)
}

func (c *Call) namedInt(name string, n int) {
	c.Out.BulkString(name)
	c.Out.Int(int64(n))
}

func (c *Call) namedID(name string, id stream.ID) {
	c.Out.BulkString(name)
	c.entryID(id)
}

func (c *Call) describeStream(s keyspace.StreamRef) {
	c.Out.Map(10)
	c.streamNumbers(s)
	c.namedInt("groups", s.Groups())
	found := false
	visit := func(id stream.ID, fields stream.Fields) bool {
		c.entry(id, fields)
		found = true
		return false
	}
	c.Out.BulkString("first-entry")
	if s.Ascend(stream.ID{}, visit); !found {
		c.Out.Null()
	}
	c.Out.BulkString("last-entry")
	if s.Descend(stream.MaxID, visit); !found {
		c.Out.Null()
	}
}

func cmdXInfoGroups(c *Call, tx *keyspace.Tx) error {
	s, err := c.streamToDescribe(tx)
	if err != nil {
		return err
	}
	return replyFrom(c, s, s.Groups(), (*Call).describeGroups)
}

func (c *Call) describeGroups(s keyspace.StreamRef) error {
	c.Out.Array(s.Groups())
	for i := range s.Groups() {
		g := s.GroupAt(i)
		c.Out.Map(6)
		c.Out.BulkString("name")
		c.Out.Bulk(g.Name)
		c.namedInt("consumers", g.Consumers())
		c.namedInt("pending", g.PendingLen())
		c.groupProgress(s, g)
		if !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}

// groupProgress replies with three fields that tell how far a group has read.
func (c *Call) groupProgress(s keyspace.StreamRef, g *stream.Group) {
	c.namedID("last-delivered-id", g.Last)
	c.Out.BulkString("entries-read")
	c.intIf(g.Read, g.Read != stream.Unknown)
	c.Out.BulkString("lag")
	c.intIf(s.Lag(g.GroupState))
}

// intIf replies with a number, or with null if it is not known.
func (c *Call) intIf(n int64, ok bool) {
	if ok {
		c.Out.Int(n)
	} else {
		c.Out.Null()
	}
}

func cmdXInfoConsumers(c *Call, tx *keyspace.Tx) error {
	s, err := c.streamToDescribe(tx)
	if err != nil {
		return err
	}
	g := s.Group(c.Args[3])
	if g == nil {
		return ReplyError("NOGROUP No such consumer group '" + string(Clip(c.Args[3], len(c.Args[3]))) + "' for key name '" +
			string(Clip(c.Args[2], len(c.Args[2]))) + "'")
	}
	if g.Consumers() <= manyParts {
		return c.describeConsumers(g, tx.Now())
	}
	return c.describeConsumersLater(s.Snapshot(), tx.Now())
}

// describeConsumersLater is a function of its own because what a closure keeps is allocated.
func (c *Call) describeConsumersLater(s keyspace.StreamRef, now int64) error {
	g := s.Group(c.Args[3])
	c.Later = func() error { return c.describeConsumers(g, now) }
	return nil
}

func (c *Call) describeConsumers(g *stream.Group, now int64) error {
	c.Out.Array(g.Consumers())
	for i := range g.Consumers() {
		consumer := g.ConsumerAt(i)
		c.Out.Map(3)
		c.Out.BulkString("name")
		c.Out.Bulk(consumer.Name)
		c.namedInt("pending", consumer.Pending)
		c.namedInt("idle", int(max(0, now-consumer.Seen)))
		if !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}
