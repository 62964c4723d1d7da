package server

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
)

var expiryCommands = []command{
	{name: "expire", arity: -3, flags: flagWrite | flagFast, keys: oneKey, group: "generic", since: "1.0.0",
		access:  "RW update",
		summary: "Sets a key's expiry in seconds from now.", tx: cmdExpire},
	{name: "pexpire", arity: -3, flags: flagWrite | flagFast, keys: oneKey, group: "generic", since: "2.6.0",
		access:  "RW update",
		summary: "Sets a key's expiry in milliseconds from now.", tx: cmdPExpire},
	{name: "expireat", arity: -3, flags: flagWrite | flagFast, keys: oneKey, group: "generic", since: "1.2.0",
		access:  "RW update",
		summary: "Sets a key's expiry as a Unix time in seconds.", tx: cmdExpireAt},
	{name: "pexpireat", arity: -3, flags: flagWrite | flagFast, keys: oneKey, group: "generic", since: "2.6.0",
		access:  "RW update",
		summary: "Sets a key's expiry as a Unix time in milliseconds.", tx: cmdPExpireAt},
	{name: "persist", arity: 2, flags: flagWrite | flagFast, keys: oneKey, group: "generic", since: "2.2.0",
		access:  "RW update",
		summary: "Removes a key's expiry.", tx: cmdPersist},
	{name: "ttl", arity: 2, flags: flagReadOnly | flagFast, keys: oneKey, group: "generic", since: "1.0.0",
		access: "RO access",
		tips:   "nondeterministic_output", summary: "Returns the seconds until a key expires.", tx: cmdTTL},
	{name: "pttl", arity: 2, flags: flagReadOnly | flagFast, keys: oneKey, group: "generic", since: "2.6.0",
		access: "RO access",
		tips:   "nondeterministic_output", summary: "Returns the milliseconds until a key expires.", tx: cmdPTTL},
	{name: "expiretime", arity: 2, flags: flagReadOnly | flagFast, keys: oneKey, group: "generic", since: "7.0.0",
		access:  "RO access",
		summary: "Returns when a key expires as a Unix time in seconds.", tx: cmdExpireTime},
	{name: "pexpiretime", arity: 2, flags: flagReadOnly | flagFast, keys: oneKey, group: "generic", since: "7.0.0",
		access:  "RO access",
		summary: "Returns when a key expires as a Unix time in milliseconds.", tx: cmdPExpireTime},
}

func cmdExpire(s *session, tx *keyspace.Tx) error    { return s.expire(tx, true, false) }
func cmdPExpire(s *session, tx *keyspace.Tx) error   { return s.expire(tx, false, false) }
func cmdExpireAt(s *session, tx *keyspace.Tx) error  { return s.expire(tx, true, true) }
func cmdPExpireAt(s *session, tx *keyspace.Tx) error { return s.expire(tx, false, true) }

func (s *session) expire(tx *keyspace.Tx, seconds, absolute bool) error {
	cond, err := s.expireCondition()
	if err != nil {
		return err
	}
	at, err := s.number(2)
	if err != nil {
		return err
	}
	if seconds {
		if at > math.MaxInt64/1000 || at < math.MinInt64/1000 {
			return errExpireTime(s.cmd.name)
		}
		at *= 1000
	}
	if !absolute {
		if at > math.MaxInt64-tx.Now() {
			return errExpireTime(s.cmd.name)
		}
		at += tx.Now()
	}
	key := s.args[1]
	e, ok := tx.Peek(key)
	if !ok || !cond.holds(e.ExpireAt, at) {
		s.out.Int(0)
		return nil
	}
	if at <= tx.Now() {
		tx.Delete(key)
	} else {
		tx.Expire(key, at)
	}
	s.out.Int(1)
	return nil
}

// expireCondition is the NX, XX, GT and LT of the EXPIRE family.
type expireCondition struct{ nx, xx, gt, lt bool }

func (s *session) expireCondition() (c expireCondition, err error) {
	for i := 3; i < len(s.args); i++ {
		switch {
		case s.word(i, "NX"):
			c.nx = true
		case s.word(i, "XX"):
			c.xx = true
		case s.word(i, "GT"):
			c.gt = true
		case s.word(i, "LT"):
			c.lt = true
		default:
			return c, replyError("ERR Unsupported option " + string(clip(s.args[i], len(s.args[i]))))
		}
	}
	if c.nx && (c.xx || c.gt || c.lt) {
		return c, replyError("ERR NX and XX, GT or LT options at the same time are not compatible")
	}
	if c.gt && c.lt {
		return c, replyError("ERR GT and LT options at the same time are not compatible")
	}
	return c, nil
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

func cmdPersist(s *session, tx *keyspace.Tx) error {
	e, ok := tx.Peek(s.args[1])
	if ok = ok && e.ExpireAt != 0; ok {
		tx.Expire(s.args[1], 0)
	}
	s.out.Int(int64(btoi(ok)))
	return nil
}

func cmdTTL(s *session, tx *keyspace.Tx) error         { return s.ttl(tx, true, false) }
func cmdPTTL(s *session, tx *keyspace.Tx) error        { return s.ttl(tx, false, false) }
func cmdExpireTime(s *session, tx *keyspace.Tx) error  { return s.ttl(tx, true, true) }
func cmdPExpireTime(s *session, tx *keyspace.Tx) error { return s.ttl(tx, false, true) }

func (s *session) ttl(tx *keyspace.Tx, seconds, absolute bool) error {
	e, ok := tx.Peek(s.args[1])
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
	s.out.Int(t)
	return nil
}
