package main

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
)

// processes are nodes with one replica for each master, each in a process of its own that
// keeps a log.
type processes struct {
	t           *testing.T
	ports, dirs []string
	nodes       []*session
	policy      string
}

func newProcesses(t *testing.T, n int, policy string) *processes {
	p := &processes{t: t, policy: policy, nodes: make([]*session, n)}
	for range p.nodes {
		p.ports, p.dirs = append(p.ports, p.unusedPort()), append(p.dirs, t.TempDir())
	}
	return p
}

// unusedPort returns a port that is free and not one of the nodes' own.
func (p *processes) unusedPort() string {
	for {
		if port := freePort(p.t); !slices.Contains(p.ports, port) {
			return port
		}
	}
}

func (p *processes) start(list ...int) {
	p.t.Helper()
	var seeds []string
	for _, port := range p.ports[:min(3, len(p.ports))] {
		seeds = append(seeds, "127.0.0.1:"+port)
	}
	for _, i := range list {
		args := []string{"serve", "--port", p.ports[i], "--cluster-port", p.unusedPort(), "--dir", p.dirs[i],
			"--bind", "127.0.0.1", "--join", strings.Join(seeds, ","), "--expect", strconv.Itoa(len(p.nodes)),
			"--replicas", "1", "--save", "",
			"--cluster-node-timeout", "2000"}
		if p.policy != "" {
			args = append(args, "--appendonly", "yes", "--appendfsync", p.policy)
		}
		p.nodes[i] = start(p.t, args...)
	}
	for _, i := range list {
		p.nodes[i].stdout.waitFor(p.t, "ready to accept connections")
	}
}

func (p *processes) kill(list ...int) {
	for _, i := range list {
		p.nodes[i].signal(p.t, syscall.SIGKILL)
	}
	for _, i := range list {
		<-p.nodes[i].code
	}
}

// client returns a client of the cluster.
func (p *processes) client() *slotmesh.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), waitLimit)
	defer cancel()
	for {
		c, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: []string{net.JoinHostPort("127.0.0.1", p.ports[0])}})
		if err == nil {
			return c
		}
		if ctx.Err() != nil {
			p.t.Fatal(err)
		}
	}
}

// tally is what was acknowledged of keys, each of which one goroutine counts up.
type tally struct {
	counters [16]struct {
		acked atomic.Int64
		times [1 << 16]int64 // when each was, in ms; 0: it was not
	}
}

func (w *tally) key(i int) string { return "counter:" + strconv.Itoa(i) }

// run counts until ctx ends.
func (w *tally) run(ctx context.Context, c *slotmesh.Client) {
	var group sync.WaitGroup
	for i := range w.counters {
		group.Go(func() {
			k := &w.counters[i]
			for v := k.acked.Load() + 1; ctx.Err() == nil; v++ {
				if c.Set(ctx, w.key(i), []byte(strconv.FormatInt(v, 10)), 0) != nil {
					return
				}
				k.times[v%int64(len(k.times))] = time.Now().UnixMilli()
				k.acked.Store(v)
			}
		})
	}
	group.Wait()
}

// lost returns how many acknowledged writes are not there, and how old the oldest of them
// was when the nodes were killed.
func (w *tally) lost(t *testing.T, c *slotmesh.Client, killed time.Time) (n int64, oldest time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	for i := range w.counters {
		k := &w.counters[i]
		b, err := c.Get(ctx, w.key(i))
		if err != nil && !errors.Is(err, slotmesh.ErrNotFound) {
			t.Fatal(err)
		}
		got, _ := strconv.ParseInt(string(b), 10, 64)
		if acked := k.acked.Load(); got < acked {
			n += acked - got
			oldest = max(oldest, killed.Sub(time.UnixMilli(k.times[(got+1)%int64(len(k.times))])))
		}
		k.acked.Store(max(got, k.acked.Load()))
	}
	return n, oldest
}

// rounds returns how often nodes are killed: SLOTMESH_SEEDS, or few.
func rounds(t *testing.T) int {
	text := os.Getenv("SLOTMESH_SEEDS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("SLOTMESH_SEEDS=%q is not a number", text)
	}
	return n
}

// All six nodes are killed at once under load: with appendfsync always nothing that was
// acknowledged is lost, with everysec at most the last second.
func TestKillAllWithLog(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			p := newProcesses(t, 6, policy)
			all := []int{0, 1, 2, 3, 4, 5}
			p.start(all...)
			w := new(tally)
			for round := range rounds(t) {
				c := p.client()
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { defer close(done); w.run(ctx, c) }()
				p.underLoad(w, 200)
				killed := time.Now()
				p.kill(all...)
				cancel()
				<-done
				c.Close()
				p.start(all...)
				c = p.client()
				lost, oldest := w.lost(t, c, killed)
				c.Close()
				t.Logf("round %d: %d lost, the oldest %v before the end", round, lost, oldest)
				if policy == "always" && lost > 0 || oldest > time.Second {
					t.Errorf("round %d: %d acknowledged writes are lost, the oldest %v before the end", round, lost, oldest)
				}
			}
		})
	}
}

// underLoad returns when each counter has been counted up so often.
func (p *processes) underLoad(w *tally, times int64) {
	p.t.Helper()
	var from [len(w.counters)]int64
	for i := range from {
		from[i] = w.counters[i].acked.Load()
	}
	deadline := time.After(waitLimit)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range from {
		for w.counters[i].acked.Load() < from[i]+times {
			select {
			case <-tick.C:
			case <-deadline:
				p.t.Fatalf("counter %d has come from %d to %d", i, from[i], w.counters[i].acked.Load())
			}
		}
	}
}

// A replica is killed, its master goes on and is killed a little later, both start again:
// what the master acknowledged alone is there, whichever of the two is the master then.
func TestKillReplicaThenMasterWithLog(t *testing.T) {
	p := newProcesses(t, 6, "always")
	p.start(0, 1, 2, 3, 4, 5)
	w := new(tally)
	for round := range rounds(t) {
		c := p.client()
		master, replica := p.pair()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.run(ctx, c) }()
		p.underLoad(w, 50)
		p.kill(replica)
		p.underLoad(w, 50)
		killed := time.Now()
		p.kill(master)
		cancel()
		<-done
		p.start(replica, master)
		lost, _ := w.lost(t, c, killed)
		c.Close()
		t.Logf("round %d: master %d, replica %d: %d lost", round, master, replica, lost)
		if lost > 0 {
			t.Errorf("round %d: %d acknowledged writes are lost", round, lost)
		}
	}
}

// pair returns a master and its replica, which is in step, by their places.
func (p *processes) pair() (master, replica int) {
	p.t.Helper()
	deadline := time.Now().Add(waitLimit)
	for {
		for i, port := range p.ports {
			info := ask(p.t, "127.0.0.1:"+port, "INFO", "replication")
			if !strings.Contains(info, "master_link_status:up") {
				continue
			}
			_, rest, _ := strings.Cut(info, "master_port:")
			port, _, _ := strings.Cut(rest, "\r")
			if at := slices.Index(p.ports, port); at >= 0 {
				return at, i
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatal("there is no replica in step")
		}
	}
}
