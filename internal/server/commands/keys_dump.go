package commands

import (
	"time"

	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// DumpGroup is the commands on serialised values.
var DumpGroup = []Command{
	{Name: "dump", Arity: 2, Flags: ReadOnly, Keys: OneKey, Group: "generic", Since: "2.6.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Returns a key's value in serialised form.", Tx: cmdDump},
	{Name: "restore", Arity: -4, Flags: Write | DenyOOM | Dangerous, Keys: OneKey, Group: "generic",
		Since: "2.6.0", KeyFlags: "OW update", Summary: "Creates a key from what DUMP returned.",
		Ahead: readPayload, Tx: cmdRestore},
	// What MIGRATE sends: the slot is still importing at the target, so it acts as if after
	// ASKING.
	{Name: "restore-asking", Arity: -4, Flags: Write | DenyOOM | Dangerous | Asking, Keys: OneKey,
		Group: "server", Since: "3.0.0", Category: "keyspace", KeyFlags: "OW update",
		Summary: "Creates a key in a slot that is being imported.", Ahead: readPayload, Tx: cmdRestore},
}

func cmdDump(c *Call, tx *keyspace.Tx) error {
	e, ok := tx.Peek(c.Args[1])
	if !ok {
		c.Out.Null()
		return nil
	}
	c.Out.Bulk(rdb.AppendString(make([]byte, 0, len(e.Value)+rdb.Overhead), e.Value))
	return nil
}

// restored is the value in a payload, or the reason why there is none. The store may keep
// a large one as it is.
type restored struct {
	read  bool
	value []byte
	err   error
}

// readPayload reads the payload of RESTORE. A large one takes long, so it is read before
// the slot's lock is taken.
func readPayload(c *Call) {
	value, err := rdb.ParseString(c.Args[3])
	if len(value) > keyspace.LargeValue {
		value = keyspace.Own(value) // it is in the buffer for what comes next
	}
	c.restored = restored{true, value, err}
}

// restoreOptions are what may follow the payload of RESTORE.
type restoreOptions struct {
	replace, absolute bool
	idle, freq        int64 // -1: not given
}

func (c *Call) restoreOptions() (o restoreOptions, err error) {
	o.idle, o.freq = -1, -1
	for i := 4; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		switch {
		case c.Word(i, "REPLACE"):
			o.replace = true
		case c.Word(i, "ABSTTL"):
			o.absolute = true
		case c.Word(i, "IDLETIME") && more && o.freq < 0:
			i++
			if o.idle, err = c.atLeastZero(i, "ERR Invalid IDLETIME value, must be >= 0"); err != nil {
				return o, err
			}
		case c.Word(i, "FREQ") && more && o.idle < 0:
			i++
			const text = "ERR Invalid FREQ value, must be >= 0 and <= 255"
			if o.freq, err = c.atLeastZero(i, text); err != nil {
				return o, err
			}
			if o.freq > 255 {
				return o, ReplyError(text)
			}
		default:
			return o, ErrSyntax
		}
	}
	return o, nil
}

// atLeastZero reads a number that must not be negative.
func (c *Call) atLeastZero(i int, orElse ReplyError) (int64, error) {
	n, err := c.Number(i)
	if err == nil && n < 0 {
		err = orElse
	}
	return n, err
}

// cmdRestore is RESTORE and RESTORE-ASKING. It checks in the order of Redis.
func cmdRestore(c *Call, tx *keyspace.Tx) error {
	key := c.Args[1]
	opt, err := c.restoreOptions()
	if err != nil {
		return err
	}
	if _, taken := tx.Peek(key); taken && !opt.replace {
		return errBusyKey
	}
	ttl, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return ErrNotInt
	}
	if ttl < 0 {
		return ReplyError("ERR Invalid TTL value, must be >= 0")
	}
	if !c.restored.read { // in EXEC
		readPayload(c)
		defer c.Forget()
	}
	value, err := c.restored.value, c.restored.err
	if err != nil {
		return err
	}
	if ttl != 0 && !opt.absolute {
		if ttl > maxTime-tx.Now() {
			return errExpireTime("restore")
		}
		ttl += tx.Now()
	}
	c.Out.OK()
	if ttl != 0 && ttl <= tx.Now() { // an absolute time that is over
		tx.Delete(key)
		return nil
	}
	if err := tx.PutOwned(key, keyspace.String, value, ttl); err != nil {
		return err
	}
	c.restoreAccess(tx, opt)
	return nil
}

// restoreAccess sets when or how often the key was used, if that was given in the form
// that the eviction policy counts in.
func (c *Call) restoreAccess(tx *keyspace.Tx, opt restoreOptions) {
	switch c.Node.Store.Policy() {
	case keyspace.AllKeysLFU, keyspace.VolatileLFU:
		if opt.freq >= 0 {
			tx.SetAccess(c.Args[1], 0, uint8(opt.freq))
		}
	default:
		if opt.idle >= 0 {
			idle := min(opt.idle, int64(maxIdle/time.Second))
			tx.SetAccess(c.Args[1], time.Duration(idle)*time.Second, 0)
		}
	}
}

// maxIdle is as far as the store can look back: 2^24 seconds.
const maxIdle = (1<<24 - 61) * time.Second
