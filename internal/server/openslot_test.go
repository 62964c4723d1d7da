package server

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestOneKeyNamedRepeatedlyWhileItsSlotComesHere: ASKING lets every command and every
// transaction about one key through, however often they name it, whether the key is here
// or not.
func TestOneKeyNamedRepeatedlyWhileItsSlotComesHere(t *testing.T) {
	cluster := newFakeCluster()
	twice := Extension{Name: "twice", Arity: 3, First: 1, Last: 2, Step: 1,
		Run: func(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error { out.OK(); return nil }}
	srv := startServer(t, Config{Cluster: cluster, Extensions: []Extension{twice}})
	top := cluster.top
	all := slots.Full()
	top.Nodes = []slots.Node{
		{ID: cluster.id, Addr: cluster.addr()},
		{ID: slots.NodeID{1}, Addr: slots.Addr{Host: "10.0.0.2", Port: 7002}, Slots: &all},
	}
	top.Importing = map[slots.Slot]slots.NodeID{slots.OfString("k"): {1}}
	cluster.use(top)
	c := connect(t, srv)
	const tryAgain = "-TRYAGAIN Multiple keys request during rehashing of slot"
	for _, step := range []struct{ lines, want string }{
		{"EXISTS k k", ":0"},
		{"MGET k k k", "[nil, nil, nil]"},
		{"DEL k k", ":0"},
		{"UNLINK k k", ":0"},
		{"TOUCH k k", ":0"},
		{"TWICE k k", "+OK"},
		{"RENAME k k", "-ERR no such key"},
		{"MSETNX k 1 k 2", ":1"},
		{"GET k", `"2"`},
		{"DEL k k", ":1"},
		{"MSET k 1 k 3", "+OK"},
		{"EXISTS k k", ":2"},
		{"DEL k", ":1"},
		{"WATCH k k", "+OK"},
		{"MULTI|SET k 1|GET k|EXEC", `+OK|+QUEUED|+QUEUED|[+OK, "1"]`},
		{"DEL k", ":1"},
		{"MULTI|INCR k|EXPIRE k 10|EXISTS k k|EXEC", "+OK|+QUEUED|+QUEUED|+QUEUED|[:1, :1, :2]"},
		{"MGET k {k}2", tryAgain},
		{"MGET k k {k}2", tryAgain},
		{"TWICE k {k}2", tryAgain},
		{"MULTI|GET k|GET {k}2|EXEC", "+OK|+QUEUED|+QUEUED|" + tryAgain},
		{"MULTI|EXISTS k {k}2|EXEC", "+OK|" + tryAgain + "|-EXECABORT Transaction discarded because of previous errors."},
	} {
		expect(t, c, "ASKING", "+OK")
		var got []string
		for line := range strings.SplitSeq(step.lines, "|") {
			got = append(got, do(t, c, line))
		}
		if got := strings.Join(got, "|"); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.lines, got, step.want)
		}
	}
}
