package commands

import (
	"bytes"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// KeyGroup is the commands on keys of any type.
var KeyGroup = []Command{
	{Name: "del", Arity: -2, Flags: Write | Quick, Keys: AllKeys, Group: "generic", Since: "1.0.0",
		KeyFlags: "RM delete", Tips: "request_policy:multi_shard response_policy:agg_sum",
		Summary: "Deletes keys.", Tx: cmdDel},
	{Name: "unlink", Arity: -2, Flags: Write | Fast, Keys: AllKeys, Group: "generic", Since: "4.0.0",
		KeyFlags: "RM delete", Tips: "request_policy:multi_shard response_policy:agg_sum",
		Summary: "Deletes keys.", Tx: cmdDel},
	{Name: "exists", Arity: -2, Flags: ReadOnly | Fast, Keys: AllKeys, Group: "generic", Since: "1.0.0",
		KeyFlags: "RO", Tips: "request_policy:multi_shard response_policy:agg_sum",
		Summary: "Counts the keys that are there.", Tx: cmdExists},
	{Name: "touch", Arity: -2, Flags: ReadOnly | Fast, Keys: AllKeys, Group: "generic", Since: "3.2.1",
		KeyFlags: "RO", Tips: "request_policy:multi_shard response_policy:agg_sum",
		Summary: "Counts the keys that are there and marks them as used.", Tx: cmdTouch},
	{Name: "type", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "generic", Since: "1.0.0",
		KeyFlags: "RO", Summary: "Returns the type of a key's value.", Tx: cmdType},
	{Name: "rename", Arity: 3, Flags: Write | Quick, Keys: TwoKeys, Group: "generic", Since: "1.0.0",
		KeyFlags: "RW access delete,OW update", Summary: "Renames a key.", Tx: cmdRename},
	{Name: "renamenx", Arity: 3, Flags: Write | Fast, Keys: TwoKeys, Group: "generic", Since: "1.0.0",
		KeyFlags: "RW access delete,OW insert", Summary: "Renames a key if the new name is free.",
		Tx: cmdRenameNX},
	{Name: "copy", Arity: -3, Flags: Write | DenyOOM, Keys: TwoKeys, Group: "generic", Since: "6.2.0",
		KeyFlags: "RO access,OW update", Summary: "Copies a key's value and expiry to another key.",
		Tx: cmdCopy},
	{Name: "object", Arity: -2, Group: "generic", Since: "2.2.3", Summary: "Looks at how a key is kept.",
		Subs: []Command{
			{Name: "encoding", Arity: 3, Args: "<key>", Flags: ReadOnly, Keys: SubKey, Since: "2.2.3",
				KeyFlags: "RO", Tips: "nondeterministic_output",
				Summary: "Returns the encoding that Redis would use.", Tx: cmdObjectEncoding},
			{Name: "freq", Arity: 3, Args: "<key>", Flags: ReadOnly, Keys: SubKey, Since: "4.0.0", KeyFlags: "RO",
				Tips:    "nondeterministic_output",
				Summary: "Returns how often a key is used, on a logarithmic scale.", Tx: cmdObjectFreq},
			{Name: "help", Arity: 2, Flags: Loading | Stale | Plain, Since: "6.2.0",
				Summary: "Lists the subcommands.", Run: Help},
			{Name: "idletime", Arity: 3, Args: "<key>", Flags: ReadOnly, Keys: SubKey, Since: "2.2.3",
				KeyFlags: "RO", Tips: "nondeterministic_output",
				Summary: "Returns the seconds since a key was used.", Tx: cmdObjectIdleTime},
			{Name: "refcount", Arity: 3, Args: "<key>", Flags: ReadOnly, Keys: SubKey, Since: "2.2.3",
				KeyFlags: "RO", Tips: "nondeterministic_output", Summary: "Returns 1: values are not shared.",
				Tx: cmdObjectRefCount},
		}},
}

func cmdDel(c *Call, tx *keyspace.Tx) error {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if tx.Delete(key) {
			notify(tx, "del", key)
			n++
		}
	}
	c.Out.Int(n)
	return nil
}

func cmdExists(c *Call, tx *keyspace.Tx) error {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if _, ok := peek(tx, key); ok {
			n++
		}
	}
	c.Out.Int(n)
	return nil
}

func cmdTouch(c *Call, tx *keyspace.Tx) error {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if _, ok := tx.Get(key); ok {
			n++
		} else {
			missed(tx, key)
		}
	}
	c.Out.Int(n)
	return nil
}

func cmdType(c *Call, tx *keyspace.Tx) error {
	if e, ok := peek(tx, c.Args[1]); ok {
		c.Out.Simple(e.Type.String())
	} else {
		c.Out.Simple("none")
	}
	return nil
}

func cmdRename(c *Call, tx *keyspace.Tx) error {
	if _, err := c.rename(tx, true); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}

func cmdRenameNX(c *Call, tx *keyspace.Tx) error {
	done, err := c.rename(tx, false)
	if err != nil {
		return err
	}
	c.Out.Int(int64(btoi(done)))
	return nil
}

func (c *Call) rename(tx *keyspace.Tx, replace bool) (done bool, err error) {
	from, to := c.Args[1], c.Args[2]
	if _, ok := tx.Get(from); !ok {
		return false, errNoKey
	}
	if bytes.Equal(from, to) {
		return replace, nil
	}
	_, taken := tx.Peek(to)
	if taken && !replace {
		return false, nil
	}
	if done, err = tx.Rename(from, to); err != nil {
		return done, err
	}
	notifyReplaced(tx, to, taken)
	notify(tx, "rename_from", from)
	notify(tx, "rename_to", to)
	return done, nil
}

// notifyReplaced tells what Redis tells when it removes a key and adds it anew. Of a key
// that was not there the store has told it.
func notifyReplaced(tx *keyspace.Tx, key []byte, wasThere bool) {
	if wasThere {
		tx.Notify(keyspace.NewEvents, "new", key)
	}
}

func cmdCopy(c *Call, tx *keyspace.Tx) error {
	replace := false
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Word(i, "REPLACE"):
			replace = true
		case c.Word(i, "DB") && i+1 < len(c.Args):
			i++
			if err := c.copyDB(i); err != nil {
				return err
			}
		default:
			return ErrSyntax
		}
	}
	from, to := c.Args[1], c.Args[2]
	if bytes.Equal(from, to) {
		return ReplyError("ERR source and destination objects are the same")
	}
	_, ok := tx.Get(from)
	if !ok {
		missed(tx, from)
		c.Out.Int(0)
		return nil
	}
	_, taken := tx.Peek(to)
	if taken && !replace {
		c.Out.Int(0)
		return nil
	}
	if _, err := tx.Copy(from, to); err != nil {
		return err
	}
	notifyReplaced(tx, to, taken)
	notify(tx, "copy_to", to)
	c.Out.Int(1)
	return nil
}

// copyDB checks the DB option of COPY: there is one database.
func (c *Call) copyDB(i int) error {
	db, ok := resp.ParseInt(c.Args[i])
	switch {
	case !ok:
		return ErrNotInt
	case db != int64(int32(db)):
		return ReplyError("ERR value is out of range, value must between -2147483648 and 2147483647")
	case db < 0 || db > 15:
		return ReplyError("ERR DB index is out of range")
	case db != 0 && !c.Node.Standalone():
		return ReplyError("ERR Copying to another database is not allowed in cluster mode")
	case db != 0:
		return ReplyError("ERR DB index is out of range")
	}
	return nil
}

func cmdObjectEncoding(c *Call, tx *keyspace.Tx) error {
	e, ok := tx.Peek(c.Args[2])
	if !ok {
		c.Out.Null()
		return nil
	}
	if e.Type != keyspace.String {
		name, _ := tx.Encoding(c.Args[2])
		c.Out.BulkString(name)
		return nil
	}
	c.Out.BulkString(encoding(e.Value))
	return nil
}

// encoding names what Redis would make of a string. Here all values are kept as bytes.
func encoding(v []byte) string {
	const embedded = 44 // longest value that Redis keeps beside its header
	if _, ok := resp.ParseInt(v); ok {
		return "int"
	}
	if len(v) <= embedded {
		return "embstr"
	}
	return "raw"
}

func cmdObjectRefCount(c *Call, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(c.Args[2]); !ok {
		c.Out.Null()
		return nil
	}
	c.Out.Int(1)
	return nil
}

func (c *Call) lfu() bool {
	p := c.Node.Store.Policy()
	return p == keyspace.AllKeysLFU || p == keyspace.VolatileLFU
}

func cmdObjectIdleTime(c *Call, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(c.Args[2]); !ok {
		c.Out.Null()
		return nil
	}
	if c.lfu() {
		return ReplyError("ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when " +
			"switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
	c.Out.Int(int64(tx.Idle(c.Args[2]).Seconds()))
	return nil
}

func cmdObjectFreq(c *Call, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(c.Args[2]); !ok {
		c.Out.Null()
		return nil
	}
	if !c.lfu() {
		return ReplyError("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that " +
			"when switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
	c.Out.Int(int64(tx.Freq(c.Args[2])))
	return nil
}
