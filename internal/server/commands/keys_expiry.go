package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
)

// ExpiryGroup is the commands on when keys expire.
var ExpiryGroup = []Command{
	{Name: "expire", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "generic", Since: "1.0.0",
		KeyFlags: "RW update", Summary: "Sets a key's expiry in seconds from now.", Tx: cmdExpire},
	{Name: "pexpire", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "generic", Since: "2.6.0",
		KeyFlags: "RW update", Summary: "Sets a key's expiry in milliseconds from now.", Tx: cmdPExpire},
	{Name: "expireat", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "generic", Since: "1.2.0",
		KeyFlags: "RW update", Summary: "Sets a key's expiry as a Unix time in seconds.", Tx: cmdExpireAt},
	{Name: "pexpireat", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "generic", Since: "2.6.0",
		KeyFlags: "RW update", Summary: "Sets a key's expiry as a Unix time in milliseconds.", Tx: cmdPExpireAt},
	{Name: "persist", Arity: 2, Flags: Write | Fast, Keys: OneKey, Group: "generic", Since: "2.2.0",
		KeyFlags: "RW update", Summary: "Removes a key's expiry.", Tx: cmdPersist},
	{Name: "ttl", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "generic", Since: "1.0.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Returns the seconds until a key expires.", Tx: cmdTTL},
	{Name: "pttl", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "generic", Since: "2.6.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Returns the milliseconds until a key expires.", Tx: cmdPTTL},
	{Name: "expiretime", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "generic", Since: "7.0.0",
		KeyFlags: "RO access", Summary: "Returns when a key expires as a Unix time in seconds.",
		Tx: cmdExpireTime},
	{Name: "pexpiretime", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "generic", Since: "7.0.0",
		KeyFlags: "RO access", Summary: "Returns when a key expires as a Unix time in milliseconds.",
		Tx: cmdPExpireTime},
}

func cmdExpire(c *Call, tx *keyspace.Tx) error    { return c.expire(tx, true, false) }
func cmdPExpire(c *Call, tx *keyspace.Tx) error   { return c.expire(tx, false, false) }
func cmdExpireAt(c *Call, tx *keyspace.Tx) error  { return c.expire(tx, true, true) }
func cmdPExpireAt(c *Call, tx *keyspace.Tx) error { return c.expire(tx, false, true) }

func (c *Call) expire(tx *keyspace.Tx, seconds, absolute bool) error {
	cond, err := c.expireCondition()
	if err != nil {
		return err
	}
	at, err := c.Number(2)
	if err != nil {
		return err
	}
	if seconds {
		if at > math.MaxInt64/1000 || at < math.MinInt64/1000 {
			return errExpireTime(c.Cmd.Name)
		}
		at *= 1000
	}
	if !absolute {
		if at > math.MaxInt64-tx.Now() {
			return errExpireTime(c.Cmd.Name)
		}
		at += tx.Now()
	}
	key := c.Args[1]
	e, ok := tx.Peek(key)
	if !ok || !cond.holds(e.ExpireAt, at) {
		c.Out.Int(0)
		return nil
	}
	if at <= tx.Now() {
		tx.Delete(key)
		notify(tx, "del", key)
	} else {
		tx.Expire(key, at)
		notify(tx, "expire", key)
	}
	c.Out.Int(1)
	return nil
}

// expireCondition is the NX, XX, GT and LT of the EXPIRE family.
type expireCondition struct{ nx, xx, gt, lt bool }

func (c *Call) expireCondition() (cond expireCondition, err error) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Word(i, "NX"):
			cond.nx = true
		case c.Word(i, "XX"):
			cond.xx = true
		case c.Word(i, "GT"):
			cond.gt = true
		case c.Word(i, "LT"):
			cond.lt = true
		default:
			return cond, ReplyError("ERR Unsupported option " + string(Clip(c.Args[i], len(c.Args[i]))))
		}
	}
	if cond.nx && (cond.xx || cond.gt || cond.lt) {
		return cond, ReplyError("ERR NX and XX, GT or LT options at the same time are not compatible")
	}
	if cond.gt && cond.lt {
		return cond, ReplyError("ERR GT and LT options at the same time are not compatible")
	}
	return cond, nil
}

// holds compares with the present expiry; none (0) is later than any.
func (c expireCondition) holds(old, at int64) bool {
	switch {
	case c.nx && old != 0, c.xx && old == 0:
		return false
	case c.gt && (old == 0 || at <= old):
		return false
	case c.lt && old != 0 && at >= old:
		return false
	}
	return true
}

func cmdPersist(c *Call, tx *keyspace.Tx) error {
	e, ok := tx.Peek(c.Args[1])
	if ok = ok && e.ExpireAt != 0; ok {
		tx.Expire(c.Args[1], 0)
		notify(tx, "persist", c.Args[1])
	}
	c.Out.Int(int64(btoi(ok)))
	return nil
}

func cmdTTL(c *Call, tx *keyspace.Tx) error         { return c.ttl(tx, true, false) }
func cmdPTTL(c *Call, tx *keyspace.Tx) error        { return c.ttl(tx, false, false) }
func cmdExpireTime(c *Call, tx *keyspace.Tx) error  { return c.ttl(tx, true, true) }
func cmdPExpireTime(c *Call, tx *keyspace.Tx) error { return c.ttl(tx, false, true) }

func (c *Call) ttl(tx *keyspace.Tx, seconds, absolute bool) error {
	e, ok := peek(tx, c.Args[1])
	t := e.ExpireAt
	switch {
	case !ok:
		t = -2
	case t == 0:
		t = -1
	default:
		if !absolute {
			t = max(0, t-tx.Now())
		}
		if seconds {
			t = t/1000 + (t%1000+500)/1000 // rounded
		}
	}
	c.Out.Int(t)
	return nil
}
