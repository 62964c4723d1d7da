package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// ConsumerGroupGroup is the commands on groups of consumers of streams.
var ConsumerGroupGroup = []Command{
	{Name: "xgroup", Arity: -2, Group: "stream", Since: "5.0.0", Summary: "Works on groups of consumers of streams.",
		Subs: []Command{
			{Name: "create", Arity: -5, Args: "<key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <number>]",
				Flags: Write | DenyOOM, Keys: SubKey, Since: "5.0.0", KeyFlags: "RW insert",
				Summary: "Adds a group to a stream.", Tx: cmdXGroupCreate},
			{Name: "createconsumer", Arity: 5, Args: "<key> <group> <consumer>", Flags: Write | DenyOOM, Keys: SubKey,
				Since: "6.2.0", KeyFlags: "RW insert", Summary: "Adds a consumer to a group.", Tx: cmdXGroupCreateConsumer},
			{Name: "delconsumer", Arity: 5, Args: "<key> <group> <consumer>", Flags: Write, Keys: SubKey,
				Since: "5.0.0", KeyFlags: "RW delete", Summary: "Deletes a consumer, with what is pending to it.",
				Tx: cmdXGroupDelConsumer},
			{Name: "destroy", Arity: 4, Args: "<key> <group>", Flags: Write, Keys: SubKey, Since: "5.0.0",
				KeyFlags: "RW delete", Summary: "Deletes a group.", Tx: cmdXGroupDestroy},
			{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "5.0.0", Summary: "Lists the subcommands.",
				Run: Help},
			{Name: "setid", Arity: -5, Args: "<key> <group> <id|$> [ENTRIESREAD <number>]", Flags: Write, Keys: SubKey,
				Since: "5.0.0", KeyFlags: "RW update", Summary: "Sets up to where a group has read.", Tx: cmdXGroupSetID},
		}},
}

const (
	errBusyGroup   = ReplyError("BUSYGROUP Consumer Group name already exists")
	errEntriesRead = ReplyError("ERR value for ENTRIESREAD must be positive or -1")
	errGroupNoKey  = ReplyError("ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want " +
		"to use the MKSTREAM option to create an empty stream automatically.")
)

// errNoGroup names the key and the group as C does, up to a zero byte.
func errNoGroup(before string, key []byte, between string, group []byte, after string) error {
	key, group = Clip(key, len(key)), Clip(group, len(group))
	return ReplyError("NOGROUP " + before + string(key) + between + string(group) + after)
}

// errNoKeyOrGroup is what commands on pending entries reply if the key or its group is not
// there.
func errNoKeyOrGroup(key, group []byte) error {
	return errNoGroup("No such key '", key, "' or consumer group '", group, "'")
}

// groupOptions are the options of XGROUP CREATE and SETID.
type groupOptions struct {
	create bool // the stream if it is not there
	read   int64
}

func (c *Call) groupOptions(ofCreate bool) (o groupOptions, err error) {
	o.read = stream.Unknown
	for i := 5; i < len(c.Args); i++ {
		switch {
		case ofCreate && c.Word(i, "MKSTREAM"):
			o.create = true
		case c.Word(i, "ENTRIESREAD") && i+1 < len(c.Args):
			i++
			if o.read, err = c.Number(i); err != nil {
				return o, err
			}
			if o.read < 0 && o.read != stream.Unknown {
				return o, errEntriesRead
			}
		default:
			return o, ErrSubArity(c.Args)
		}
	}
	return o, nil
}

// isLastID reports whether an argument is the ID that stands for a stream's last one.
func (c *Call) isLastID(i int) bool {
	text, _ := idText(c.Args[i])
	return string(text) == "$"
}

// groupsStream returns the stream of XGROUP, which must be there.
func (c *Call) groupsStream(tx *keyspace.Tx) (keyspace.StreamRef, error) {
	s, err := tx.Stream(c.Args[2])
	if err == nil && !s.Exists() {
		err = errGroupNoKey
	}
	return s, err
}

// group returns the stream and the group of XGROUP, which must be there.
func (c *Call) group(tx *keyspace.Tx) (keyspace.StreamRef, *stream.Group, error) {
	s, err := c.groupsStream(tx)
	if err != nil {
		return s, nil, err
	}
	g := s.Group(c.Args[3])
	if g == nil {
		err = errNoGroup("No such consumer group '", c.Args[3], "' for key name '", c.Args[2], "'")
	}
	return s, g, err
}

func cmdXGroupCreate(c *Call, tx *keyspace.Tx) error {
	o, err := c.groupOptions(true)
	if err != nil {
		return err
	}
	s, err := c.groupsStream(tx)
	if err != nil && (err != errGroupNoKey || !o.create) {
		return err
	}
	if len(c.Args) > 8 {
		return ErrSubArity(c.Args)
	}
	at := stream.GroupState{Last: s.State().Last, Read: o.read}
	if !c.isLastID(4) {
		if at.Last, err = c.streamID(4, 0); err != nil {
			return err
		}
	}
	if s.Group(c.Args[3]) != nil {
		return errBusyGroup
	}
	if !s.Exists() {
		if err := s.SetState(stream.State{}); err != nil {
			return err
		}
	}
	if err := s.SetGroup(c.Args[3], at); err != nil {
		return err
	}
	tx.Notify(keyspace.StreamEvents, "xgroup-create", c.Args[2])
	c.Out.OK()
	return nil
}

func cmdXGroupSetID(c *Call, tx *keyspace.Tx) error {
	o, err := c.groupOptions(false)
	if err != nil {
		return err
	}
	s, _, err := c.group(tx)
	if err != nil {
		return err
	}
	if len(c.Args) > 7 {
		return ErrSubArity(c.Args)
	}
	at := stream.GroupState{Last: s.State().Last, Read: o.read}
	if !c.isLastID(4) {
		if at.Last, err = c.streamIDOrEdge(4, 0); err != nil {
			return err
		}
	}
	if err := s.SetGroup(c.Args[3], at); err != nil {
		return err
	}
	tx.Notify(keyspace.StreamEvents, "xgroup-setid", c.Args[2])
	c.Out.OK()
	return nil
}

func cmdXGroupDestroy(c *Call, tx *keyspace.Tx) error {
	s, err := c.groupsStream(tx)
	if err != nil {
		return err
	}
	destroyed := s.DeleteGroup(c.Args[3])
	if destroyed {
		tx.Notify(keyspace.StreamEvents, "xgroup-destroy", c.Args[2])
	}
	c.Out.Int(int64(btoi(destroyed)))
	return nil
}

func cmdXGroupCreateConsumer(c *Call, tx *keyspace.Tx) error {
	s, g, err := c.group(tx)
	if err != nil {
		return err
	}
	_, there := g.Consumer(c.Args[4])
	if !there {
		if err := seeConsumer(tx, s, c.Args[2], c.Args[3], c.Args[4]); err != nil {
			return err
		}
	}
	c.Out.Int(int64(btoi(!there)))
	return nil
}

// seeConsumer makes now the time at which a consumer was seen, and creates it.
func seeConsumer(tx *keyspace.Tx, s keyspace.StreamRef, key, group, name []byte) error {
	old, there := s.Group(group).Consumer(name)
	if there && old.Seen == tx.Now() {
		return nil
	}
	if err := s.SetConsumer(group, name, tx.Now()); err != nil {
		return err
	}
	if !there {
		tx.Notify(keyspace.StreamEvents, "xgroup-createconsumer", key)
	}
	return nil
}

func cmdXGroupDelConsumer(c *Call, tx *keyspace.Tx) error {
	s, _, err := c.group(tx)
	if err != nil {
		return err
	}
	pending, there := s.DeleteConsumer(c.Args[3], c.Args[4])
	if there {
		tx.Notify(keyspace.StreamEvents, "xgroup-delconsumer", c.Args[2])
	}
	c.Out.Int(int64(pending))
	return nil
}
