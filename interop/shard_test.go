package interop

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/slots"
)

// shards is a cluster of processes, each master with replicas.
type shards struct {
	t     *testing.T
	nodes []*process
}

// createShards starts six processes and lets the stock tool make three masters and three
// replicas of them. It returns when all replicas follow.
func createShards(t *testing.T, args ...string) *shards { return createShardsTLS(t, nil, args...) }

// createShardsTLS is createShards of processes, and by a tool, that speak TLS.
func createShardsTLS(t *testing.T, certs *certificates, args ...string) *shards {
	t.Helper()
	needs(t, "redis-cli")
	c := &shards{t: t}
	create := append(certs.cli(), "--cluster", "create")
	for range 6 {
		p := serveTLS(t, certs, args...)
		c.nodes = append(c.nodes, p)
		create = append(create, p.addr())
	}
	out := redisCLI(t, append(create, "--cluster-replicas", "1", "--cluster-yes")...)
	if !strings.HasSuffix(out, "[OK] All 16384 slots covered.") {
		t.Fatalf("create printed:\n%s", out)
	}
	c.waitHealthy()
	return c
}

// waitHealthy returns when every master has a replica in step, and every node serves.
func (c *shards) waitHealthy() {
	c.t.Helper()
	for _, p := range c.nodes {
		p.eventually("serves, with a linked replica or master", 30*time.Second, func() bool {
			info := p.info()
			linked := info["role"] == "master" && info["connected_slaves"] == "1" &&
				strings.Contains(info["slave0"], "state=online") ||
				info["role"] == "slave" && info["master_link_status"] == "up"
			return linked && strings.Contains(p.ask("cluster", "info"), "cluster_state:ok") &&
				!strings.Contains(p.ask("cluster", "nodes"), "fail")
		})
	}
}

// info returns the fields of INFO replication.
func (p *process) info() map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(p.ask("info", "replication")) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[k] = v
		}
	}
	return fields
}

// offset returns how far the process' data is.
func (p *process) offset() int64 {
	n, _ := strconv.ParseInt(p.info()["master_repl_offset"], 10, 64)
	return n
}

// masters returns the processes that are masters now.
func (c *shards) masters() (list []*process) {
	for _, p := range c.nodes {
		if p.info()["role"] == "master" {
			list = append(list, p)
		}
	}
	return list
}

// replicaOf returns the process that follows master.
func (c *shards) replicaOf(master *process) *process {
	c.t.Helper()
	for _, p := range c.nodes {
		if p != master && p.info()["master_port"] == strconv.Itoa(master.port) {
			return p
		}
	}
	c.t.Fatalf("port %d has no replica", master.port)
	return nil
}

// owned returns a test of whether a key's slot is the master's.
func (c *shards) owned(master *process) func(key string) bool {
	c.t.Helper()
	for line := range strings.Lines(master.ask("cluster", "nodes")) {
		if f := strings.Fields(line); strings.HasPrefix(f[2], "myself") {
			set, err := slots.ParseSet(strings.Join(f[8:], " "))
			if err != nil {
				c.t.Fatal(err)
			}
			return func(key string) bool { return set.Has(slots.OfString(key)) }
		}
	}
	c.t.Fatalf("port %d does not know itself", master.port)
	return nil
}

// keysOf returns n keys of a master's slots.
func (c *shards) keysOf(master *process, n int) (keys []string) {
	owned := c.owned(master)
	for i := 0; len(keys) < n; i++ {
		if key := fmt.Sprint("key:", i); owned(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// client returns a go-redis client of the cluster.
func (c *shards) client(change ...func(*redis.ClusterOptions)) *redis.ClusterClient {
	// By default this client asks for the cluster's state only once a minute while a node
	// refuses its calls.
	opt := &redis.ClusterOptions{MaxRedirects: 100, DialerRetries: 1, ClusterStateReloadInterval: 100 * time.Millisecond}
	for _, p := range c.nodes {
		opt.Addrs = append(opt.Addrs, p.addr())
		if p.tls != nil {
			opt.TLSConfig = p.tls.config()
		}
	}
	for _, f := range change {
		f(opt)
	}
	client := redis.NewClusterClient(opt)
	c.t.Cleanup(func() { client.Close() })
	return client
}

// silent keeps the client from telling of each connection that is refused: here nodes are
// killed on purpose.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silent{}) }

// firstWrite writes to one node until it accepts, and returns when that was.
func (p *process) firstWrite(ctx context.Context, key string) (time.Time, error) {
	client := redis.NewClient(&redis.Options{Addr: p.addr(), MaxRetries: -1})
	defer client.Close()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.Set(ctx, key, "first", 0).Err()
		if err == nil {
			return time.Now(), nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("port %d accepts no write: %w", p.port, err)
		}
	}
}

// signal sends a signal to the process: SIGSTOP and SIGCONT pause it.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// partialResyncs returns how often the process brought a replica up to date from its
// backlog, and how often in full.
func (p *process) resyncs() (full, partial int) {
	number := func(name string) int {
		m := regexp.MustCompile(name + `:(\d+)`).FindStringSubmatch(p.ask("info", "stats"))
		if m == nil {
			p.t.Fatalf("port %d: INFO stats has no %s", p.port, name)
		}
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return number("sync_full"), number("sync_partial_ok")
}

// spread is the median and the worst of some durations.
func spread(list []time.Duration) (median, worst time.Duration) {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2], list[len(list)-1]
}
