package bench

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/slots"
)

// What moves: 2,048 slots of the first of three masters, with keys of 16 bytes and values
// of 100.
const movedSlots = 2048

var density = []struct {
	name    string
	perSlot int
}{{"sparse", 12}, {"dense", 61}} // 61 a slot are 1M keys in all

// BenchmarkReshard moves slots by slotmesh's own job and, between redis-server processes,
// by redis-cli --cluster reshard with its best pipeline.
func BenchmarkReshard(b *testing.B) {
	for _, d := range density {
		b.Run(d.name+"/slotmesh", func(b *testing.B) {
			for b.Loop() {
				report(b, d.perSlot, reshardOurs(b, d.perSlot))
			}
		})
		b.Run(d.name+"/redis", func(b *testing.B) {
			if _, err := exec.LookPath("redis-server"); err != nil {
				b.Skip("redis-server is not installed (Debian: apt-get install redis-server)")
			}
			for b.Loop() {
				report(b, d.perSlot, reshardRedis(b, d.perSlot))
			}
		})
	}
}

func report(b *testing.B, perSlot int, took time.Duration) {
	b.ReportMetric(movedSlots/took.Seconds(), "slots/s")
	b.ReportMetric(float64(movedSlots*perSlot)/took.Seconds(), "keys/s")
}

// keysOf returns perSlot keys for each slot.
func keysOf(perSlot int) [slots.Count][]string {
	var keys [slots.Count][]string
	for i, missing := 0, slots.Count; missing > 0; i++ {
		key := fmt.Sprintf("key:%012d", i)
		if s := slots.OfString(key); len(keys[s]) < perSlot {
			if keys[s] = append(keys[s], key); len(keys[s]) == perSlot {
				missing--
			}
		}
	}
	return keys
}

func reshardOurs(b *testing.B, perSlot int, set ...func(*slotmesh.Config)) time.Duration {
	ctx := context.Background()
	nodes := startNodes(b, 3, set...)
	defer closeNodes(nodes)
	if err := slotmesh.Create(ctx, nodes...); err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 100)
	for s, list := range keysOf(perSlot) {
		owner := nodes[0].Map().Owner(slots.Slot(s)).ID
		for _, n := range nodes {
			if n.ID() != owner {
				continue
			}
			for _, key := range list {
				if err := n.Local().Set(ctx, key, value, 0); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	var moved slots.Set
	moved.AddRange(slots.Range{First: 0, Last: movedSlots - 1})
	began := time.Now()
	id, err := nodes[0].MigrateSlots(ctx, moved, nodes[1].ID())
	if err == nil {
		err = nodes[0].WaitMigration(ctx, id)
	}
	if err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	if got := nodes[1].Stats().Store.Keys; got < movedSlots*perSlot {
		b.Fatalf("the target holds only %d keys", got)
	}
	return took
}

func reshardRedis(b *testing.B, perSlot int) time.Duration {
	var addrs []string
	for range 3 {
		addrs = append(addrs, startRedis(b))
	}
	redisCLI(b, append([]string{"--cluster", "create", "--cluster-yes"}, addrs...)...)
	for _, addr := range addrs {
		for !strings.Contains(redisCLI(b, "-p", portOf(addr), "cluster", "info"), "cluster_state:ok") {
			time.Sleep(20 * time.Millisecond)
		}
	}
	keys := keysOf(perSlot)
	for i, r := range slots.Even(3) {
		var list []string
		for s := r.First; s <= r.Last; s++ {
			list = append(list, keys[s]...)
		}
		fill(b, addrs[i], list)
	}
	id := func(addr string) string { return redisCLI(b, "-p", portOf(addr), "cluster", "myid") }
	began := time.Now()
	redisCLI(b, "--cluster", "reshard", addrs[0], "--cluster-from", id(addrs[0]), "--cluster-to", id(addrs[1]),
		"--cluster-slots", strconv.Itoa(movedSlots), "--cluster-pipeline", "500", "--cluster-yes")
	return time.Since(began)
}

func portOf(addr string) string { return addr[strings.IndexByte(addr, ':')+1:] }

// startRedis starts a redis-server in cluster mode that ends with the benchmark, and
// returns its address.
func startRedis(b *testing.B, args ...string) string {
	b.Helper()
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		addr := ln.Addr().String()
		ln.Close()
		port := ln.Addr().(*net.TCPAddr).Port
		if port > 55_000 {
			continue
		}
		cmd := exec.Command("redis-server", append([]string{"--port", strconv.Itoa(port), "--cluster-enabled", "yes",
			"--save", "", "--dir", b.TempDir()}, args...)...)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		for range 100 {
			if conn, err := net.Dial("tcp", addr); err == nil {
				conn.Close()
				return addr
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	b.Fatal("redis-server does not start")
	return ""
}

func redisCLI(b *testing.B, args ...string) string {
	b.Helper()
	out, err := exec.Command("redis-cli", args...).CombinedOutput()
	if err != nil {
		b.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// fill writes keys with values of 100 bytes through one connection.
func fill(b *testing.B, addr string, keys []string) {
	b.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	go func() {
		w := bufio.NewWriterSize(conn, 1<<20)
		value := strings.Repeat("v", 100)
		for _, key := range keys {
			fmt.Fprintf(w, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$100\r\n%s\r\n", len(key), key, value)
		}
		w.Flush()
	}()
	r := bufio.NewReader(conn)
	for range keys {
		line, err := r.ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "+OK") {
			b.Fatalf("SET answered %q, %v", line, err)
		}
	}
}
