package bench

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// tools are the two commands that administer, each with servers of its own kind, all in
// processes of their own with a folder on disk.
var tools = []struct {
	name  string
	start func(b *testing.B, args ...string) string
	run   func(b *testing.B, verb string, args ...string)
}{
	{"slotmesh", startServe, func(b *testing.B, verb string, args ...string) {
		run(b, command(b), append([]string{verb}, args...)...)
	}},
	{"redis", startRedis, func(b *testing.B, verb string, args ...string) {
		run(b, "redis-cli", append([]string{"--cluster", verb}, args...)...)
	}},
}

// BenchmarkAdminCreate makes a cluster of servers that run already, until the command
// says that all is well.
func BenchmarkAdminCreate(b *testing.B) {
	for _, n := range []int{6, 30} {
		for _, tool := range tools {
			b.Run(fmt.Sprintf("nodes=%d/%s", n, tool.name), func(b *testing.B) {
				needRedis(b, tool.name)
				for b.Loop() {
					b.StopTimer()
					addrs := startAll(b, n, tool.start)
					b.StartTimer()
					tool.run(b, "create", append(addrs, "--cluster-replicas", "1", "--cluster-yes")...)
				}
			})
		}
	}
}

// BenchmarkAdminRebalance gives an empty fourth master its share of 200,000 keys with
// values of 100 bytes.
func BenchmarkAdminRebalance(b *testing.B) {
	const perSlot = 200_000/slots.Count + 1
	keys := keysOf(perSlot)
	for _, tool := range tools {
		b.Run(tool.name, func(b *testing.B) {
			needRedis(b, tool.name)
			for b.Loop() {
				b.StopTimer()
				addrs := startAll(b, 4, tool.start)
				tool.run(b, "create", append(addrs[:3:3], "--cluster-yes")...)
				for _, addr := range addrs[:3] {
					awaitOK(b, addr)
				}
				for i, r := range slots.Even(3) {
					var list []string
					for s := r.First; s <= r.Last; s++ {
						list = append(list, keys[s]...)
					}
					fill(b, addrs[i], list)
				}
				tool.run(b, "add-node", addrs[3], addrs[0])
				awaitOK(b, addrs[3])
				time.Sleep(2 * time.Second) // redis-cli does not wait until all know the new node
				began := time.Now()
				b.StartTimer()
				tool.run(b, "rebalance", addrs[0], "--cluster-use-empty-masters", "--cluster-yes")
				b.StopTimer()
				b.ReportMetric(perSlot*slots.Count/4/time.Since(began).Seconds(), "keys/s")
				b.StartTimer()
			}
		})
	}
}

// awaitOK waits until a server serves.
func awaitOK(b *testing.B, addr string) {
	b.Helper()
	for {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprint(conn, "CLUSTER INFO\r\n")
		answer := make([]byte, 4096)
		n, err := conn.Read(answer)
		conn.Close()
		if err != nil {
			b.Fatal(err)
		}
		if strings.Contains(string(answer[:n]), "cluster_state:ok") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func needRedis(b *testing.B, tool string) {
	if _, err := exec.LookPath("redis-server"); err != nil && tool == "redis" {
		b.Skip("redis-server is not installed (Debian: apt-get install redis-server redis-tools)")
	}
}

func startAll(b *testing.B, n int, start func(*testing.B, ...string) string) []string {
	b.Helper()
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = start(b)
	}
	return addrs
}

func run(b *testing.B, path string, args ...string) {
	b.Helper()
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		b.Fatalf("%s %s: %v\n%s", filepath.Base(path), strings.Join(args, " "), err, out)
	}
}

// built is cmd/slotmesh, built once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "slotmesh-bench")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "slotmesh")
	build := exec.Command("go", "build", "-o", path, "./cmd/slotmesh")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building cmd/slotmesh: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := built(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func command(b *testing.B) string {
	b.Helper()
	path, err := built()
	if err != nil {
		b.Fatal(err)
	}
	return path
}

// startServe starts `slotmesh serve` in cluster mode, to end with the benchmark, and
// returns its address.
func startServe(b *testing.B, args ...string) string {
	b.Helper()
	path := command(b)
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
		cmd := exec.Command(path, append([]string{"serve", "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
			"--cluster-enabled", "yes",
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
	b.Fatal("slotmesh serve does not start")
	return ""
}
