package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// FieldExpiryGroup is the commands on when fields of hashes expire, of Redis 7.4 and 8.0 and
// Valkey 9.
var FieldExpiryGroup = []Command{
	{Name: "hexpire", Arity: -6, Flags: Write | DenyOOM | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RW update", Summary: "Sets the expiry of fields in seconds from now.", Tx: cmdHExpire},
	{Name: "hpexpire", Arity: -6, Flags: Write | DenyOOM | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RW update", Summary: "Sets the expiry of fields in milliseconds from now.", Tx: cmdHPExpire},
	{Name: "hexpireat", Arity: -6, Flags: Write | DenyOOM | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RW update", Summary: "Sets the expiry of fields as a Unix time in seconds.", Tx: cmdHExpireAt},
	{Name: "hpexpireat", Arity: -6, Flags: Write | DenyOOM | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RW update", Summary: "Sets the expiry of fields as a Unix time in milliseconds.",
		Tx: cmdHPExpireAt},
	{Name: "hpersist", Arity: -5, Flags: Write | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RW update", Summary: "Removes the expiry of fields.", Tx: cmdHPersist},
	{Name: "httl", Arity: -5, Flags: ReadOnly | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Returns the seconds until fields expire.", Tx: cmdHTTL},
	{Name: "hpttl", Arity: -5, Flags: ReadOnly | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Returns the milliseconds until fields expire.", Tx: cmdHPTTL},
	{Name: "hexpiretime", Arity: -5, Flags: ReadOnly | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RO access", Summary: "Returns when fields expire as a Unix time in seconds.",
		Tx: cmdHExpireTime},
	{Name: "hpexpiretime", Arity: -5, Flags: ReadOnly | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "7.4.0",
		KeyFlags: "RO access", Summary: "Returns when fields expire as a Unix time in milliseconds.",
		Tx: cmdHPExpireTime},
	{Name: "hgetdel", Arity: -5, Flags: Write | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "8.0.0",
		KeyFlags: "RW access delete", Summary: "Deletes fields of a hash and returns their values.",
		Tx: cmdHGetDel},
	{Name: "hgetex", Arity: -5, Flags: Write | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "8.0.0",
		KeyFlags: "RW access update", Summary: "Returns the values of fields and changes their expiry.",
		Tx: cmdHGetEX},
	{Name: "hsetex", Arity: -6, Flags: Write | DenyOOM | Fast | Hidden, Keys: OneKey, Group: "hash", Since: "8.0.0",
		KeyFlags: "RW update", Summary: "Sets fields of a hash, with options for expiry and conditions.",
		Tx: cmdHSetEX},
}

// What commands say of one field.
const (
	fieldMissing   = -2
	fieldNoExpiry  = -1
	fieldUnchanged = 0 // a condition does not hold
	fieldChanged   = 1
	fieldDeleted   = 2 // its new expiry is not in the future
)

// maxFieldExpiry is the latest expiry that Redis allows for a field, in Unix milliseconds.
const maxFieldExpiry = 1<<46 - 1

const (
	errNoFields     = ReplyError("ERR Mandatory argument FIELDS is missing or not at the right position")
	errFieldsCount  = ReplyError("ERR The `numfields` parameter must match the number of arguments")
	errFieldsNumber = ReplyError("ERR Number of fields must be a positive integer")
)

// fields reads FIELDS numfields field [field ...], to the end of the line.
func (c *Call) fields(i int, badNumber error) ([][]byte, error) {
	if i+1 >= len(c.Args) || !c.Word(i, "FIELDS") {
		return nil, errNoFields
	}
	n, err := c.NumberIn(i+1, 1, math.MaxInt64, badNumber)
	if err != nil {
		return nil, err
	}
	fields := c.Args[i+2:]
	if n != int64(len(fields)) {
		return nil, errFieldsCount
	}
	return fields, nil
}

// fieldDeadline reads when fields are to expire, and returns it in Unix milliseconds.
func (c *Call) fieldDeadline(arg []byte, seconds, absolute bool, now int64) (int64, error) {
	at, ok := resp.ParseInt(arg)
	if absolute {
		now = 0
	}
	limit := maxFieldExpiry - now
	switch {
	case !ok:
		return 0, ErrNotInt
	case at < 0:
		return 0, ReplyError("ERR invalid expire time, must be >= 0")
	case seconds && at > limit/1000, at > limit:
		return 0, errExpireTime(c.Cmd.Name)
	case seconds:
		at *= 1000
	}
	return now + at, nil
}

func cmdHExpire(c *Call, tx *keyspace.Tx) error    { return c.expireFields(tx, true, false) }
func cmdHPExpire(c *Call, tx *keyspace.Tx) error   { return c.expireFields(tx, false, false) }
func cmdHExpireAt(c *Call, tx *keyspace.Tx) error  { return c.expireFields(tx, true, true) }
func cmdHPExpireAt(c *Call, tx *keyspace.Tx) error { return c.expireFields(tx, false, true) }

func (c *Call) expireFields(tx *keyspace.Tx, seconds, absolute bool) error {
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	at, err := c.fieldDeadline(c.Args[2], seconds, absolute, tx.Now())
	if err != nil {
		return err
	}
	cond := expireCondition{nx: c.Word(3, "NX"), xx: c.Word(3, "XX"), gt: c.Word(3, "GT"), lt: c.Word(3, "LT")}
	first := 3
	if cond != (expireCondition{}) {
		first++
	}
	fields, err := c.fields(first, ReplyError("ERR Parameter `numFields` should be greater than 0"))
	if err != nil {
		return err
	}
	c.Out.Array(len(fields))
	var changed, expired bool
	for _, field := range fields {
		result := int64(fieldChanged)
		switch before, ok := h.ExpireAt(field); {
		case !ok:
			result = fieldMissing
		case !cond.holds(before, at):
			result = fieldUnchanged
		case at <= tx.Now():
			h.Delete(field)
			result, expired = fieldDeleted, true
		default:
			if _, err := h.Expire(field, at); err != nil {
				return err
			}
			changed = true
		}
		c.Out.Int(result)
	}
	notifyExpiry(tx, c.Args[1], h, changed, "hexpire", expired)
	return nil
}

// notifyExpiry tells by an event that fields of a hash have changed, and that others are
// gone because they were to expire in the past. The events are those of Valkey 9.
func notifyExpiry(tx *keyspace.Tx, key []byte, h keyspace.HashRef, changed bool, event string, expired bool) {
	if changed {
		tx.Notify(keyspace.HashEvents, event, key)
	}
	if expired {
		notifyTaken(tx, keyspace.HashEvents, "hexpired", key, h)
	}
}

func cmdHPersist(c *Call, tx *keyspace.Tx) error {
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	fields, err := c.fields(2, errFieldsNumber)
	if err != nil {
		return err
	}
	c.Out.Array(len(fields))
	changed := false
	for _, field := range fields {
		result := int64(fieldChanged)
		switch at, ok := h.ExpireAt(field); {
		case !ok:
			result = fieldMissing
		case at == 0:
			result = fieldNoExpiry
		default:
			if _, err := h.Expire(field, 0); err != nil {
				return err
			}
			changed = true
		}
		c.Out.Int(result)
	}
	notifyExpiry(tx, c.Args[1], h, changed, "hpersist", false)
	return nil
}

func cmdHTTL(c *Call, tx *keyspace.Tx) error         { return c.fieldTTLs(tx, true, false) }
func cmdHPTTL(c *Call, tx *keyspace.Tx) error        { return c.fieldTTLs(tx, false, false) }
func cmdHExpireTime(c *Call, tx *keyspace.Tx) error  { return c.fieldTTLs(tx, true, true) }
func cmdHPExpireTime(c *Call, tx *keyspace.Tx) error { return c.fieldTTLs(tx, false, true) }

func (c *Call) fieldTTLs(tx *keyspace.Tx, seconds, absolute bool) error {
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	fields, err := c.fields(2, errFieldsNumber)
	if err != nil {
		return err
	}
	c.Out.Array(len(fields))
	for _, field := range fields {
		t, ok := h.ExpireAt(field)
		switch {
		case !ok:
			t = fieldMissing
		case t == 0:
			t = fieldNoExpiry
		default:
			if !absolute {
				t -= tx.Now()
			}
			if seconds {
				t = (t + 999) / 1000
			}
		}
		c.Out.Int(t)
	}
	return nil
}
