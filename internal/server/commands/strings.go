package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
)

// StringGroup is the commands on strings.
var StringGroup = []Command{
	{Name: "get", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "RO access", Summary: "Returns the value of a key.", Tx: cmdGet},
	{Name: "set", Arity: -3, Flags: Write | DenyOOM | Quick, Keys: OneKey, keyFlagsIn: setKeyFlags, Group: "string",
		Since: "1.0.0", KeyFlags: "RW access update variable_flags",
		Summary: "Sets a key's value, whatever it was before; with options for expiry and conditions.",
		Tx:      cmdSet},
	{Name: "setnx", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "OW insert", Summary: "Sets a key that is not there.", Tx: cmdSetNX},
	{Name: "setex", Arity: 4, Flags: Write | DenyOOM | Quick, Keys: OneKey, Group: "string", Since: "2.0.0",
		KeyFlags: "OW update", Summary: "Sets a key with an expiry in seconds.", Tx: cmdSetEX},
	{Name: "psetex", Arity: 4, Flags: Write | DenyOOM | Quick, Keys: OneKey, Group: "string", Since: "2.6.0",
		KeyFlags: "OW update", Summary: "Sets a key with an expiry in milliseconds.", Tx: cmdPSetEX},
	{Name: "getset", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "RW access update", Summary: "Sets a key and returns its old value.", Tx: cmdGetSet},
	{Name: "getdel", Arity: 2, Flags: Write | Fast, Keys: OneKey, Group: "string", Since: "6.2.0",
		KeyFlags: "RW access delete", Summary: "Deletes a key and returns its value.", Tx: cmdGetDel},
	{Name: "delifeq", Arity: 3, Flags: Write | Fast | Hidden, Keys: OneKey, Group: "string", Since: "9.0.0",
		KeyFlags: "RW delete", Summary: "Deletes a key if it has a value.", Tx: cmdDelIfEq},
	{Name: "getex", Arity: -2, Flags: Write | Fast, Keys: OneKey, Group: "string", Since: "6.2.0",
		KeyFlags: "RW access update", Summary: "Returns a key's value and changes its expiry.", Tx: cmdGetEX},
	{Name: "mget", Arity: -2, Flags: ReadOnly | Fast, Keys: AllKeys, Group: "string", Since: "1.0.0",
		KeyFlags: "RO access", Tips: "request_policy:multi_shard",
		Summary: "Returns the values of several keys.", Tx: cmdMGet},
	{Name: "mset", Arity: -3, Flags: Write | DenyOOM | Quick, Keys: PairKeys, Group: "string", Since: "1.0.1",
		KeyFlags: "OW update", Tips: "request_policy:multi_shard response_policy:all_succeeded",
		Summary: "Sets several keys.", Tx: cmdMSet},
	{Name: "msetnx", Arity: -3, Flags: Write | DenyOOM | Quick, Keys: PairKeys, Group: "string", Since: "1.0.1",
		KeyFlags: "OW insert", Tips: "request_policy:multi_shard response_policy:agg_min",
		Summary: "Sets several keys if none of them is there.", Tx: cmdMSetNX},
	{Name: "append", Arity: 3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "string", Since: "2.0.0",
		KeyFlags: "RW insert", Summary: "Appends to a key's value.", Tx: cmdAppend},
	{Name: "strlen", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "string", Since: "2.2.0",
		KeyFlags: "RO", Summary: "Returns the length of a key's value in bytes.", Tx: cmdStrlen},
	{Name: "getrange", Arity: 4, Flags: ReadOnly | Quick, Keys: OneKey, Group: "string", Since: "2.4.0",
		KeyFlags: "RO access", Summary: "Returns a part of a key's value.", Tx: cmdGetRange},
	{Name: "substr", Arity: 4, Flags: ReadOnly | Quick, Keys: OneKey, Group: "string", Since: "1.0.0",
		KeyFlags: "RO access", Summary: "Old name of GETRANGE.", Tx: cmdGetRange},
	{Name: "setrange", Arity: 4, Flags: Write | DenyOOM, Keys: OneKey, Group: "string", Since: "2.2.0",
		KeyFlags: "RW update", Summary: "Overwrites a part of a key's value.", Tx: cmdSetRange},
}

// readText returns the string of a key that a command reads.
func readText(tx *keyspace.Tx, key []byte) (keyspace.StringRef, error) {
	s, err := tx.String(key)
	if err == nil && !s.Exists() {
		missed(tx, key)
	}
	return s, err
}

// readStr is str of a key that a command reads, not only writes.
func readStr(tx *keyspace.Tx, key []byte) (e keyspace.Entry, ok bool, err error) {
	if e, ok, err = str(tx, key); !ok {
		missed(tx, key)
	}
	return e, ok, err
}

// str returns the string value of a key. ok is false if the key is not there.
func str(tx *keyspace.Tx, key []byte) (e keyspace.Entry, ok bool, err error) {
	e, ok = tx.Get(key)
	if ok && e.Type != keyspace.String {
		return e, ok, errWrongType
	}
	return e, ok, nil
}

func (c *Call) value(e keyspace.Entry, ok bool) {
	if ok {
		c.Out.Bulk(e.Value)
	} else {
		c.Out.Null()
	}
}

func cmdGet(c *Call, tx *keyspace.Tx) error {
	s, err := tx.String(c.Args[1])
	if err != nil {
		return err
	}
	if !s.Exists() {
		missed(tx, c.Args[1])
	}
	c.text(s)
	return nil
}

func (c *Call) text(s keyspace.StringRef) {
	if !s.Exists() {
		c.Out.Null()
		return
	}
	c.part(s, 0, s.Len())
}

// part writes the bytes of a string between two offsets.
func (c *Call) part(s keyspace.StringRef, from, to int) {
	if b, ok := s.Contiguous(); ok {
		c.Out.Bulk(b[from:to])
		return
	}
	c.Out.BulkHead(to - from)
	c.Out.B = s.AppendTo(c.Out.B, from, to)
	c.Out.Raw("\r\n")
}

func cmdMGet(c *Call, tx *keyspace.Tx) error {
	c.Out.Array(len(c.Args) - 1)
	limit := c.MaxOutput
	for _, key := range c.Args[1:] {
		s, _ := readText(tx, key) // a key of another type counts as one that is not there
		c.text(s)
		if len(c.Out.B) > limit {
			return ErrReplyTooBig
		}
	}
	return nil
}

func cmdStrlen(c *Call, tx *keyspace.Tx) error {
	s, err := readText(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(s.Len()))
	return nil
}

func cmdGetRange(c *Call, tx *keyspace.Tx) error {
	from, err := c.Number(2)
	if err != nil {
		return err
	}
	to, err := c.Number(3)
	if err != nil {
		return err
	}
	s, err := readText(tx, c.Args[1])
	if err != nil {
		return err
	}
	start, end := span(int64(s.Len()), from, to)
	c.part(s, start, end)
	return nil
}

// span returns where the bytes from one position to another, which is one of them, begin
// and end in n bytes. Negative positions count from the end.
func span(n, from, to int64) (start, end int) {
	if from < 0 && to < 0 && from > to {
		return 0, 0
	}
	if from < 0 {
		from = max(0, from+n)
	}
	if to < 0 {
		to = max(0, to+n)
	}
	to = min(to, n-1)
	if n == 0 || from > to {
		return 0, 0
	}
	return int(from), int(to + 1)
}

func cmdGetDel(c *Call, tx *keyspace.Tx) error {
	e, ok, err := readStr(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.value(e, ok)
	if ok {
		tx.Delete(c.Args[1])
		notify(tx, "del", c.Args[1])
	}
	return nil
}

func cmdGetSet(c *Call, tx *keyspace.Tx) error {
	e, ok, err := readStr(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.value(e, ok)
	return putText(tx, c.Args[1], c.Args[2], 0, "set")
}

func cmdGetEX(c *Call, tx *keyspace.Tx) error {
	opt, err := c.setOptions(2, "getex")
	if err != nil {
		return err
	}
	e, ok, err := readStr(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.value(e, ok)
	if !ok {
		return nil
	}
	at, set, err := opt.deadline(tx.Now(), "getex")
	switch {
	case err != nil:
		return err
	case set && at <= tx.Now():
		tx.Delete(c.Args[1])
		notify(tx, "del", c.Args[1])
	case set:
		tx.Expire(c.Args[1], at)
		notify(tx, "expire", c.Args[1])
	case opt.persist && e.ExpireAt != 0:
		tx.Expire(c.Args[1], 0)
		notify(tx, "persist", c.Args[1])
	}
	return nil
}
