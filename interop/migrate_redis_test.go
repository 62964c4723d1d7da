package interop

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// client connects to one process.
func client(t *testing.T, p *process) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: p.addr()})
	t.Cleanup(func() { c.Close() })
	return c
}

// entry is what must survive a journey.
type entry struct {
	value  string
	expiry time.Duration // Unix time; 0 = never
}

// entries makes n values of all forms in which Redis dumps strings: integers,
// compressible, neither.
func entries(n int) map[string]entry {
	list := make(map[string]entry, n)
	deadline := time.Duration(time.Now().Add(time.Hour).UnixMilli()) * time.Millisecond
	for i := range n {
		var e entry
		switch i % 4 {
		case 0:
			e.value = strconv.Itoa(i * 7919)
		case 1:
			e.value = strings.Repeat("abc", i%100+10)
		case 2:
			e.value = fmt.Sprintf("%x\r\n\x00%d", i, i)
		case 3:
			e.value = strconv.Itoa(-i)
		}
		if i%3 == 0 {
			e.expiry = deadline + time.Duration(i)*time.Millisecond
		}
		list["key:"+strconv.Itoa(i)] = e
	}
	return list
}

func store(t *testing.T, c redis.UniversalClient, list map[string]entry) {
	t.Helper()
	ctx := t.Context()
	pipe := c.Pipeline()
	for key, e := range list {
		pipe.Set(ctx, key, e.value, 0)
		if e.expiry != 0 {
			pipe.PExpireAt(ctx, key, time.UnixMilli(e.expiry.Milliseconds()))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
}

// compare fails the test if a value, or an expiry by more than a journey may take, differs.
func compare(t *testing.T, c redis.UniversalClient, list map[string]entry) {
	t.Helper()
	ctx := t.Context()
	for key, want := range list {
		var value *redis.StringCmd
		var expiry *redis.DurationCmd
		if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			value, expiry = p.Get(ctx, key), p.PExpireTime(ctx, key)
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if value.Val() != want.value {
			t.Fatalf("%s is %q, want %q", key, value.Val(), want.value)
		}
		got := expiry.Val()
		if want.expiry == 0 && got >= 0 || want.expiry != 0 &&
			(got < want.expiry-time.Second || got > want.expiry+time.Second) {
			t.Fatalf("%s expires at %v, want %v", key, got, want.expiry)
		}
	}
}

func TestRedisCLIImport(t *testing.T) {
	const keys = 10_000
	old := redisServer(t, "--cluster-enabled", "no")
	list := entries(keys)
	store(t, client(t, old), list)
	nodes := masters(t, 3, 0)
	out := redisCLI(t, "--cluster", "import", nodes[0].addr(), "--cluster-from", old.addr(), "--cluster-copy")
	if strings.Contains(out, "failed") || strings.Contains(out, "ERR") {
		t.Fatalf("import printed:\n%s", tail(out, 20))
	}
	clean(t, nodes, keys)
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes)})
	t.Cleanup(func() { c.Close() })
	compare(t, c, list)
}

// From a node of a cluster to a real server, and back: each slot's keys by one MIGRATE.
func TestMigrateToRedisAndBack(t *testing.T) {
	const keys = 1000
	nodes := masters(t, 3, 0)
	other := redisServer(t, "--cluster-enabled", "no", "--requirepass", "secret")
	list := entries(keys)
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes)})
	t.Cleanup(func() { c.Close() })
	store(t, c, list)
	ctx := t.Context()

	// A cluster sends RESTORE-ASKING, which a server in no cluster takes too.
	err := c.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		mine, err := master.Keys(ctx, "*").Result()
		for _, key := range mine {
			if err == nil {
				err = master.Do(ctx, "migrate", "127.0.0.1", other.port, key, 0, 5000, "auth", "secret").Err()
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	clean(t, nodes, 0)
	there := redis.NewClient(&redis.Options{Addr: other.addr(), Password: "secret"})
	t.Cleanup(func() { there.Close() })
	compare(t, there, list)

	for key := range list {
		master, err := c.MasterForKey(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		host, port, _ := strings.Cut(master.Options().Addr, ":")
		if got, err := there.Migrate(ctx, host, port, key, 0, 5*time.Second).Result(); err != nil || got != "OK" {
			t.Fatalf("migrating %s back: %s, %v", key, got, err)
		}
	}
	clean(t, nodes, keys)
	compare(t, c, list)

	// What only Redis knows stays where it is.
	there.RPush(ctx, "list", "a", "b")
	master, err := c.MasterForKey(ctx, "list")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(master.Options().Addr, ":")
	const want = "ERR Target instance replied with error: ERR values of type list are not supported, only strings are"
	if err := there.Migrate(ctx, host, port, "list", 0, 5*time.Second).Err(); err == nil || err.Error() != want {
		t.Errorf("migrating a list: %v, want %s", err, want)
	}
	if n := there.LLen(ctx, "list").Val(); n != 2 {
		t.Errorf("the list has %d elements left", n)
	}
}
