package interop

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// eachProtocol runs a test against three nodes on TCP, once in RESP2 and once in RESP3.
func eachProtocol(t *testing.T, run func(t *testing.T, ctx context.Context, c *redis.ClusterClient)) {
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", protocol), func(t *testing.T) {
			cluster := clustertest.Start(t, clustertest.Config{Masters: 3, TCP: true})
			client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs()[:1], Protocol: protocol})
			t.Cleanup(func() { client.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			run(t, ctx, client)
		})
	}
}

func TestGoRedisTenThousandKeysOverAllSlots(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ctx context.Context, c *redis.ClusterClient) {
		const workers, keys = 8, 10_000
		var all slots.Set
		for i := range keys {
			all.Add(slots.OfString(fmt.Sprint("key:", i)))
		}
		if all.Len() < slots.Count/3 {
			t.Fatalf("the keys lie in only %d slots", all.Len())
		}
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < keys; i += workers {
					key, want := fmt.Sprint("key:", i), fmt.Sprint("value:", i)
					if err := c.Set(ctx, key, want, 0).Err(); err != nil {
						t.Errorf("SET %s: %v", key, err)
						return
					}
					if got, err := c.Get(ctx, key).Result(); err != nil || got != want {
						t.Errorf("GET %s = %q, %v", key, got, err)
						return
					}
				}
			})
		}
		wg.Wait()
		var total int64
		var mu sync.Mutex
		err := c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			n, err := node.DBSize(ctx).Result()
			mu.Lock()
			total += n
			mu.Unlock()
			return err
		})
		if err != nil || total != keys {
			t.Errorf("the masters hold %d keys, %v; want %d", total, err, keys)
		}
	})
}

func TestGoRedisPipeline(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ctx context.Context, c *redis.ClusterClient) {
		var incr []*redis.IntCmd
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 1000 {
				incr = append(incr, p.IncrBy(ctx, fmt.Sprint("counter:", i), int64(i)))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, cmd := range incr {
			if cmd.Val() != int64(i) {
				t.Fatalf("counter %d is %d", i, cmd.Val())
			}
		}
	})
}

// Twenty clients add to one counter under WATCH; a retry follows each lost race.
func TestGoRedisWatchMultiExec(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ctx context.Context, c *redis.ClusterClient) {
		const clients, rounds = 20, 5
		add := func(tx *redis.Tx) error {
			n, err := tx.Get(ctx, "{acc}balance").Int()
			if err != nil && err != redis.Nil {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "{acc}balance", n+1, 0)
				p.Incr(ctx, "{acc}writes")
				return nil
			})
			return err
		}
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for range rounds {
					var err error = redis.TxFailedErr
					for errors.Is(err, redis.TxFailedErr) {
						err = c.Watch(ctx, add, "{acc}balance")
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		got, err := c.MGet(ctx, "{acc}balance", "{acc}writes").Result()
		if err != nil || fmt.Sprint(got) != fmt.Sprintf("[%d %[1]d]", clients*rounds) {
			t.Errorf("balance and writes are %v, %v; want %d each", got, err, clients*rounds)
		}
	})
}

func TestGoRedisManyKeysAndCrossSlot(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ctx context.Context, c *redis.ClusterClient) {
		if err := c.MSet(ctx, "{user:7}name", "ada", "{user:7}lang", "go").Err(); err != nil {
			t.Fatal(err)
		}
		got, err := c.MGet(ctx, "{user:7}name", "{user:7}none", "{user:7}lang").Result()
		if err != nil || fmt.Sprint(got) != "[ada <nil> go]" {
			t.Errorf("MGET = %v, %v", got, err)
		}
		err = c.Do(ctx, "MSET", "foo", "1", "bar", "2").Err()
		if err == nil || !strings.HasPrefix(err.Error(), "CROSSSLOT") {
			t.Errorf("MSET over two slots: %v, want CROSSSLOT", err)
		}
	})
}

func TestGoRedisTTL(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ctx context.Context, c *redis.ClusterClient) {
		c.Set(ctx, "session", "x", time.Hour)
		ttl, err := c.TTL(ctx, "session").Result()
		if err != nil || ttl > time.Hour || ttl < time.Hour-time.Minute {
			t.Errorf("TTL = %v, %v", ttl, err)
		}
		if ok, err := c.Persist(ctx, "session").Result(); err != nil || !ok {
			t.Errorf("PERSIST = %v, %v", ok, err)
		}
		if ttl, _ := c.TTL(ctx, "session").Result(); ttl != -1 {
			t.Errorf("TTL after PERSIST = %v", ttl)
		}
		if err := c.PExpireAt(ctx, "session", time.Now().Add(-time.Second)).Err(); err != nil {
			t.Error(err)
		}
		if err := c.Get(ctx, "session").Err(); err != redis.Nil {
			t.Errorf("an expired key is there: %v", err)
		}
	})
}

func TestGoRedisScan(t *testing.T) {
	eachProtocol(t, func(t *testing.T, ctx context.Context, c *redis.ClusterClient) {
		const keys = 2000
		for i := range keys {
			c.Set(ctx, fmt.Sprint("scan:", i), i, 0)
		}
		seen := make(map[string]bool)
		var mu sync.Mutex
		err := c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			iter := node.Scan(ctx, 0, "scan:*", 100).Iterator()
			for iter.Next(ctx) {
				mu.Lock()
				seen[iter.Val()] = true
				mu.Unlock()
			}
			return iter.Err()
		})
		if err != nil || len(seen) != keys {
			t.Errorf("SCAN found %d keys, %v; want %d", len(seen), err, keys)
		}
	})
}
