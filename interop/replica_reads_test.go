package interop

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// replicated starts three masters with a replica each, and a client of them.
func replicated(t *testing.T, change func(*redis.ClusterOptions)) (*clustertest.Cluster, *redis.ClusterClient,
	context.Context) {
	t.Helper()
	c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, TCP: true})
	opt := &redis.ClusterOptions{Addrs: c.Addrs()}
	change(opt)
	client := redis.NewClusterClient(opt)
	t.Cleanup(func() { client.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	for _, n := range c.Nodes() {
		if err := n.WaitSynced(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return c, client, ctx
}

func TestGoRedisReadsFromReplicas(t *testing.T) {
	for name, change := range map[string]func(*redis.ClusterOptions){
		"ReadOnly":       func(o *redis.ClusterOptions) { o.ReadOnly = true },
		"RouteRandomly":  func(o *redis.ClusterOptions) { o.RouteRandomly = true },
		"RouteByLatency": func(o *redis.ClusterOptions) { o.RouteByLatency = true },
	} {
		t.Run(name, func(t *testing.T) {
			c, client, ctx := replicated(t, change)
			const keys = 500
			for i := range keys {
				if err := client.Set(ctx, fmt.Sprint("key:", i), i, 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
			var offset atomic.Int64 // acknowledged by all: nothing is on its way any more
			err := client.ForEachMaster(ctx, func(ctx context.Context, m *redis.Client) error {
				p := m.Pipeline()
				p.Set(ctx, ownKey(c, m.Options().Addr), "last", 0)
				held := p.Do(ctx, "wait", 1, 5000)
				_, err := p.Exec(ctx)
				if n, _ := held.Int(); n == 1 {
					offset.Add(1)
				}
				return err
			})
			if err != nil || offset.Load() != 3 {
				t.Fatalf("%d of 3 replicas are up to date, %v", offset.Load(), err)
			}
			for i := range keys {
				if got, err := client.Get(ctx, fmt.Sprint("key:", i)).Int(); err != nil || got != i {
					t.Fatalf("key:%d = %d, %v", i, got, err)
				}
			}
			if name == "RouteByLatency" {
				return // which may well choose masters only
			}
			var hits uint64
			for _, n := range c.Nodes()[3:] {
				hits += n.Stats().Store.Hits
			}
			if hits < keys/10 {
				t.Errorf("the replicas answered %d of %d reads", hits, keys)
			}
		})
	}
}

// ownKey returns a key of the master at addr that the test does not use elsewhere.
func ownKey(c *clustertest.Cluster, addr string) string {
	for _, n := range c.Nodes() {
		if n.Addr().Client() != addr {
			continue
		}
		for i := 0; ; i++ {
			if key := fmt.Sprint("own:", i); n.Map().IsMine(slots.OfString(key)) {
				return key
			}
		}
	}
	return ""
}

// What a replica answers to a client that is no cluster client.
func TestReplicaRedirects(t *testing.T) {
	c, _, ctx := replicated(t, func(*redis.ClusterOptions) {})
	replica := c.Node(3)
	master := replica.Map().Node(replica.Map().Self().Master)
	key := ownKey(c, master.Addr.Client())
	for _, n := range c.Nodes() {
		if n.ID() == master.ID {
			if err := n.Local().Set(slotmesh.WithSync(ctx, 1), key, []byte("v"), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	conn := redis.NewClient(&redis.Options{Addr: replica.Addr().Client(), MaxRetries: -1, PoolSize: 1}).Conn()
	defer conn.Close()
	moved := fmt.Sprintf("MOVED %d %s", slots.OfString(key), master.Addr.Client())
	answer := func(args ...any) string {
		v, err := conn.Do(ctx, args...).Result()
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(v)
	}
	for i, step := range []struct {
		args []any
		want string
	}{
		{[]any{"get", key}, moved},
		{[]any{"set", key, "w"}, moved},
		{[]any{"readonly"}, "OK"},
		{[]any{"set", key, "w"}, moved},
		{[]any{"multi"}, "OK"},
		{[]any{"get", key}, "QUEUED"},
		{[]any{"exec"}, "[v]"},
		{[]any{"multi"}, "OK"},
		{[]any{"set", key, "w"}, moved},
		{[]any{"exec"}, "EXECABORT Transaction discarded because of previous errors."},
		{[]any{"wait", 0, 0}, "ERR WAIT cannot be used with replica instances."},
		{[]any{"readwrite"}, "OK"},
		{[]any{"get", key}, moved},
		// the client gives up the connection then
		{[]any{"flushall"}, "READONLY You can't write against a read only replica."},
	} {
		if got := answer(step.args...); !strings.HasPrefix(got, step.want) {
			t.Errorf("step %d: %v answers %q, want %q", i, step.args, got, step.want)
		}
	}
}
