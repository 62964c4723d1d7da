package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// peer is a server process under test.
type peer struct {
	name string
	port int
	cmd  *exec.Cmd
}

// serve compares servers under redis-benchmark with 50 connections over loopback: the
// processor time of the server's process for a million commands. It builds the slotmesh
// command first; redis-server and redis-benchmark must be installed.
func serve(t *table, rounds int, plots string) {
	dir, err := os.MkdirTemp("", "compare")
	must(err)
	defer os.RemoveAll(dir)
	peers := startServers(dir)
	defer stopServers(peers)
	for _, p := range peers[:2] {
		p.coverAllSlots()
	}
	for _, load := range []struct {
		pipeline, size, requests int
		limit                    float64
	}{{1, 3, 60_000, 1.15}, {16, 3, 300_000, 1.0}, {16, 256, 300_000, 1.0}} {
		for _, verb := range []string{"set", "get"} {
			latency := make([][]float64, len(peers))
			figures := alternate(rounds, len(peers), func(c int) float64 {
				seconds, p99 := peers[c].load(verb, load.pipeline, load.size, load.requests)
				latency[c] = append(latency[c], p99)
				return seconds * 1e6 / float64(load.requests)
			})
			what := fmt.Sprintf("%s, P=%d, %d B", strings.ToUpper(verb), load.pipeline, load.size)
			t.add(row{what: "server CPU, " + what, figure: median(figures[0]), unit: "s/M", peer: peers[1].name,
				peers: median(figures[1]),
				ratio: ratio(figures[0], figures[1]), limit: load.limit})
			t.add(row{what: "server CPU, " + what, figure: median(figures[0]), unit: "s/M", peer: peers[2].name,
				peers: median(figures[2]),
				ratio: ratio(figures[0], figures[2])})
			t.add(row{what: "p99 at full load, " + what, figure: median(latency[0]), unit: "ms", peer: peers[1].name,
				peers: median(latency[1]),
				ratio: ratio(latency[0], latency[1])})
		}
	}
	equalLoad(t, peers, rounds, plots)
	throughputs(peers, plots)
}

// startServers builds the slotmesh command in dir and starts the servers under test.
func startServers(dir string) []*peer {
	slotmesh := buildSlotmesh(dir)
	conf := func(name string) []string {
		must(os.Mkdir(filepath.Join(dir, name), 0o755))
		return []string{"--cluster-enabled", "yes", "--save", "", "--dir", filepath.Join(dir, name)}
	}
	return []*peer{
		startPeer("slotmesh", slotmesh, append([]string{"serve"}, conf("ours")...)),
		startPeer("redis-server", "redis-server", conf("redis")),
		startPeer("redcon", os.Args[0], []string{"-redcon"}),
	}
}

// buildSlotmesh builds the slotmesh command in dir, and returns its path.
func buildSlotmesh(dir string) string {
	slotmesh := filepath.Join(dir, "slotmesh")
	build := exec.Command("go", "build", "-o", slotmesh, "github.com/slotmesh/slotmesh/cmd/slotmesh")
	build.Stderr = os.Stderr
	must(build.Run())
	return slotmesh
}

// startPeers starts a node of ours and a redis-server, each alone; stop ends them.
func startPeers() (peers []*peer, stop func()) {
	dir, err := os.MkdirTemp("", "compare")
	must(err)
	servers := startServers(dir)
	return servers[:2], func() {
		stopServers(servers)
		os.RemoveAll(dir)
	}
}

func stopServers(peers []*peer) {
	for _, p := range peers {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
}

// startPeer starts a server on a free port and waits until it answers.
func startPeer(name, command string, args []string) *peer {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	p := &peer{name: name, port: ln.Addr().(*net.TCPAddr).Port % 50_000}
	if p.port < 1024 {
		p.port += 10_000 // the bus listens 10,000 higher
	}
	ln.Close()
	p.cmd = exec.Command(command, append(args, "--port", strconv.Itoa(p.port))...)
	must(p.cmd.Start())
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := p.dial(); err == nil {
			c.Close()
			return p
		}
		if time.Now().After(end) {
			panic(name + " does not start")
		}
	}
}

func (p *peer) dial() (*resp.Conn, error) {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
	if err != nil {
		return nil, err
	}
	return resp.NewConn(conn), nil
}

func (p *peer) coverAllSlots() {
	c, err := p.dial()
	must(err)
	defer c.Close()
	_, err = c.Do("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
	must(err)
	p.waitServing()
}

// waitServing waits until the cluster serves, as the server sees it.
func (p *peer) waitServing() {
	c, err := p.dial()
	must(err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		r, err := c.DoContext(ctx, "CLUSTER", "INFO")
		must(err)
		if strings.Contains(string(r.Str), "cluster_state:ok") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// load runs redis-benchmark and returns what it cost the server and the 99th percentile
// of latency in ms.
func (p *peer) load(verb string, pipeline, size, requests int) (seconds, p99 float64) {
	before := processTime(p.cmd.Process.Pid)
	out := p.benchmark(verb, pipeline, size, requests)
	seconds = (processTime(p.cmd.Process.Pid) - before).Seconds()
	return seconds, csvField(out, 6)
}

// throughput runs redis-benchmark and returns how many requests a second were answered.
func (p *peer) throughput(verb string, pipeline, size, requests int) int {
	return int(csvField(p.benchmark(verb, pipeline, size, requests), 1))
}

func (p *peer) benchmark(verb string, pipeline, size, requests int) []byte {
	out, err := exec.Command("redis-benchmark", "-p", strconv.Itoa(p.port), "-c", strconv.Itoa(connections), "-P",
		strconv.Itoa(pipeline), "-d", strconv.Itoa(size),
		"-n", strconv.Itoa(requests), "-r", "100000", "-t", verb, "-q", "--csv").Output()
	must(err)
	return out
}

// csvField returns a field of what redis-benchmark printed: test, rps, avg, min, p50,
// p95, p99, max.
func csvField(out []byte, field int) float64 {
	lines, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	must(err)
	f, err := strconv.ParseFloat(lines[len(lines)-1][field], 64)
	must(err)
	return f
}

// processTime returns the processor time that a process has used. Its clock counts in
// nanoseconds, where /proc counts in ticks of 10 ms.
func processTime(pid int) time.Duration {
	const byScheduler = 2 // CPUCLOCK_SCHED of linux/posix-timers.h, whose clocks have 3 bits for their kind
	var ts unix.Timespec
	must(unix.ClockGettime(int32(^pid<<3|byScheduler), &ts))
	return time.Duration(ts.Nano())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
