package interop

import (
	"context"
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

func TestRedisCLIImport(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
}
