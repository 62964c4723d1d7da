package bench

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fullSyncKeys is the number of keys of 100 bytes that a new replica has to get.
const fullSyncKeys = 1_000_000

// BenchmarkFullSync brings a new replica up to date over loopback TCP, from process to
// process, ours and redis-server's with its best settings (without a delay, without a
// file), in turn. The figure is the median of the rounds. Beside it stands the latency of
// a client that writes to the master once a millisecond, before and in the meantime.
func BenchmarkFullSync(b *testing.B) {
	b.Run("slotmesh", func(b *testing.B) { syncRounds(syncOurs(b)) })
	b.Run("redis", func(b *testing.B) {
		if _, err := exec.LookPath("redis-server"); err != nil {
			b.Skip("redis-server is not installed")
		}
		syncRounds(syncRedis(b))
	})
}

// syncRounds calls once, which makes one full sync from the master and returns how long
// it took.
func syncRounds(b *testing.B, master string, once func() time.Duration) {
	var took, meantime []time.Duration
	idle := latencies(b, master, func() { time.Sleep(2 * time.Second) })
	b.ResetTimer()
	for range max(b.N, 5) {
		meantime = append(meantime, latencies(b, master, func() { took = append(took, once()) })...)
	}
	b.ReportMetric(percentile(idle, 99).Seconds()*1e3, "p99-idle-ms")
	b.ReportMetric(percentile(meantime, 99).Seconds()*1e3, "p99-sync-ms")
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "s/sync")
	b.ReportMetric(took[0].Seconds(), "s/best")
	b.ReportMetric(0, "ns/op")
}

func syncOurs(b *testing.B, args ...string) (*testing.B, string, func() time.Duration) {
	master, replica := startServe(b, args...), startServe(b, args...)
	cli := func(addr string, args ...string) string {
		return redisCLI(b, append([]string{"-p", portOf(addr)}, args...)...)
	}
	cli(master, "cluster", "addslotsrange", "0", "16383")
	keys := make([]string, fullSyncKeys)
	for i := range keys {
		keys[i] = "key:" + strconv.Itoa(i)
	}
	fill(b, master, keys)
	id := cli(master, "cluster", "myid")
	return b, master, func() time.Duration {
		cli(replica, "cluster", "meet", "127.0.0.1", portOf(master))
		for !strings.Contains(cli(replica, "cluster", "nodes"), id) {
			time.Sleep(5 * time.Millisecond)
		}
		began := time.Now()
		cli(replica, "cluster", "replicate", id)
		for !strings.Contains(cli(replica, "info", "replication"), "master_link_status:up") {
			time.Sleep(5 * time.Millisecond)
		}
		took := time.Since(began)
		if got := cli(replica, "dbsize"); got != strconv.Itoa(fullSyncKeys) {
			b.Fatalf("the replica holds %s keys", got)
		}
		cli(replica, "cluster", "reset", "hard")
		return took
	}
}

func syncRedis(b *testing.B) (*testing.B, string, func() time.Duration) {
	args := []string{"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0", "--repl-diskless-load", "swapdb",
		"--cluster-enabled", "no",
		"--enable-debug-command", "yes"}
	master, replica := startRedis(b, args...), startRedis(b, args...)
	redisCLI(b, "-p", portOf(master), "debug", "populate", strconv.Itoa(fullSyncKeys), "key", "100")
	return b, master, func() time.Duration {
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
