package commands

import (
	"time"

	"github.com/slotmesh/slotmesh/internal/dump"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// DumpGroup is the commands on serialised values.
var DumpGroup = []Command{
	{Name: "dump", Arity: 2, Flags: ReadOnly, Keys: OneKey, Group: "generic", Since: "2.6.0",
		KeyFlags: "RO access", Tips: "nondeterministic_output",
		Summary: "Returns a key's value in serialised form.", Tx: cmdDump, After: replyDump},
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
	c.dumped = dumped{}
	e, ok := peek(tx, c.Args[1])
	switch {
	case !ok:
		c.Out.Null()
	case e.Type == keyspace.String:
		c.Out.Bulk(rdb.AppendString(make([]byte, 0, len(e.Value)+rdb.Overhead), e.Value))
	default:
		c.dumped.snapshot, _ = tx.Snapshot(c.Args[1])
		c.dumped.encoding, _ = tx.Encoding(c.Args[1])
		c.dumped.now, c.dumped.wanted = tx.Now(), true
	}
	return nil
}

// dumped is a collection that DUMP has found.
type dumped struct {
	wanted   bool
	snapshot keyspace.Snapshot
	encoding string
	now      int64
}

// replyDump replies with the payload of a collection.
func replyDump(c *Call) error {
	d := c.dumped
	if !d.wanted {
		return nil
	}
	c.dumped = dumped{}
	p := dump.New(d.snapshot, d.encoding, dump.Options{Now: d.now})
	switch size := p.Outline.Size(); {
	case p.Outline.Count() == 0: // all fields have expired
		c.Out.Null()
		return nil
	case len(c.Out.B)+size > c.MaxOutput:
		return ErrReplyTooBig
	default:
		return c.Out.BulkBy(size, p.Encode)
	}
}

// restored is what a payload holds, or the reason why there is none. The store may keep it
// as it is.
type restored struct {
	read       bool
	value      []byte               // of a string
	collection *keyspace.Collection // nil: it is a string
	err        error
}

// readPayload reads the payload of RESTORE. A large one takes long, so it is read before
// the slot's lock is taken.
func readPayload(c *Call) {
	r := &c.restored
	r.read = true
	v, err := rdb.Parse(c.Args[3])
	switch {
	case err != nil:
		r.err = err
	case v.Type == rdb.String:
		if r.value, r.err = v.Bytes(); len(r.value) > keyspace.LargeValue {
			r.value = keyspace.Own(r.value) // it is in the buffer for what comes next
		}
	default:
		r.collection, r.err = dump.Collect(v, c.Node.Store.Encodings().StreamNodes)
	}
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
	_, taken := tx.Peek(key)
	if taken && !opt.replace {
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
	if err := c.restored.err; err != nil {
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
		if tx.Delete(key) {
			notify(tx, "del", key)
		}
		return nil
	}
	if err := c.putRestored(tx, ttl); err != nil {
		return err
	}
	c.restoreAccess(tx, opt)
	notifyReplaced(tx, key, taken)
	notify(tx, "restore", key)
	return nil
}

func (c *Call) putRestored(tx *keyspace.Tx, expireAt int64) error {
	if c.restored.collection != nil {
		return tx.PutCollection(c.Args[1], c.restored.collection, expireAt)
	}
	return tx.PutOwned(c.Args[1], keyspace.String, c.restored.value, expireAt)
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
