package clustertest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// What a node logs, such as that a command panicked, is in the story of a test that failed.
func TestStoryHasTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &failing{TB: t}
		c := clustertest.Start(f, clustertest.Config{Prepare: func(_ int, node *slotmesh.Node) {
			broken := func(slotmesh.Tx, []string) (any, error) { panic("it is broken") }
			if err := node.Handle("boom", slotmesh.CommandSpec{}, broken); err != nil {
				t.Error(err)
			}
		}})
		conn, err := c.Dial(context.Background(), "tcp", c.Addrs()[1])
		if err != nil {
			t.Fatal(err)
		}
		client := resp.NewConn(conn)
		key := e2e.KeyOf(c.Node(1))
		defer client.Close()
		if reply, err := client.Do("boom", key); err == nil {
			t.Errorf("a handler that panics answers %s", reply.Text())
		}
		f.failed = true
		f.end()
		if !strings.Contains(f.log, "node 1 logs: [ERROR]") || !strings.Contains(f.log, "it is broken") {
			t.Errorf("the log of the node is not in the story: %s", f.log)
		}
	})
}
