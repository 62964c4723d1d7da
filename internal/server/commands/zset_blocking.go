package commands

import "github.com/slotmesh/slotmesh/keyspace"

// ZSetBlockingGroup is the commands that wait for a member of a sorted set.
var ZSetBlockingGroup = []Command{
	{Name: "bzpopmin", Arity: -3, Flags: flagsBlocking | Fast, Keys: KeySpec{1, -2, 1}, Group: "sorted-set",
		Since: "5.0.0", KeyFlags: "RW access delete",
		Summary: "Removes and returns the member with the lowest score, and waits for one.", Tx: cmdBZPopMin},
	{Name: "bzpopmax", Arity: -3, Flags: flagsBlocking | Fast, Keys: KeySpec{1, -2, 1}, Group: "sorted-set",
		Since: "5.0.0", KeyFlags: "RW access delete",
		Summary: "Removes and returns the member with the highest score, and waits for one.", Tx: cmdBZPopMax},
	{Name: "bzmpop", Arity: -5, Flags: Write | Blocking | MovableKeys, Counted: 2, Group: "sorted-set", Since: "7.0.0",
		KeyFlags: "RW access delete",
		Summary:  "Removes and returns members of the first set that has any, and waits for one.", Tx: cmdBZMPop},
}

func cmdBZPopMin(c *Call, tx *keyspace.Tx) error { return c.bzpop(tx, false) }
func cmdBZPopMax(c *Call, tx *keyspace.Tx) error { return c.bzpop(tx, true) }

func (c *Call) bzpop(tx *keyspace.Tx, highest bool) error {
	last := len(c.Args) - 1
	timeout, err := c.Timeout(last)
	if err != nil {
		return err
	}
	for _, key := range c.ReadyKeys(c.Args[1:last]) {
		z, err := tx.ZSet(key)
		if err != nil {
			return err
		}
		if z.Len() > 0 {
			c.Out.Array(3)
			c.Out.Bulk(key)
			c.popScored(z, highest)
			notifyPopped(tx, key, z, highest)
			return nil
		}
	}
	return c.Wait(tx, Wait{Type: keyspace.ZSet, Keys: c.Args[1:last], Timeout: timeout}, c.Out.NullArray)
}

func cmdBZMPop(c *Call, tx *keyspace.Tx) error {
	timeout, err := c.Timeout(1)
	if err != nil {
		return err
	}
	q, err := c.zmpop(2)
	if err != nil {
		return err
	}
	for _, key := range c.ReadyKeys(q.keys) {
		z, err := tx.ZSet(key)
		if err != nil {
			return err
		}
		if z.Len() > 0 {
			c.zmpopReply(tx, z, key, &q)
			return nil
		}
	}
	return c.Wait(tx, Wait{Type: keyspace.ZSet, Keys: q.keys, Timeout: timeout}, c.Out.NullArray)
}
