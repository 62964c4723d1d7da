package interop

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// allow is the README's: it takes a token from a bucket of 10 that fills up at 5 a
// second: ALLOW key → 1 or 0.
func allow(tx slotmesh.Tx, args []string) (any, error) {
	tokens, last := 10.0, tx.Now()
	if b, ok := tx.Get(args[0]); ok {
		count, at, _ := strings.Cut(string(b), " ")
		tokens, _ = strconv.ParseFloat(count, 64)
		ms, _ := strconv.ParseInt(at, 10, 64)
		tokens = min(10, tokens+5*last.Sub(time.UnixMilli(ms)).Seconds())
	}
	reply := 0
	if tokens >= 1 {
		tokens, reply = tokens-1, 1
	}
	state := fmt.Sprintf("%f %d", tokens, last.UnixMilli())
	return reply, tx.Set(args[0], []byte(state), 2*time.Second) // by then it is full again
}

// The README's rate limiter is one command, however it is called, and what it keeps
// survives a slot move and a failover. No token comes in while the clock stands still.
func TestHostCommandFromEverywhere(t *testing.T) {
	if _, err := exec.LookPath("redis-cli"); err != nil {
		t.Skip("redis-cli is not installed")
	}
	var clock atomic.Int64
	clock.Store(time.Now().UnixMilli())
	c := clustertest.Start(t, clustertest.Config{
		Masters: 3, Replicas: 1, TCP: true, NodeTimeout: 500 * time.Millisecond,
		Node: func(_ int, cfg *slotmesh.Config) {
			cfg.Clock = func() time.Time { return time.UnixMilli(clock.Load()) }
		},
		Prepare: func(_ int, n *slotmesh.Node) {
			if err := n.Handle("ALLOW", slotmesh.CommandSpec{Write: true, Arity: 2, Summary: "Takes a token."},
				allow); err != nil {
				t.Error(err)
			}
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs(),
		ClusterStateReloadInterval: 100 * time.Millisecond})
	defer client.Close()
	const bucket = "{user}1"
	cli := func(args ...string) string {
		t.Helper()
		host, port, _ := strings.Cut(c.Addrs()[5], ":")
		out, err := exec.CommandContext(ctx, "redis-cli",
			append([]string{"-c", "-h", host, "-p", port}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("redis-cli %s: %v: %s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	slot := slots.OfString(bucket)
	from, to := -1, -1
	for i := range 3 {
		if c.Node(i).Map().IsMine(slot) {
			from = i
		} else {
			to = i
		}
	}
	asked := 0
	takes := func(who string, want int) { // a token, or is refused
		t.Helper()
		asked++
		var got any
		var err error
		switch who {
		case "redis-cli":
			got = cli("ALLOW", bucket)
		case "go-redis":
			got, err = client.Do(ctx, "ALLOW", bucket).Int()
			for want == 0 && err != nil && ctx.Err() == nil { // it learns late of a failover; an empty bucket does not mind
				got, err = client.Do(ctx, "ALLOW", bucket).Int()
			}
		case "Go":
			got, err = c.Node(from).Router().Do(ctx, "ALLOW", bucket)
		case "Go, and a replica has it":
			got, err = c.Node(from).Router().Do(slotmesh.WithSync(ctx, 1), "ALLOW", bucket)
		}
		if err != nil || fmt.Sprint(got) != strconv.Itoa(want) {
			t.Errorf("%d: %s: %v, %v, want %d", asked, who, got, err, want)
		}
	}
	for range 3 {
		takes("redis-cli", 1)
	}

	// The slot moves to another master.
	var set slots.Set
	set.Add(slot)
	id, err := c.Node(from).MigrateSlots(ctx, set, c.Node(to).ID())
	if err == nil {
		err = c.Node(from).WaitMigration(ctx, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	takes("redis-cli", 1)
	for range 3 {
		takes("go-redis", 1)
	}
	takes("Go, and a replica has it", 1)

	// The new master dies.
	dead := c.Node(to).ID()
	c.Kill(to)
	if err := c.Node(from).WaitMap(ctx, func(m *slots.Map) bool { return m.Owner(slot).ID != dead }); err != nil {
		t.Fatal(err)
	}
	takes("Go", 1)
	takes("redis-cli", 1) // the tenth
	for _, who := range []string{"Go", "redis-cli", "go-redis"} {
		takes(who, 0)
	}

	// A second brings five.
	clock.Add(1000)
	for _, who := range []string{"Go", "redis-cli", "go-redis", "Go", "redis-cli"} {
		takes(who, 1)
	}
	for _, who := range []string{"Go", "redis-cli", "go-redis"} {
		takes(who, 0)
	}
	if !strings.Contains(cli("COMMAND", "LIST"), "allow") {
		t.Error("COMMAND LIST does not show it")
	}
}
