package bench

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// coordinating are clusters made by hand, and those that balance and look for nodes.
var coordinating = []struct {
	name string
	set  func(*slotmesh.Config)
}{
	{"hand", func(*slotmesh.Config) {}},
	{"slots", balanceBy(slotmesh.BalanceBySlots)},
	{"join", func(cfg *slotmesh.Config) {
		cfg.Join = []string{"10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"}
	}},
	{"keys", balanceBy(slotmesh.BalanceByKeys)},
}

func balanceBy(by slotmesh.BalanceBy) func(*slotmesh.Config) {
	return func(cfg *slotmesh.Config) {
		cfg.Cluster.Balance = slotmesh.BalanceConfig{Mode: slotmesh.BalanceOn, By: by}
	}
}

// BenchmarkCoordinatorBytes counts what six idle nodes say to each other, as BenchmarkIdleBus
// does.
func BenchmarkCoordinatorBytes(b *testing.B) {
	for _, mode := range coordinating {
		b.Run(mode.name, func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(idleBus(b, 6, mode.set), "B/s/node")
			}
		})
	}
}

// BenchmarkCoordinatorWork measures the processor time of six idle nodes in half an hour of
// fake time: what they do themselves, without the system's part of it. The modes take turns;
// the figures are medians.
func BenchmarkCoordinatorWork(b *testing.B) {
	const rounds, nodes, span = 7, 6, 30 * time.Minute
	work := make(map[string][]float64)
	for range rounds {
		for _, mode := range coordinating {
			synctestRun(b, func(tb testing.TB) {
				c := clustertest.Start(tb, clustertest.Config{Masters: nodes, NodeTimeout: 2 * time.Second,
					Node: func(_ int, cfg *slotmesh.Config) { mode.set(cfg) }})
				c.WaitStable()
				time.Sleep(time.Minute) // let the talk of the beginning end
				runtime.GC()
				before := processorTime(tb)
				time.Sleep(span)
				work[mode.name] = append(work[mode.name], (processorTime(tb)-before).Seconds()/nodes/span.Seconds()*1e6)
			})
		}
	}
	for name, list := range work {
		slices.Sort(list)
		b.ReportMetric(list[rounds/2], name+"-µs/s/node")
	}
	b.ReportMetric(0, "ns/op")
}

func processorTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCoordinatorCPU compares the processor time of the processes of idle clusters of
// six over the same minutes: two that were made by hand, and two that have formed by
// themselves and balance.
func BenchmarkCoordinatorCPU(b *testing.B) {
	if _, err := os.Stat("/proc/self/schedstat"); err != nil {
		b.Skip("processor time is read from Linux' /proc")
	}
	const nodes, minutes = 6, 5
	byHand := func() processes {
		p := startProcesses(b, nodes, nil)
		run(b, command(b), append(append([]string{"create"}, p.addrs...), "--cluster-yes")...)
		return p
	}
	bySelf := func() processes {
		return startProcesses(b, nodes, func(addrs []string) []string {
			return []string{"--join", strings.Join(addrs[:3], ","), "--expect", strconv.Itoa(nodes)}
		})
	}
	kinds := []string{"hand", "join", "join", "hand"} // what starts first may differ
	clusters := make([]processes, len(kinds))
	for i, kind := range kinds {
		clusters[i] = map[string]func() processes{"hand": byHand, "join": bySelf}[kind]()
		for _, addr := range clusters[i].addrs {
			awaitOK(b, addr)
		}
	}
	time.Sleep(20 * time.Second) // the hold-off of balance, and the talk of the beginning
	used := make(map[string]float64)
	seconds := 0.
	for b.Loop() {
		for i, kind := range kinds {
			used[kind] -= clusters[i].cpu(b)
		}
		time.Sleep(minutes * time.Minute)
		for i, kind := range kinds {
			used[kind] += clusters[i].cpu(b)
		}
		seconds += (minutes * time.Minute).Seconds()
	}
	for kind, cpu := range used {
		b.ReportMetric(cpu/2/nodes/seconds*1e6, kind+"-µs/s/node")
	}
}

// processes are nodes of "slotmesh serve".
type processes struct {
	addrs []string
	pids  []int
}

// startProcesses starts nodes that end with the benchmark. args makes of their addresses what
// each is told besides.
func startProcesses(b *testing.B, n int, args func(addrs []string) []string) (p processes) {
	b.Helper()
	for len(p.addrs) < n {
		if addr, ok := freeAddr(b); ok {
			p.addrs = append(p.addrs, addr)
		}
	}
	for _, addr := range p.addrs {
		_, port, _ := net.SplitHostPort(addr)
		list := []string{"serve", "--port", port, "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--save", "",
			"--cluster-node-timeout", "2000", "--dir", b.TempDir()}
		if args != nil {
			list = append(list, args(p.addrs)...)
		}
		cmd := exec.Command(command(b), list...)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
		})
		p.pids = append(p.pids, cmd.Process.Pid)
	}
	for _, addr := range p.addrs {
		awaitListening(b, addr)
	}
	return p
}

// freeAddr returns an address that nothing listens on, and whether its bus port is one.
func freeAddr(b *testing.B) (addr string, ok bool) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String(), ln.Addr().(*net.TCPAddr).Port <= 55_000
}

func awaitListening(b *testing.B, addr string) {
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatal("slotmesh serve does not start")
}

// cpu returns the seconds of processor time that the processes have used. Unlike getrusage's
// it does not go by ticks of the system's clock.
func (p processes) cpu(b *testing.B) (seconds float64) {
	for _, pid := range p.pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(files) == 0 {
			b.Fatalf("process %d is gone: %v", pid, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // a thread that has ended
			}
			fields := bytes.Fields(text)
			ns, err := strconv.ParseInt(string(fields[0]), 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			seconds += float64(ns) / 1e9
		}
	}
	return seconds
}
