package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// StreamGroup is the commands on entries of streams.
var StreamGroup = []Command{
	{Name: "xadd", Arity: -5, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RW update", Tips: "nondeterministic_output", Summary: "Appends an entry to a stream.", Tx: cmdXAdd},
	{Name: "xlen", Arity: 2, Flags: ReadOnly | Fast, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RO", Summary: "Returns the number of entries of a stream.", Tx: cmdXLen},
	{Name: "xrange", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RO access", Summary: "Returns the entries with IDs in a range.", Tx: cmdXRange},
	{Name: "xrevrange", Arity: -4, Flags: ReadOnly, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RO access", Summary: "Returns the entries with IDs in a range, in descending order.",
		Tx: cmdXRevRange},
	{Name: "xdel", Arity: -3, Flags: Write | Fast, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RW delete", Summary: "Deletes entries of a stream.", Tx: cmdXDel},
	{Name: "xtrim", Arity: -4, Flags: Write, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RW delete", Tips: "nondeterministic_output", Summary: "Deletes the first entries of a stream.",
		Tx: cmdXTrim},
	{Name: "xsetid", Arity: -3, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "stream", Since: "5.0.0",
		KeyFlags: "RW update", Summary: "Sets the last ID of a stream.", Tx: cmdXSetID},
}

const (
	errZeroID        = ReplyError("ERR The ID specified in XADD must be greater than 0-0")
	errSmallID       = ReplyError("ERR The ID specified in XADD is equal or smaller than the target stream top item")
	errNoMoreIDs     = ReplyError("ERR The stream has exhausted the last possible ID, unable to add more items")
	errEntryTooLarge = ReplyError("ERR Elements are too large to be stored")
)

// maxEntryBytes is how long an entry's fields and values may be together.
const maxEntryBytes = 1 << 30

func cmdXAdd(c *Call, tx *keyspace.Tx) error {
	var o xaddOptions
	at, err := o.read(c)
	if err != nil {
		return err
	}
	if fields := len(c.Args) - at - 1; fields < 2 || fields%2 != 0 {
		return ErrArity(c.Cmd)
	}
	if o.id.seqGiven && o.id.ID == (stream.ID{}) {
		return errZeroID
	}
	s, err := tx.Stream(c.Args[1])
	if err != nil {
		return err
	}
	if o.noCreate && !s.Exists() {
		c.Out.Null()
		return nil
	}
	id, err := o.id.after(s.State().Last, tx.Now())
	if err != nil {
		return err
	}
	if !isEntry(c.Args[at+1:]) {
		return errEntryTooLarge
	}
	if err := s.AppendStrings(id, c.Args[at+1:]); err != nil {
		return err
	}
	c.entryID(id)
	tx.Notify(keyspace.StreamEvents, "xadd", c.Args[1])
	if o.trim.trim(s) > 0 {
		tx.Notify(keyspace.StreamEvents, "xtrim", c.Args[1])
	}
	return nil
}

// xaddOptions are what stands before the fields of XADD.
type xaddOptions struct {
	trim     trimming
	noCreate bool
	id       newID
}

// read returns where the ID is; if there is none, that is behind the arguments.
func (o *xaddOptions) read(c *Call) (at int, err error) {
	for at = 2; at < len(c.Args); at++ {
		if c.Word(at, "*") {
			break
		}
		n, err := o.trim.option(c, at)
		if err != nil {
			return at, err
		}
		if n > 0 {
			at += n - 1
			continue
		}
		if c.Word(at, "NOMKSTREAM") {
			o.noCreate = true
			continue
		}
		if o.id, err = readNewID(c.Args[at]); err != nil {
			return at, err
		}
		break
	}
	return at, o.trim.check(c, false)
}

// after returns the ID of the entry that follows the last one.
func (n *newID) after(last stream.ID, now int64) (id stream.ID, err error) {
	if last == stream.MaxID {
		return id, errNoMoreIDs
	}
	switch id = n.ID; {
	case !n.given && uint64(now) > last.Ms:
		id = stream.ID{Ms: uint64(now)}
	case !n.given:
		id, _ = last.Next()
	case !n.seqGiven && id.Ms == last.Ms && last.Seq < math.MaxUint64:
		id, _ = last.Next()
	}
	if !last.Less(id) {
		return id, errSmallID
	}
	return id, nil
}

// isEntry reports whether an entry may have fields and values as long as these.
func isEntry(fields [][]byte) bool {
	size := 0
	for _, s := range fields {
		size += len(s)
	}
	return size <= maxEntryBytes
}

func cmdXLen(c *Call, tx *keyspace.Tx) error {
	s, err := readStream(tx, c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(s.Len()))
	return nil
}

func cmdXDel(c *Call, tx *keyspace.Tx) error {
	s, err := tx.Stream(c.Args[1])
	if err != nil {
		return err
	}
	if !s.Exists() {
		c.Out.Int(0)
		return nil
	}
	var few [16]stream.ID
	ids := few[:0]
	for i := 2; i < len(c.Args); i++ {
		id, err := c.streamID(i, 0)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	deleted, err := s.DeleteAll(ids)
	if err != nil {
		return err
	}
	if deleted > 0 {
		tx.Notify(keyspace.StreamEvents, "xdel", c.Args[1])
	}
	c.Out.Int(int64(deleted))
	return nil
}

func cmdXTrim(c *Call, tx *keyspace.Tx) error {
	var t trimming
	for i := 2; i < len(c.Args); {
		n, err := t.option(c, i)
		switch {
		case err != nil:
			return err
		case n == 0:
			return ErrSyntax
		}
		i += n
	}
	if err := t.check(c, true); err != nil {
		return err
	}
	s, err := tx.Stream(c.Args[1])
	if err != nil {
		return err
	}
	n := t.trim(s)
	if n > 0 {
		tx.Notify(keyspace.StreamEvents, "xtrim", c.Args[1])
	}
	c.Out.Int(int64(n))
	return nil
}
