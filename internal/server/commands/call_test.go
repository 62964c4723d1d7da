package commands

import (
	"testing"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
)

// run runs a command line on a node without a server, and returns the reply.
func run(t *testing.T, node *Node, table *Table, words ...string) string {
	t.Helper()
	c := &Call{Node: node, MaxOutput: 1 << 20, MaxBulk: 8}
	for _, w := range words {
		c.Args = append(c.Args, []byte(w))
	}
	cmd, err := table.Resolve(c.Args)
	if err != nil {
		return "-" + err.Error()
	}
	if c.Cmd = cmd; cmd.Tx == nil {
		err = cmd.Run(c)
	} else {
		c.AddKeys(cmd.Keys, c.Args)
		err = node.Engine.Update(&c.Access, func(tx *keyspace.Tx) error { return cmd.Tx(c, tx) })
	}
	if err != nil {
		return "-" + err.Error()
	}
	return string(c.Out.B)
}

// A command needs a call and a node, and no session: what has neither clients nor a
// server can run it.
func TestCommandsNeedNoSession(t *testing.T) {
	store := keyspace.New(keyspace.Config{})
	node := &Node{Engine: engine.New(store), Store: store}
	own := []Command{{Name: "twice", Arity: 2, Flags: Write | DenyOOM, Keys: OneKey, Group: "string",
		Tx: func(c *Call, tx *keyspace.Tx) error {
			e, _ := tx.Get(c.Args[1])
			c.Out.Int(int64(2 * len(e.Value)))
			return tx.Put(c.Args[1], keyspace.String, append(e.Value[:len(e.Value):len(e.Value)], e.Value...), 0)
		}}}
	table := NewTable(StringGroup, NumberGroup, ScanGroup, own)
	for _, step := range []struct {
		line  []string
		reply string
	}{
		{[]string{"SET", "k", "12"}, "+OK\r\n"},
		{[]string{"incr", "k"}, ":13\r\n"},
		{[]string{"TWICE", "k"}, ":4\r\n"},
		{[]string{"GET", "k"}, "$4\r\n1313\r\n"},
		{[]string{"APPEND", "k", "12345"}, "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
		{[]string{"DBSIZE"}, ":1\r\n"},
		{[]string{"GET"}, "-ERR wrong number of arguments for 'get' command"},
		{[]string{"PING"}, "-ERR unknown command 'PING', with args beginning with: "},
	} {
		if got := run(t, node, table, step.line...); got != step.reply {
			t.Errorf("%s: %q, want %q", step.line, got, step.reply)
		}
	}
}
