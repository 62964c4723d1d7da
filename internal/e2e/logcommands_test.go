package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/replication"
)

// talk returns a connection to node i, on which each call sends a line and returns the
// reply: numbers of an array with spaces between them.
func talk(t *testing.T, c *clustertest.Cluster, i int) func(line string) string {
	t.Helper()
	conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[i])
	if err != nil {
		t.Fatal(err)
	}
	client := resp.NewConn(conn)
	t.Cleanup(func() { client.Close() })
	return func(line string) string {
		t.Helper()
		reply, err := client.Do(strings.Fields(line)...)
		switch {
		case err != nil:
			return err.Error()
		case reply.Kind != resp.Array:
			return reply.Text()
		}
		words := make([]string, len(reply.Elems))
		for i := range reply.Elems {
			words[i] = reply.Elems[i].Text()
		}
		return strings.Join(words, " ")
	}
}

// WAITAOF counts the replicas that have a write in their logs on disk, not those that have
// it in memory only.
func TestWaitAOF(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sync := []slotmesh.LogSync{slotmesh.LogAlways, slotmesh.LogEverySecond, slotmesh.LogOff}
		c := e2e.StartSettled(t, clustertest.Config{Masters: 1, Replicas: 2,
			Node: func(i int, cfg *slotmesh.Config) { cfg.Log.Sync = sync[i] }})
		ask := talk(t, c, 0)
		for _, step := range []struct{ line, want string }{
			{"WAITAOF 1 0 0", "1 2"}, // nothing was written: all have it
			{"SET k v", "OK"},
			{"WAIT 2 0", "2"},
			{"WAITAOF 1 1 0", "1 1"},
			{"WAITAOF 1 2 100", "1 1"},
			{"SET k w", "OK"},
			{"WAITAOF 0 1 0", "1 1"},
		} {
			began := time.Now()
			if got := ask(step.line); got != step.want || time.Since(began) > time.Second {
				t.Errorf("%s: %s after %v, want %s", step.line, got, time.Since(began), step.want)
			}
		}
		if got := talk(t, c, 1)("WAITAOF 0 0 0"); !strings.HasPrefix(got, "ERR WAITAOF cannot be used with replica") {
			t.Errorf("at a replica: %s", got)
		}
		if got := ask("CONFIG SET appendonly no"); got != "OK" {
			t.Error(got)
		}
		if got := ask("WAITAOF 1 0 0"); got != "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled." {
			t.Errorf("without a log: %s", got)
		}
		if got := ask("SET k x"); got != "OK" {
			t.Error(got)
		}
		if got := ask("WAITAOF 0 1 0"); got != "0 1" {
			t.Errorf("without a log, of replicas: %s", got)
		}
	})
}

// The log is turned on and off while the node serves, and rewritten; what a killed node
// wrote last is there at its next start if there was one.
func TestLogIsTurnedOnAndOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 1, WithoutFailover: true,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.Snapshot.Rules = []replication.SaveRule{} }})
		var ask func(line string) string
		expect := func(line, want string) {
			t.Helper()
			if got := ask(line); got != want {
				t.Errorf("%s: %s, want %s", line, got, want)
			}
		}
		field := func(name, want string) {
			t.Helper()
			if text := ask("INFO persistence"); !strings.Contains(text, fmt.Sprintf("\r\n%s:%s\r\n", name, want)) {
				t.Errorf("INFO does not say %s:%s:\n%s", name, want, text)
			}
		}
		again := func() {
			c.Kill(0)
			time.Sleep(time.Second)
			c.Restart(0)
			c.WaitStable()
			ask = talk(t, c, 0)
		}
		ask = talk(t, c, 0)
		expect("SET {t}before v", "OK")
		field("aof_enabled", "0")
		expect("CONFIG SET appendonly yes appendfsync always", "OK")
		expect("SET {t}on v", "OK")
		expect("WAITAOF 1 0 0", "1 0")
		field("aof_enabled", "1")
		field("aof_last_bgrewrite_status", "ok")
		if err := c.Node(0).RewriteLog(t.Context()); err != nil {
			t.Error(err)
		}
		expect("SET {t}rewritten v", "OK")
		again() // its Config says that there is no log: it is read once more
		field("aof_enabled", "0")
		expect("EXISTS {t}before {t}on {t}rewritten", "3")
		expect("CONFIG SET appendonly yes appendfsync always", "OK")
		expect("SET {t}on2 v", "OK")
		expect("CONFIG SET appendonly no", "OK")
		expect("SET {t}off v", "OK")
		again()
		expect("EXISTS {t}before {t}on {t}rewritten {t}on2", "4")
		expect("EXISTS {t}off", "0") // nothing has saved it
		if err := c.Node(0).RewriteLog(t.Context()); !errors.Is(err, slotmesh.ErrNoLog) {
			t.Errorf("a rewrite without a log: %v", err)
		}
	})
}

// Node.RewriteLog returns when the new base is in force, and one runs at a time.
func TestRewriteLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 1, WithoutFailover: true,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.Log.Sync = slotmesh.LogEverySecond }})
		n := c.Node(0)
		for range 3 {
			if err := n.RewriteLog(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := talk(t, c, 0)("INFO persistence"); !strings.Contains(got, "\r\naof_rewrite_in_progress:0\r\n") {
			t.Errorf("a rewrite goes on:\n%s", got)
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.RewriteLog(over); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended: %v", err)
		}
	})
}
