package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// logPolicies are what serveLogged takes, by appendfsync's words.
var logPolicies = map[string]slotmesh.LogSync{
	"off": slotmesh.LogOff, "always": slotmesh.LogAlways, "everysec": slotmesh.LogEverySecond,
}

// serveLogged is a standalone node with a log on disk, which is rewritten when it is asked to
// be: what that costs is measured by itself.
func serveLogged(policy, dir string, port int) {
	node, err := slotmesh.New(slotmesh.Config{
		Addr: fmt.Sprintf("127.0.0.1:%d", port), Standalone: true, Dir: dir,
		Log:      slotmesh.LogConfig{Sync: logPolicies[policy], RewritePercent: -1},
		Snapshot: slotmesh.SnapshotConfig{Off: true},
	})
	must(err)
	must(node.Start(context.Background()))
	<-node.Done()
}

// logs measures what the log on disk costs: writes that wait for the disk beside those of
// redis-server on the same disk, the processor time of a log that is synced each second
// beside none, and the clients' waits during a rewrite.
func logs(t *table, rounds int) {
	dir, err := os.MkdirTemp("", "compare")
	must(err)
	defer os.RemoveAll(dir)
	folder := func(name string) string {
		path := filepath.Join(dir, name)
		must(os.Mkdir(path, 0o755))
		return path
	}
	ours := func(policy string) *peer {
		p := startPeer("slotmesh", os.Args[0], []string{"-logged", policy, "-dir", folder("ours-" + policy)})
		p.awaitLoaded()
		return p
	}
	always := ours("always")
	redis := startPeer("redis-server", "redis-server", []string{"--save", "", "--appendonly", "yes", "--appendfsync", "always",
		"--dir", folder("redis-always")})
	for _, clients := range []int{1, 16, 64} {
		requests := 1000 * min(clients, 16)
		peers := []*peer{always, redis}
		figures := alternate(rounds, 2, func(c int) float64 {
			return 1e6 / peers[c].clientsThroughput(clients, requests)
		})
		t.add(row{what: fmt.Sprintf("SET, synced before the reply, %d clients", clients), figure: median(figures[0]),
			unit: "µs", peer: "redis-server", peers: median(figures[1]), ratio: ratio(figures[0], figures[1]), limit: 1})
	}
	stopServers([]*peer{always, redis})

	peers := []*peer{ours("everysec"), ours("off")}
	for _, pipeline := range []int{1, 16} {
		requests := 60_000 * min(pipeline, 5)
		figures := alternate(rounds, 2, func(c int) float64 {
			seconds, _ := peers[c].load("set", pipeline, 100, requests)
			return seconds * 1e6 / float64(requests)
		})
		t.add(row{what: fmt.Sprintf("server CPU of SET, synced each second, P=%d, 100 B", pipeline), figure: median(figures[0]),
			unit: "s/M", peer: "no log", peers: median(figures[1]), ratio: ratio(figures[0], figures[1]), limit: 1.15})
	}
	peers[1].cmd.Process.Kill()
	peers[1].cmd.Wait()
	rewriting(t, peers[0])
	stopServers(peers[:1])
}

// awaitLoaded waits until a server has loaded what is on disk.
func (p *peer) awaitLoaded() {
	c, err := p.dial()
	must(err)
	defer c.Close()
	for {
		if _, err := c.Do("PING"); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// clientsThroughput returns how many writes a second so many clients do, each of which waits
// for its reply.
func (p *peer) clientsThroughput(clients, requests int) float64 {
	out, err := exec.Command("redis-benchmark", "-p", strconv.Itoa(p.port), "-c", strconv.Itoa(clients), "-d", "100", "-n",
		strconv.Itoa(requests), "-r", "100000", "-t", "set", "-q", "--csv").Output()
	must(err)
	return csvField(out, 1)
}

// rewriting measures how long a client waits while a log of 1M keys is rewritten.
func rewriting(t *table, p *peer) {
	c, err := p.dial()
	must(err)
	defer c.Close()
	value := strings.Repeat("v", 100)
	const keys, batch = 1_000_000, 1000
	for i := 0; i < keys; i += batch {
		for j := range batch {
			c.Send("SET", fmt.Sprintf("key:%012d", i+j), value)
		}
		for range batch {
			_, err := c.Receive()
			must(err)
		}
	}
	p.awaitRewrite(c)
	idle := p99Of(c, func(n int) bool { return n < 5000 })
	_, err = c.Do("BGREWRITEAOF")
	must(err)
	other, err := p.dial()
	must(err)
	defer other.Close()
	began := time.Now()
	busy := p99Of(c, func(n int) bool { return n%50 > 0 || rewrites(other) })
	t.add(row{what: "rewrite of a log of 1M keys", figure: time.Since(began).Seconds(), unit: "s"})
	t.add(row{what: "p99 of a client in the meantime", figure: busy, unit: "ms", peer: "idle", peers: idle,
		ratio: busy / idle, limit: 2})
}

// p99Of writes once in a millisecond as long as more says, and returns the 99th percentile
// of the waits for replies, in ms.
func p99Of(c *resp.Conn, more func(n int) bool) float64 {
	var waits []time.Duration
	for n := 0; more(n); n++ {
		began := time.Now()
		_, err := c.Do("SET", fmt.Sprintf("key:%012d", n), "new")
		must(err)
		waits = append(waits, time.Since(began))
		time.Sleep(time.Until(began.Add(time.Millisecond)))
	}
	slices.Sort(waits)
	return waits[len(waits)*99/100].Seconds() * 1e3
}

// rewrites reports whether a server's log is being rewritten.
func rewrites(c *resp.Conn) bool {
	r, err := c.Do("INFO", "persistence")
	must(err)
	return strings.Contains(string(r.Str), "aof_rewrite_in_progress:1")
}

// awaitRewrite waits until no rewrite is under way.
func (p *peer) awaitRewrite(c *resp.Conn) {
	for rewrites(c) {
		time.Sleep(100 * time.Millisecond)
	}
}
