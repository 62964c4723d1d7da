package commands

import "github.com/slotmesh/slotmesh/keyspace"

// flagsBlocking are those of commands that wait for one of their keys.
const flagsBlocking = Write | NoScript | Blocking

// ListBlockingGroup is the commands that wait for an element of a list.
var ListBlockingGroup = []Command{
	{Name: "blpop", Arity: -3, Flags: flagsBlocking, Keys: KeySpec{1, -2, 1}, Group: "list", Since: "2.0.0",
		KeyFlags: "RW access delete", Summary: "Removes and returns a list's first element, and waits for one.",
		Tx: cmdBLPop},
	{Name: "brpop", Arity: -3, Flags: flagsBlocking, Keys: KeySpec{1, -2, 1}, Group: "list", Since: "2.0.0",
		KeyFlags: "RW access delete", Summary: "Removes and returns a list's last element, and waits for one.",
		Tx: cmdBRPop},
	{Name: "blmove", Arity: 6, Flags: flagsBlocking | DenyOOM, Keys: TwoKeys, Group: "list", Since: "6.2.0",
		KeyFlags: "RW access delete,RW insert", Summary: "Moves an element to another list, and waits for one.",
		Tx: cmdBLMove},
	{Name: "brpoplpush", Arity: 4, Flags: flagsBlocking | DenyOOM, Keys: TwoKeys, Group: "list", Since: "2.2.0",
		KeyFlags: "RW access delete,RW insert",
		Summary:  "Moves the last element of a list to the front of another, and waits for one.", Tx: cmdBRPopLPush},
	{Name: "blmpop", Arity: -5, Flags: Write | Blocking | MovableKeys, Counted: 2, Group: "list", Since: "7.0.0",
		KeyFlags: "RW access delete", Summary: "Removes elements of the first list that has some, and waits for one.",
		Tx: cmdBLMPop},
}

func cmdBLPop(c *Call, tx *keyspace.Tx) error { return c.blockingPop(tx, left) }
func cmdBRPop(c *Call, tx *keyspace.Tx) error { return c.blockingPop(tx, right) }

func (c *Call) blockingPop(tx *keyspace.Tx, end listEnd) error {
	last := len(c.Args) - 1
	timeout, err := c.Timeout(last)
	if err != nil {
		return err
	}
	for _, key := range c.ReadyKeys(c.Args[1:last]) {
		l, err := tx.List(key)
		if err != nil {
			return err
		}
		if v, ok := end.pop(l); ok {
			c.Out.Array(2)
			c.Out.Bulk(key)
			c.Out.Bulk(v)
			notifyTaken(tx, keyspace.ListEvents, end.popEvent(), key, l)
			return nil
		}
	}
	return c.Wait(tx, Wait{Type: keyspace.List, Keys: c.Args[1:last], Timeout: timeout}, c.Out.NullArray)
}

func cmdBLMove(c *Call, tx *keyspace.Tx) error {
	from, err := c.listEndIn(3)
	if err != nil {
		return err
	}
	to, err := c.listEndIn(4)
	if err != nil {
		return err
	}
	return c.blockingMove(tx, from, to, 5)
}

func cmdBRPopLPush(c *Call, tx *keyspace.Tx) error { return c.blockingMove(tx, right, left, 3) }

func (c *Call) blockingMove(tx *keyspace.Tx, from, to listEnd, timeoutAt int) error {
	timeout, err := c.Timeout(timeoutAt)
	if err != nil {
		return err
	}
	v, ok, err := moveElement(tx, c.Args[1], c.Args[2], from, to)
	if err != nil {
		return err
	}
	if ok {
		c.Out.Bulk(v)
		return nil
	}
	return c.Wait(tx, Wait{Type: keyspace.List, Keys: c.Args[1:2], Timeout: timeout}, c.Out.Null)
}

func cmdBLMPop(c *Call, tx *keyspace.Tx) error {
	timeout, err := c.Timeout(1)
	if err != nil {
		return err
	}
	m, err := c.multiPop(2)
	if err != nil {
		return err
	}
	if found, err := m.pop(c, tx, c.ReadyKeys(m.keys)); found || err != nil {
		return err
	}
	return c.Wait(tx, Wait{Type: keyspace.List, Keys: m.keys, Timeout: timeout}, c.Out.NullArray)
}
