package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
)

// HashGroup is the commands on hashes.
var HashGroup = []Command{
	{Name: "hset", Arity: -4, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RW update", Summary: "Sets fields of a hash.", Tx: cmdHSet},
	{Name: "hmset", Arity: -4, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RW update", Summary: "Old name of HSET, with OK as the reply.", Tx: cmdHMSet},
	{Name: "hsetnx", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RW insert", Summary: "Sets a field of a hash that is not there.", Tx: cmdHSetNX},
	{Name: "hget", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RO access", Summary: "Returns the value of a field of a hash.", Tx: cmdHGet},
	{Name: "hmget", Arity: -3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RO access", Summary: "Returns the values of several fields of a hash.", Tx: cmdHMGet},
	{Name: "hgetall", Arity: 2, Flags: ReadOnly, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output_order",
		Summary: "Returns all fields and values of a hash.", Tx: cmdHGetAll},
	{Name: "hkeys", Arity: 2, Flags: ReadOnly, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output_order",
		Summary: "Returns all fields of a hash.", Tx: cmdHKeys},
	{Name: "hvals", Arity: 2, Flags: ReadOnly, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output_order",
		Summary: "Returns all values of a hash.", Tx: cmdHVals},
	{Name: "hlen", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RO", Summary: "Returns the number of fields of a hash.", Tx: cmdHLen},
	{Name: "hdel", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RW delete", Summary: "Deletes fields of a hash.", Tx: cmdHDel},
	{Name: "hexists", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RO", Summary: "Tells whether a field of a hash is there.", Tx: cmdHExists},
	{Name: "hstrlen", Arity: 3, Flags: ReadOnly | Fast, Keys: OneKey, Group: "hash", Since: "3.2.0",
		KeyFlags: "RO", Summary: "Returns the length of a field's value in bytes.", Tx: cmdHStrlen},
	{Name: "hincrby", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "hash", Since: "2.0.0",
		KeyFlags: "RW access update", Summary: "Adds to the number that a field holds.", Tx: cmdHIncrBy},
	{Name: "hincrbyfloat", Arity: 4, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "hash", Since: "2.6.0",
		KeyFlags: "RW access update", Summary: "Adds a floating point number to the one that a field holds.",
		Tx: cmdHIncrByFloat},
	{Name: "hrandfield", Arity: -2, Flags: ReadOnly, Keys: OneKey, Group: "hash", Since: "6.2.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output", Summary: "Returns random fields of a hash.",
		Tx: cmdHRandField},
	{Name: "hscan", Arity: -3, Flags: ReadOnly, Keys: OneKey, Group: "hash", Since: "2.8.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Walks through the fields of a hash, some at a time.", Tx: cmdHScan},
}

func cmdHSet(c *Call, tx *keyspace.Tx) error {
	added, err := c.setFields(tx)
	if err != nil {
		return err
	}
	c.Out.Int(added)
	return nil
}

func cmdHMSet(c *Call, tx *keyspace.Tx) error {
	if _, err := c.setFields(tx); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}

// setFields sets the fields of HSET key field value [field value ...].
func (c *Call) setFields(tx *keyspace.Tx) (added int64, err error) {
	if len(c.Args)%2 != 0 {
		return 0, ErrArity(c.Cmd)
	}
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return 0, err
	}
	for i := 2; i < len(c.Args); i += 2 {
		isNew, err := h.Set(c.Args[i], c.Args[i+1])
		if err != nil {
			return 0, err
		}
		added += int64(btoi(isNew))
	}
	tx.Notify(keyspace.HashEvents, "hset", c.Args[1])
	return added, nil
}

func cmdHSetNX(c *Call, tx *keyspace.Tx) error {
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	if _, ok := h.Get(c.Args[2]); ok {
		c.Out.Int(0)
		return nil
	}
	c.Out.Int(1)
	if _, err = h.Set(c.Args[2], c.Args[3]); err == nil {
		tx.Notify(keyspace.HashEvents, "hset", c.Args[1])
	}
	return err
}

func cmdHGet(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.bulkIf(h.Get(c.Args[2]))
	return nil
}

// bulkIf replies with a string, or with null if there is none.
func (c *Call) bulkIf(value []byte, ok bool) {
	if ok {
		c.Out.Bulk(value)
	} else {
		c.Out.Null()
	}
}

func cmdHMGet(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	fields := c.Args[2:]
	c.Out.Array(len(fields))
	for _, field := range fields {
		c.bulkIf(h.Get(field))
		if len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
	}
	return nil
}

func cmdHGetAll(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	return replyFrom(c, h, h.Len(), (*Call).allFields)
}

func (c *Call) allFields(h keyspace.HashRef) error {
	c.Out.Map(h.Live())
	for field, value := range h.All() {
		c.Out.Bulk(field)
		if c.Out.Bulk(value); !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}

func cmdHKeys(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	return replyFrom(c, h, h.Len(), (*Call).allFieldNames)
}

func (c *Call) allFieldNames(h keyspace.HashRef) error {
	c.Out.Array(h.Live())
	for field := range h.All() {
		if c.Out.Bulk(field); !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}

func cmdHVals(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	return replyFrom(c, h, h.Len(), (*Call).allFieldValues)
}

func (c *Call) allFieldValues(h keyspace.HashRef) error {
	c.Out.Array(h.Live())
	for _, value := range h.All() {
		if c.Out.Bulk(value); !c.More() {
			return ErrReplyTooBig
		}
	}
	return nil
}

func cmdHLen(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(h.Len()))
	return nil
}

func cmdHDel(c *Call, tx *keyspace.Tx) error {
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	n := int64(0)
	for _, field := range c.Args[2:] {
		n += int64(btoi(h.Delete(field)))
	}
	if n > 0 {
		notifyTaken(tx, keyspace.HashEvents, "hdel", c.Args[1], h)
	}
	c.Out.Int(n)
	return nil
}

func cmdHExists(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	_, ok := h.Get(c.Args[2])
	c.Out.Int(int64(btoi(ok)))
	return nil
}

func cmdHStrlen(c *Call, tx *keyspace.Tx) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	value, _ := h.Get(c.Args[2])
	c.Out.Int(int64(len(value)))
	return nil
}
