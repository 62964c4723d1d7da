package commands

import (
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// ScanGroup is the commands on all keys of this node, whatever their slot.
var ScanGroup = []Command{
	{Name: "keys", Arity: 2, Flags: ReadOnly | Dangerous, Group: "generic", Since: "1.0.0",
		Tips:    "request_policy:all_shards nondeterministic_output_order",
		Summary: "Returns all keys that match a glob.", Run: cmdKeys},
	{Name: "scan", Arity: -2, Flags: ReadOnly | Callable, Group: "generic", Since: "2.8.0",
		Tips:    "nondeterministic_output request_policy:special",
		Summary: "Walks through all keys, some at a time.", Run: cmdScan},
	{Name: "randomkey", Arity: 1, Flags: ReadOnly, Group: "generic", Since: "1.0.0",
		Tips: "request_policy:all_shards nondeterministic_output", Summary: "Returns a random key.",
		Run: cmdRandomKey},
	{Name: "dbsize", Arity: 1, Flags: ReadOnly | Fast | Callable, Group: "server", Since: "1.0.0",
		Category: "keyspace", Tips: "request_policy:all_shards response_policy:agg_sum",
		Summary: "Returns the number of keys.", Run: cmdDBSize},
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
		cursor = c.Node.Store.Scan(cursor, scanStep, func(_ slots.Slot, key []byte, _ keyspace.Entry) bool {
			if glob.Match(c.Args[1], key) {
				list.Bulk(key)
				n++
			}
			return len(list.B) <= limit
		})
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
	var match []byte
	count, wanted := int64(10), true
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
			wanted = c.Word(i+1, "STRING")
		default:
			return ErrSyntax
		}
	}
	if len(match) == 1 && match[0] == '*' {
		match = nil
	}
	var list resp.Writer
	n, limit := 0, c.MaxOutput
	cursor = c.Node.Store.Scan(cursor, int(min(count, 1<<30)), func(_ slots.Slot, key []byte, _ keyspace.Entry) bool {
		if wanted && (match == nil || glob.Match(match, key)) {
			list.Bulk(key)
			n++
		}
		return len(list.B) < limit
	})
	c.Out.Array(2)
	c.Out.BulkInt(int64(cursor))
	c.Out.Array(n)
	c.Out.B = append(c.Out.B, list.B...)
	return nil
}

// scanCursor reads an unsigned number; Redis takes spaces and signs here too, but no
// client sends them.
func scanCursor(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func cmdRandomKey(c *Call) error {
	key, ok := c.Node.Store.RandomKey(rand.Uint64)
	if !ok {
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
	if err := c.Node.Engine.Clear(c.Access.Done); err != nil {
		return err
	}
	c.Out.OK()
	return nil
}
