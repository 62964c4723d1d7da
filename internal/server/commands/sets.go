package commands

import (
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/keyspace"
)

// SetGroup is the commands on sets.
var SetGroup = []Command{
	{Name: "sadd", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "set", Since: "1.0.0",
		KeyFlags: "RW insert", Summary: "Adds members to a set.", Tx: cmdSAdd},
	{Name: "srem", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "set", Since: "1.0.0",
		KeyFlags: "RW delete", Summary: "Removes members from a set.", Tx: cmdSRem},
	{Name: "scard", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "set", Since: "1.0.0",
		KeyFlags: "RO", Summary: "Returns the number of members of a set.", Tx: cmdSCard},
	{Name: "sismember", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "set", Since: "1.0.0",
		KeyFlags: "RO", Summary: "Tells whether something is a member of a set.", Tx: cmdSIsMember},
	{Name: "smismember", Arity: -3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "set", Since: "6.2.0",
		KeyFlags: "RO access", Summary: "Tells of several things whether they are members of a set.",
		Tx: cmdSMIsMember},
	{Name: "smembers", Arity: 2, Flags: ReadOnly, Keys: OneKey, Group: "set", Since: "1.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output_order",
		Summary: "Returns all members of a set.", Tx: cmdSMembers},
	{Name: "spop", Arity: -2, Flags: Write | Fast, Keys: OneKey, Group: "set", Since: "1.0.0",
		KeyFlags: "RW access delete", Tips: "nondeterministic_output",
		Summary: "Removes random members from a set and returns them.", Tx: cmdSPop},
	{Name: "srandmember", Arity: -2, Flags: ReadOnly, Keys: OneKey, Group: "set", Since: "1.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output", Summary: "Returns random members of a set.",
		Tx: cmdSRandMember},
	{Name: "smove", Arity: 4, Flags: Write | Fast, Keys: TwoKeys, Group: "set", Since: "1.0.0",
		KeyFlags: "RW access delete,RW insert", Summary: "Moves a member from one set to another.",
		Tx: cmdSMove},
	{Name: "sscan", Arity: -3, Flags: ReadOnly, Keys: OneKey, Group: "set", Since: "2.8.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Walks through the members of a set, some at a time.", Tx: cmdSScan},
}

func cmdSAdd(c *Call, tx *keyspace.Tx) error {
	s, err := tx.Set(c.Args[1])
	if err != nil {
		return err
	}
	n := int64(0)
	for _, member := range c.Args[2:] {
		added, err := s.Add(member)
		if err != nil {
			return err
		}
		n += int64(btoi(added))
	}
	if n > 0 {
		tx.Notify(keyspace.SetEvents, "sadd", c.Args[1])
	}
	c.Out.Int(n)
	return nil
}

func cmdSRem(c *Call, tx *keyspace.Tx) error {
	s, err := tx.Set(c.Args[1])
	if err != nil {
		return err
	}
	n := int64(0)
	for _, member := range c.Args[2:] {
		n += int64(btoi(s.Remove(member)))
	}
	if n > 0 {
		notifyTaken(tx, keyspace.SetEvents, "srem", c.Args[1], s)
	}
	c.Out.Int(n)
	return nil
}

func cmdSCard(c *Call, tx *keyspace.Tx) error {
	s, err := readSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(s.Len()))
	return nil
}

func cmdSIsMember(c *Call, tx *keyspace.Tx) error {
	s, err := readSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(btoi(s.Has(c.Args[2]))))
	return nil
}

func cmdSMIsMember(c *Call, tx *keyspace.Tx) error {
	s, err := readSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	members := c.Args[2:]
	c.Out.Array(len(members))
	for _, member := range members {
		c.Out.Int(int64(btoi(s.Has(member))))
	}
	return nil
}

func cmdSMembers(c *Call, tx *keyspace.Tx) error {
	s, err := readSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	return replyFrom(c, s, s.Len(), (*Call).members)
}

// members replies with all members of a set.
func (c *Call) members(s keyspace.SetRef) error {
	c.Out.Set(s.Len())
	for member := range s.All() {
		if c.Out.Bulk(member); !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}

func cmdSPop(c *Call, tx *keyspace.Tx) error {
	if len(c.Args) > 3 {
		return ErrSyntax
	}
	count := int64(1)
	if len(c.Args) == 3 {
		var err error
		if count, err = c.positive(2); err != nil {
			return err
		}
	}
	s, err := tx.Set(c.Args[1])
	if err != nil {
		return err
	}
	switch {
	case len(c.Args) == 2:
		member, ok := s.Random(rand.Uint64)
		c.bulkIf(member, ok)
		if ok {
			s.Remove(member)
			notifyTaken(tx, keyspace.SetEvents, "spop", c.Args[1], s)
		}
		return nil
	case count >= int64(s.Len()):
		if err := c.members(s); err != nil {
			return err
		}
		if tx.Delete(c.Args[1]) {
			notifyLeft(tx, keyspace.SetEvents, "spop", c.Args[1], 0)
		}
		return nil
	}
	c.Out.Set(int(count))
	for range count {
		member, _ := s.Random(rand.Uint64)
		if c.Out.Bulk(member); len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
		s.Remove(member)
	}
	if count > 0 {
		tx.Notify(keyspace.SetEvents, "spop", c.Args[1])
	}
	return nil
}

func cmdSRandMember(c *Call, tx *keyspace.Tx) error {
	if len(c.Args) > 3 {
		return ErrSyntax
	}
	if len(c.Args) == 2 {
		s, err := readSet(tx, c.Args[1])
		if err != nil {
			return err
		}
		c.bulkIf(s.Random(rand.Uint64))
		return nil
	}
	count, err := c.randomCount(2)
	if err != nil {
		return err
	}
	s, err := readSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	return c.deferred(c.Out.Array, func() int {
		return c.sample(sampledSet{s}, count, func(member, _ []byte) { c.Out.Bulk(member) })
	})
}

func cmdSMove(c *Call, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(c.Args[1]); !ok { // then nothing is said about the other one's type
		c.Out.Int(0)
		return nil
	}
	from, err := tx.Set(c.Args[1])
	if err != nil {
		return err
	}
	to, err := tx.Set(c.Args[2])
	if err != nil {
		return err
	}
	member := c.Args[3]
	if !from.Has(member) {
		c.Out.Int(0)
		return nil
	}
	c.Out.Int(1)
	if string(c.Args[1]) == string(c.Args[2]) {
		return nil
	}
	from.Remove(member)
	notifyTaken(tx, keyspace.SetEvents, "srem", c.Args[1], from)
	added, err := to.Add(member)
	if added {
		tx.Notify(keyspace.SetEvents, "sadd", c.Args[2])
	}
	return err
}

func cmdSScan(c *Call, tx *keyspace.Tx) error {
	cursor, err := c.cursor()
	if err != nil {
		return err
	}
	s, err := readSet(tx, c.Args[1])
	if err != nil {
		return err
	}
	return c.scanReply(s.Len() == 0, func(o *scanOptions) (next uint64, n int) {
		next = s.Scan(cursor, o.count, func(member []byte) {
			if o.matches(member) {
				c.Out.Bulk(member)
				n++
			}
		})
		return next, n
	})
}
