package server

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// putStream makes a stream of n entries, with IDs from 1-0 to n-0, which are all pending in
// a group.
func putStream(t *testing.T, store *keyspace.Store, key string, n int) {
	t.Helper()
	s := new(stream.Stream)
	value := stream.AppendCount(nil, 2)
	value = stream.AppendString(stream.AppendString(value, []byte("field")), []byte("value"))
	for i := range n {
		s.Set(stream.ID{Ms: uint64(i + 1)}, value)
	}
	s.State = stream.State{Last: stream.ID{Ms: uint64(n)}, Added: uint64(n)}
	s.SetGroup([]byte("g"), stream.GroupState{Last: s.State.Last, Read: int64(n)})
	p := stream.Pending{Consumer: []byte("c"), Count: 1}
	for i := range n {
		p.ID.Ms = uint64(i + 1)
		s.SetPending([]byte("g"), p)
	}
	err := store.Update(0, func(tx *keyspace.Tx) error {
		return tx.PutCollection([]byte(key), keyspace.NewStream(s), 0)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadsOfALongStreamAreShort: under the slot's lock, no read goes through all entries, or
// makes their reply.
func TestReadsOfALongStreamAreShort(t *testing.T) {
	srv := startServer(t, Config{})
	putStream(t, srv.node.Store, "s", 300_000)
	for line, later := range map[string]bool{
		"XRANGE s - +": true, "XREVRANGE s + -": true, "XRANGE s 5 299990 COUNT 299000": true,
		"XREAD STREAMS s 0": true, "XREAD COUNT 200000 STREAMS s 7": true, "XREAD STREAMS s 299999": false,
		"XPENDING s g - + 300000": true, "XPENDING s g": false,
		"XINFO STREAM s FULL COUNT 0": true, "XINFO STREAM s": false, "XLEN s": false,
	} {
		args, _ := resp.SplitWords(nil, []byte(line))
		cmd, err := srv.node.Table.Resolve(args)
		if err != nil {
			t.Fatal(err)
		}
		c := commands.Call{Node: srv.node, Cmd: cmd, Args: args, MaxOutput: 1 << 30, MaxBulk: 1 << 20}
		// The work is told by what it allocates: a clock would tell the machine's load.
		allocations := testing.AllocsPerRun(1, func() {
			c.Out.B, c.Later = nil, nil
			if err := srv.engine.View(&c.Access, func(tx *keyspace.Tx) error { return cmd.Tx(&c, tx) }); err != nil {
				t.Fatal(err)
			}
		})
		if cap(c.Out.B) > 256<<10 || allocations > 200 {
			t.Errorf("%s: a reply of %d bytes and %.0f allocations under the lock", line, cap(c.Out.B), allocations)
		}
		if (c.Later != nil) != later {
			t.Errorf("%s: the reply is made later: %t", line, !later)
		}
	}
}

// TestLargeRepliesOfStreams: what is made later is whole, in order, and of the moment of its
// command.
func TestLargeRepliesOfStreams(t *testing.T) {
	const n = 3000
	srv := startServer(t, Config{})
	putStream(t, srv.node.Store, "s", n)
	putStream(t, srv.node.Store, "t", n)
	c := connect(t, srv)
	lines := []string{"XRANGE s - +", "XREVRANGE s + 11", "XREAD COUNT 2000 STREAMS s t 0 100",
		"XTRIM s MAXLEN 10", "XLEN s"}
	for _, line := range lines {
		c.Send(strings.Fields(line)...)
	}
	entries := func(line string, list []resp.Reply, first, step, want int) {
		t.Helper()
		if len(list) != want {
			t.Fatalf("%s: %d entries, want %d", line, len(list), want)
		}
		for i, e := range list {
			id := fmt.Sprintf("%d-0", first+step*i)
			if got := render(e); got != fmt.Sprintf(`["%s", ["field", "value"]]`, id) {
				t.Fatalf("%s: entry %d is %s, want %s", line, i, got, id)
			}
		}
	}
	var replies []resp.Reply
	for range lines {
		r, err := c.Receive()
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, r)
	}
	entries(lines[0], replies[0].Elems, 1, 1, n)
	entries(lines[1], replies[1].Elems, n, -1, n-10)
	entries(lines[2], replies[2].Elems[0].Elems[1].Elems, 1, 1, 2000)
	entries(lines[2], replies[2].Elems[1].Elems[1].Elems, 101, 1, 2000)
	if replies[3].Int != n-10 || replies[4].Int != 10 {
		t.Errorf("%d trimmed, %d left", replies[3].Int, replies[4].Int)
	}
}
