package bench

import (
	"context"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
)

// fullSyncKeys is the number of keys of 100 bytes that a new replica has to get.
const fullSyncKeys = 1_000_000

// BenchmarkFullSync brings a new replica up to date over loopback TCP, ours and redis-server's with its best settings
// (without a delay, without a file), in turn. The figure is the median of the rounds.
func BenchmarkFullSync(b *testing.B) {
	b.Run("slotmesh", func(b *testing.B) { syncRounds(b, syncOurs(b)) })
	b.Run("redis", func(b *testing.B) {
		if _, err := exec.LookPath("redis-server"); err != nil {
			b.Skip("redis-server is not installed")
		}
		syncRounds(b, syncRedis(b))
	})
}

// syncRounds calls once, which makes one full sync and returns how long it took.
func syncRounds(b *testing.B, once func() time.Duration) {
	var took []time.Duration
	b.ResetTimer()
	for range max(b.N, 5) {
		took = append(took, once())
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "s/sync")
	b.ReportMetric(took[0].Seconds(), "s/best")
	b.ReportMetric(0, "ns/op")
}

func syncOurs(b *testing.B) func() time.Duration {
	ctx := context.Background()
	nodes := startNodes(b, 2)
	b.Cleanup(func() { closeNodes(nodes) })
	if err := slotmesh.Create(ctx, nodes[0]); err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 100)
	for i := range fullSyncKeys {
		if err := nodes[0].Set(ctx, "key:"+strconv.Itoa(i), value, 0); err != nil {
			b.Fatal(err)
		}
	}
	if err := nodes[0].Meet(ctx, nodes[1].Addr()); err != nil {
		b.Fatal(err)
	}
	return func() time.Duration {
		began := time.Now()
		for nodes[1].Replicate(ctx, nodes[0].ID()) != nil { // until it has heard of its master
			time.Sleep(time.Millisecond)
		}
		for nodes[1].Map().Self().IsMaster() {
			time.Sleep(time.Millisecond)
		}
		if err := nodes[1].WaitSynced(ctx); err != nil {
			b.Fatal(err)
		}
		took := time.Since(began)
		if got := nodes[1].Stats().Store.Keys; got != fullSyncKeys {
			b.Fatalf("the replica holds %d keys", got)
		}
		nodes[1].Close()
		nodes[1] = startNodes(b, 1)[0]
		if err := nodes[0].Meet(ctx, nodes[1].Addr()); err != nil {
			b.Fatal(err)
		}
		return took
	}
}

func syncRedis(b *testing.B) func() time.Duration {
	args := []string{"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--repl-diskless-load", "swapdb", "--cluster-enabled", "no",
		"--enable-debug-command", "yes"}
	master, replica := startRedis(b, args...), startRedis(b, args...)
	redisCLI(b, "-p", portOf(master), "debug", "populate", strconv.Itoa(fullSyncKeys), "key", "100")
	return func() time.Duration {
		began := time.Now()
		redisCLI(b, "-p", portOf(replica), "replicaof", "127.0.0.1", portOf(master))
		for !strings.Contains(redisCLI(b, "-p", portOf(replica), "info", "replication"), "master_link_status:up") {
			time.Sleep(5 * time.Millisecond)
		}
		took := time.Since(began)
		if got := redisCLI(b, "-p", portOf(replica), "dbsize"); got != strconv.Itoa(fullSyncKeys) {
			b.Fatalf("the replica holds %s keys", got)
		}
		redisCLI(b, "-p", portOf(replica), "replicaof", "no", "one")
		redisCLI(b, "-p", portOf(replica), "flushall")
		return took
	}
}
