package interop

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// busyNode starts a node with all slots, and with keys of which "hot" is read often.
func busyNode(t *testing.T, args ...string) *process {
	t.Helper()
	p := serve(t, args...)
	p.ask("cluster", "addslotsrange", "0", "16383")
	p.eventually("cluster_state:ok", 10*time.Second, func() bool {
		return strings.Contains(p.ask("cluster", "info"), "cluster_state:ok")
	})
	p.ask("set", "cold", strings.Repeat("x", 5000))
	p.ask("set", "hot", "v")
	p.ask("rpush", "long", "a", "b", "c")
	p.ask("hset", "hash", "f", "v", "g", "w")
	for range 40 {
		p.ask("get", "hot")
	}
	return p
}

// The options of redis-cli that look for keys.
func TestRedisCLIFindsKeys(t *testing.T) {
	t.Parallel()
	needs(t, "redis-cli")
	p := busyNode(t, "--maxmemory-policy", "allkeys-lfu")
	for option, want := range map[string][]string{
		"--hotkeys": {`Sampled 4 keys`, `hot key found with counter: \d+\s+keyname: "?hot"?`},
		"--bigkeys": {`Sampled 4 keys`, `Biggest string found '"cold"' has 5000 bytes`, `Biggest   list found '"long"' has 3 items`,
			`Biggest   hash found '"hash"' has 2 fields`},
		"--memkeys": {`Sampled 4 keys`, `Biggest string found '"cold"' has 50\d\d bytes`},
	} {
		out := p.cli(option)
		for _, pattern := range want {
			if !regexp.MustCompile(pattern).MatchString(out) {
				t.Errorf("%s has nothing like %q:\n%s", option, pattern, out)
			}
		}
	}
	p.ask("config", "set", "maxmemory-policy", "allkeys-lru")
	if got := p.cli("object", "freq", "hot"); !strings.Contains(got, "An LFU maxmemory policy is not selected") {
		t.Errorf("OBJECT FREQ under an LRU policy: %s", got)
	}
}

// CLUSTER SLOT-STATS by a stock tool and a library.
func TestSlotStatsAreRead(t *testing.T) {
	t.Parallel()
	needs(t, "redis-cli")
	p := busyNode(t, "--cluster-slot-stats-enabled", "yes")
	slot := p.cli("cluster", "keyslot", "hot")
	out := strings.Fields(p.cli("cluster", "slot-stats", "orderby", "network-bytes-in", "limit", "1", "desc"))
	if len(out) != 11 || out[1] != "key-count" || out[2] != "1" || out[3] != "cpu-usec" || out[5] != "network-bytes-in" {
		t.Errorf("redis-cli has read %q", out)
	}
	rdb := redis.NewClient(&redis.Options{Addr: p.addr()})
	defer rdb.Close()
	list, err := rdb.Do(t.Context(), "CLUSTER", "SLOT-STATS", "SLOTSRANGE", slot, slot).Slice()
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	stats := list[0].([]any)[1].(map[any]any)
	if stats["key-count"] != int64(1) || stats["network-bytes-out"].(int64) < 40*7 || stats["network-bytes-in"].(int64) < 40*22 {
		t.Errorf("%v", stats)
	}
}
