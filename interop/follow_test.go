package interop

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/internal/rdb"
)

// TestFollowIntoCluster moves from a real Redis into a cluster of three masters while four
// clients write. The link is killed on the way and has to go on where it ended.
// SLOTMESH_FOLLOW_KEYS sets how many keys there are at first.
func TestFollowIntoCluster(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		keys := 5000
		if n, err := strconv.Atoi(os.Getenv("SLOTMESH_FOLLOW_KEYS")); err == nil {
			keys = n
		}
		ctx := soon(t)
		source := redisServer(t, "--cluster-enabled", "no", "--requirepass", "secret", "--repl-backlog-size", "64mb")
		dial := func() *redis.Client {
			c := redis.NewClient(&redis.Options{Addr: source.addr(), Password: "secret", MaxRetries: -1,
				ReadTimeout: -1})
			t.Cleanup(func() { c.Close() })
			return c
		}
		old := dial()
		seed := rand.Uint64()
		t.Log("seed", seed)
		filler := &mover{rand.New(rand.NewPCG(seed, 0)), keys / 10}
		if err := filler.fill(ctx, old, keys); err != nil {
			t.Fatal(err)
		}
		old.Do(ctx, "function", "load", "#!lua name=mine\nredis.register_function('f', function() return 1 end)")

		_, nodes := created(t, 3, 0, b.start)
		var killed sync.Once
		c := adminClient(t, admin.Config{OnEvent: func(e admin.Event) {
			if p, ok := e.(admin.FollowProgress); ok {
				if p.FullSyncs == 1 && !p.Loading {
					killed.Do(func() { old.Do(ctx, "client", "kill", "type", "replica") })
				}
			}
			t.Logf("%s %T %v", time.Now().Format("05.000"), e, e)
		}})

		writing, stop := context.WithCancel(ctx)
		var writers sync.WaitGroup
		var written atomic.Int64
		clients := make([]*redis.Client, 4)
		for i := range clients {
			clients[i] = dial()
			writers.Go(func() {
				m := &mover{rand.New(rand.NewPCG(seed, uint64(1+i))), keys / 10}
				written.Add(int64(m.write(writing, clients[i])))
			})
		}
		began := time.Now()
		result, err := c.Follow(ctx, view(t, c, nodes[0]), admin.Follow{From: source.addr(), FromPassword: "secret",
			CutOver: true})
		if err != nil {
			t.Fatal(err)
		}
		stop()
		for _, c := range clients { // some wait for the end of the pause
			c.Close()
		}
		writers.Wait()
		t.Logf("%v: %+v, %d commands written", time.Since(began), result, written.Load())
		if result.Behind != 0 || result.FullSyncs != 1 || result.Resumed == 0 {
			t.Errorf("%+v", result)
		}
		compareMoved(t, old, nodes)
	})
}

// compareMoved compares each key of database 0 of a server with that of a cluster: type,
// time to live, and value.
func compareMoved(t *testing.T, old *redis.Client, nodes []*process) {
	t.Helper()
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes)})
	defer c.Close()
	compareKeys(t, old, c, nodes)
}

// compareKeys compares each key of a server with what c has, and each key of nodes, which c
// reaches.
func compareKeys(t *testing.T, old *redis.Client, c redis.Cmdable, nodes []*process) {
	t.Helper()
	ctx := t.Context()
	compared, differ := 0, 0
	each := func(keys []string) {
		ours, theirs := describe(ctx, c, keys), describe(ctx, old, keys)
		for i, key := range keys {
			for try := 0; !sameKey(ours[i], theirs[i]); try++ {
				if try < 3 { // it may have expired between the two
					ours[i], theirs[i] = describe(ctx, c, keys[i:i+1])[0], describe(ctx, old, keys[i:i+1])[0]
					continue
				}
				if differ++; differ <= 3 {
					t.Errorf("%s: here\n%#v\nat the source\n%#v", key, ours[i], theirs[i])
				}
				break
			}
			compared++
		}
	}
	scan := func(r *redis.Client) {
		for cursor := uint64(0); ; {
			keys, next, err := r.Scan(ctx, cursor, "", 1000).Result()
			if err != nil {
				t.Fatal(err)
			}
			each(keys)
			if cursor = next; cursor == 0 {
				return
			}
		}
	}
	scan(old)
	for _, p := range nodes {
		scan(client(t, p))
	}
	t.Logf("%d keys compared, %d differ", compared, differ)
}

// described is what a key is.
type described struct {
	dump     string
	expireAt time.Duration // since 1970, -1 ns for never
}

func describe(ctx context.Context, c redis.Cmdable, keys []string) []described {
	p := c.Pipeline()
	dumps, times := make([]*redis.StringCmd, len(keys)), make([]*redis.DurationCmd, len(keys))
	for i, key := range keys {
		dumps[i], times[i] = p.Dump(ctx, key), p.PExpireTime(ctx, key)
	}
	p.Exec(ctx)
	list := make([]described, len(keys))
	for i := range keys {
		list[i] = described{dumps[i].Val(), times[i].Val()}
	}
	return list
}

func sameKey(a, b described) bool {
	return a.expireAt == b.expireAt && (a.dump == b.dump || rdb.Same([]byte(a.dump), []byte(b.dump)) ||
		streamText(a.dump) != "" && streamText(a.dump) == streamText(b.dump))
}
