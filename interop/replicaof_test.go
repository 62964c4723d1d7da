package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestReplicaOf makes a standalone node a replica of a real Redis while clients write to
// that, kills the link, compares both, and makes the node a master.
func TestReplicaOf(t *testing.T) {
	t.Parallel()
	ctx := soon(t)
	master := redisServer(t, "--cluster-enabled", "no", "--requirepass", "secret", "--repl-backlog-size", "64mb",
		"--repl-diskless-sync-delay", "0")
	node := serve(t, "--cluster-enabled", "no", "--masterauth", "secret")
	dial := func() *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: master.addr(), Password: "secret", MaxRetries: -1})
		t.Cleanup(func() { c.Close() })
		return c
	}
	old, ours := dial(), client(t, node)
	seed := rand.Uint64()
	t.Log("seed", seed)
	filler := &mover{rand.New(rand.NewPCG(seed, 0)), 300}
	if err := filler.fill(ctx, old, 3000); err != nil {
		t.Fatal(err)
	}
	old.Do(ctx, "function", "load", "#!lua name=mine\nredis.register_function('f', function() return 1 end)")
	ours.Set(ctx, "before", "the full sync", 0)

	writing, stop := context.WithCancel(ctx)
	var writers sync.WaitGroup
	for i := range 2 {
		c := dial()
		writers.Go(func() {
			(&mover{rand.New(rand.NewPCG(seed, uint64(1+i))), 300}).write(writing, c)
		})
	}
	if got := node.ask("replicaof", "127.0.0.1", master.port); got != "OK" {
		t.Fatal(got)
	}
	if got := node.ask("replicaof", "127.0.0.1", master.port); got != "OK Already connected to specified master" {
		t.Error(got)
	}
	up := func() bool { return strings.Contains(node.ask("info", "replication"), "master_link_status:up") }
	node.eventually("link", time.Minute, up)
	if got := node.ask("set", "a", "1"); got != "READONLY You can't write against a read only replica." {
		t.Error(got)
	}
	if got := node.ask("function", "flush"); !strings.HasPrefix(got, "READONLY") {
		t.Error(got)
	}
	if got := node.ask("flushall"); !strings.HasPrefix(got, "READONLY") {
		t.Error(got)
	}
	old.Do(ctx, "client", "kill", "type", "replica")
	old.Do(ctx, "function", "load", "#!lua name=other\nredis.register_function('g', function() return 2 end)")
	stop()
	writers.Wait()
	node.eventually("all that was written", time.Minute, func() bool {
		n, err := old.Wait(ctx, 1, time.Second).Result()
		return err == nil && n == 1 && up()
	})
	compareStandalone(t, old, ours)
	if got := ours.FCall(ctx, "g", nil).Val(); got != int64(2) {
		t.Errorf("FCALL g 0: %v", got)
	}
	if info := node.ask("info", "replication"); !strings.Contains(info, "role:slave") ||
		!strings.Contains(info, "master_host:127.0.0.1") {
		t.Error(info)
	}
	if info := old.Info(ctx, "replication").Val(); !strings.Contains(info, "connected_slaves:1") ||
		!strings.Contains(info, ",state=online,") {
		t.Error(info)
	}
	if stats := old.Info(ctx, "stats").Val(); !strings.Contains(stats, "sync_full:1\r\nsync_partial_ok:1\r\n") {
		t.Error(stats)
	}

	old.FlushAll(ctx)
	old.Set(ctx, "last", "1", 0)
	node.eventually("FLUSHALL", time.Minute, func() bool { return ours.DBSize(ctx).Val() == 1 })
	if got := node.ask("replicaof", "no", "one"); got != "OK" {
		t.Fatal(got)
	}
	if got := node.ask("set", "a", "1"); got != "OK" {
		t.Error(got)
	}
	if role := node.ask("info", "replication"); !strings.Contains(role, "role:master") {
		t.Error(role)
	}
}

// compareStandalone compares each key of a replica with its master's.
func compareStandalone(t *testing.T, master, replica *redis.Client) {
	t.Helper()
	ctx := t.Context()
	list, err := master.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	more, err := replica.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	differ := 0
	for _, key := range append(list, more...) {
		one := []string{key}
		for try := 0; ; try++ { // it may expire between the two
			want, got := describe(ctx, master, one)[0], describe(ctx, replica, one)[0]
			if sameKey(want, got) || sameButGroups(t, key, master, replica) {
				break
			}
			if try == 3 {
				if differ++; differ <= 5 {
					t.Errorf("%s: the master has\n%#v\nthe replica\n%#v", key, want, got)
				}
				break
			}
		}
	}
	t.Logf("%d keys, %d differ", len(list), differ)
}

// sameButGroups compares the entries of streams, and what is pending: a master does not
// tell its replicas when a consumer was seen, and how much a group has read.
func sameButGroups(t *testing.T, key string, master, replica *redis.Client) bool {
	if !strings.HasPrefix(key, "stream:") {
		return false
	}
	var said [2]string
	for i, c := range []*redis.Client{master, replica} {
		for _, cmd := range [][]any{{"xrange", key, "-", "+"}, {"pttl", key}} {
			if cmd[0] == "pttl" && c.TTL(t.Context(), key).Val() > 0 {
				continue
			}
			v, _ := c.Do(t.Context(), cmd...).Result()
			said[i] += printed(v)
		}
		pending, _ := c.XPendingExt(t.Context(), &redis.XPendingExtArgs{Stream: key, Group: "g", Start: "-", End: "+",
			Count: 1000}).Result()
		for _, p := range pending {
			said[i] += p.ID + p.Consumer
		}
	}
	return said[0] == said[1]
}

func printed(v any) string { return fmt.Sprintf("%v", v) }
