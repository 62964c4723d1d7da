package commands

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// ScanGroup is the commands on all keys of this node, whatever their slot.
var ScanGroup = []Command{
	{Name: "keys", Arity: 2, Flags: ReadOnly | Dangerous, Group: "generic", Since: "1.0.0",
		Tips:    "request_policy:all_shards nondeterministic_output_order",
		Summary: "Returns all keys that match a glob.", Run: cmdKeys, Locked: lockedKeys},
	{Name: "scan", Arity: -2, Flags: ReadOnly | Callable, Group: "generic", Since: "2.8.0",
		Tips:    "nondeterministic_output request_policy:special",
		Summary: "Walks through all keys, some at a time.", Run: cmdScan},
	{Name: "randomkey", Arity: 1, Flags: ReadOnly, Group: "generic", Since: "1.0.0",
		Tips: "request_policy:all_shards nondeterministic_output", Summary: "Returns a random key.",
		Run: cmdRandomKey},
	{Name: "dbsize", Arity: 1, Flags: ReadOnly | Fast | Callable, Group: "server", Since: "1.0.0",
		Category: "keyspace", Tips: "request_policy:all_shards response_policy:agg_sum",
		Summary: "Returns the number of keys.", Run: cmdDBSize, Locked: lockedDBSize},
	{Name: "flushall", Arity: -1, Flags: Write | Dangerous, Group: "server", Since: "1.0.0",
		Category: "keyspace", Tips: "request_policy:all_shards response_policy:all_succeeded",
		Summary: "Deletes all keys.", Run: cmdFlush},
	{Name: "flushdb", Arity: -1, Flags: Write | Dangerous, Group: "server", Since: "1.0.0",
		Category: "keyspace", Tips: "request_policy:all_shards response_policy:all_succeeded",
		Summary: "Deletes all keys.", Run: cmdFlush},
}

// scanStep is how many keys KEYS takes at a time.
const scanStep = 1000

func cmdKeys(c *Call) error {
	var list resp.Writer
	n := 0
	limit := c.MaxOutput
	for cursor := uint64(0); ; {
		add := func(_ slots.Slot, key []byte, _ keyspace.Entry) bool {
			if glob.Match(c.Args[1], key) {
				list.Bulk(key)
				n++
			}
			return len(list.B) <= limit
		}
		var err error
		if cursor, err = c.Node.Store.TryScan(cursor, scanStep, c.Access.Done, add); err != nil {
			return err
		}
		if len(list.B) > limit {
			return ErrReplyTooBig
		}
		if cursor == 0 {
			break
		}
	}
	c.Out.Array(n)
	c.Out.B = append(c.Out.B, list.B...)
	return nil
}

func cmdScan(c *Call) error {
	cursor, ok := scanCursor(c.Args[1])
	if !ok {
		return errBadCursor
	}
	var match, typ []byte
	count := int64(10)
	for i := 2; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			return ErrSyntax
		}
		switch {
		case c.Word(i, "COUNT"):
			n, err := c.Number(i + 1)
			if err != nil {
				return err
			}
			if n < 1 {
				return ErrSyntax
			}
			count = n
		case c.Word(i, "MATCH"):
			match = c.Args[i+1]
		case c.Word(i, "TYPE"):
			typ = c.Args[i+1]
		default:
			return ErrSyntax
		}
	}
	if len(match) == 1 && match[0] == '*' {
		match = nil
	}
	var list resp.Writer
	n, limit := 0, c.MaxOutput
	add := func(_ slots.Slot, key []byte, e keyspace.Entry) bool {
		if (typ == nil || isType(typ, e.Type)) && (match == nil || glob.Match(match, key)) {
			list.Bulk(key)
			n++
		}
		return len(list.B) < limit
	}
	cursor, err := c.Node.Store.TryScan(cursor, int(min(count, 1<<30)), c.Access.Done, add)
	if err != nil {
		return err
	}
	c.Out.Array(2)
	c.Out.BulkInt(int64(cursor))
	c.Out.Array(n)
	c.Out.B = append(c.Out.B, list.B...)
	return nil
}

// isType reports whether name is that of a type, in any mixture of cases.
func isType(name []byte, typ keyspace.Type) bool {
	return strings.EqualFold(string(name), typ.String())
}

// scanCursor reads an unsigned number as strtoul of C does: it may have a sign, or be
// empty, which is 0.
func scanCursor(b []byte) (n uint64, ok bool) {
	b = Clip(b, len(b)) // the end of a string of C
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		if b = b[1:]; len(b) == 0 {
			return 0, false
		}
	}
	for _, c := range b {
		digit := uint64(c - '0')
		if c < '0' || c > '9' || n > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	if negative {
		n = -n
	}
	return n, true
}

func cmdRandomKey(c *Call) error {
	key, err := c.Node.Store.TryRandomKey(rand.Uint64, c.Access.Done)
	if err != nil {
		return err
	}
	if key == nil {
		c.Out.Null()
		return nil
	}
	c.Out.Bulk(key)
	return nil
}

func cmdDBSize(c *Call) error {
	c.Out.Int(int64(c.Node.Store.Len()))
	return nil
}

// cmdFlush is FLUSHALL and FLUSHDB: there is one database. ASYNC and SYNC are the same
// here, dropping a slot takes no time that depends on its keys.
func cmdFlush(c *Call) error {
	if len(c.Args) > 2 || len(c.Args) == 2 && !c.Word(1, "SYNC") && !c.Word(1, "ASYNC") {
		return ErrSyntax
	}
	drop := func() error { return c.Node.Engine.Clear(c.Access.Done) }
	if err := c.Node.Server.Clear(c.Client, drop); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}
