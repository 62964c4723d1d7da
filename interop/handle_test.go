package interop

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// takeToken is LIMIT key: one more use, of at most 3 a minute.
func takeToken(tx slotmesh.Tx, args []string) (any, error) {
	old, _ := tx.Get(args[0])
	used := append(append([]byte{}, old...), 'x')
	if len(used) > 3 {
		return 0, nil
	}
	return 1, tx.Set(args[0], used, time.Minute)
}

// A host's command is one command, however it is called, and what it keeps survives a slot move and a failover.
func TestHostCommandFromEverywhere(t *testing.T) {
	if _, err := exec.LookPath("redis-cli"); err != nil {
		t.Skip("redis-cli is not installed")
	}
	c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, TCP: true, NodeTimeout: 500 * time.Millisecond, Prepare: func(_ int, n *slotmesh.Node) {
		if err := n.Handle("LIMIT", slotmesh.CommandSpec{Write: true, Arity: 2, Summary: "Takes a token."}, takeToken); err != nil {
			t.Error(err)
		}
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs()})
	defer client.Close()
	cli := func(args ...string) string {
		t.Helper()
		host, port, _ := strings.Cut(c.Addrs()[5], ":")
		out, err := exec.CommandContext(ctx, "redis-cli", append([]string{"-c", "-h", host, "-p", port}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("redis-cli %s: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	expect := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	expect("redis-cli", cli("LIMIT", "{user}1"), "1")

	// The slot moves to another master.
	slot := slots.OfString("{user}1")
	from, to := -1, -1
	for i := range 3 {
		if c.Node(i).Map().IsMine(slot) {
			from = i
		} else {
			to = i
		}
	}
	var set slots.Set
	set.Add(slot)
	id, err := c.Node(from).MigrateSlots(ctx, set, c.Node(to).ID())
	if err == nil {
		err = c.Node(from).WaitMigration(ctx, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	n, err := client.Do(ctx, "LIMIT", "{user}1").Int()
	if err != nil {
		t.Fatal(err)
	}
	expect("go-redis after a slot move", n, 1)

	// The new master dies, when its replica has what it has.
	dead := c.Node(to).ID()
	if v, err := c.Node(from).Router().Do(slotmesh.WithSync(ctx, 1), "EXPIRE", "{user}1", 60); err != nil || v != int64(1) {
		t.Fatalf("%v, %v", v, err)
	}
	c.Kill(to)
	if err := c.Node(from).WaitMap(ctx, func(m *slots.Map) bool { return m.Owner(slot).ID != dead }); err != nil {
		t.Fatal(err)
	}
	v, err := c.Node(from).Router().Do(ctx, "LIMIT", "{user}1")
	if err != nil {
		t.Fatal(err)
	}
	expect("Go after a failover", v, int64(1))
	expect("redis-cli at last", cli("LIMIT", "{user}1"), "0")
	if !strings.Contains(cli("COMMAND", "LIST"), "limit") {
		t.Error("COMMAND LIST does not show it")
	}
}
