package slotmesh_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// founders are nodes that find each other by their configuration alone. Each has a host and
// a disk.
type founders struct {
	t      *testing.T
	net    *memnet.Network
	change func(i int, cfg *slotmesh.Config)
	list   []string
	host   []string
	disks  []storage.Disk
	nodes  []*slotmesh.Node
}

func newFounders(t *testing.T, n, listed int, change func(i int, cfg *slotmesh.Config)) *founders {
	f := &founders{t: t, net: memnet.New(), change: change}
	for i := range n {
		f.host = append(f.host, fmt.Sprintf("10.0.1.%d", i+1))
		f.disks = append(f.disks, &storage.Memory{})
		if i < listed {
			f.list = append(f.list, f.host[i]+":7000")
		}
	}
	f.nodes = make([]*slotmesh.Node, n)
	return f
}

func (f *founders) config(i int) slotmesh.Config {
	cfg := slotmesh.Config{Addr: f.host[i] + ":7000", Network: f.net.Host(f.host[i]), OpenBus: true, Disk: f.disks[i],
		Snapshot: slotmesh.SnapshotConfig{Off: true}, Join: f.list,
		Cluster: slotmesh.ClusterConfig{Expect: len(f.host)}, NodeTimeout: 2 * time.Second}
	if f.change != nil {
		f.change(i, &cfg)
	}
	return cfg
}

func (f *founders) start(i int) *slotmesh.Node {
	f.t.Helper()
	n, err := slotmesh.New(f.config(i))
	if err == nil {
		err = n.Start(f.t.Context())
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.nodes[i] = n
	f.t.Cleanup(func() { n.Close() })
	return n
}

// kill ends a node as a power cut does, as far as others see it.
func (f *founders) kill(i int) {
	f.net.Kill(f.host[i])
	f.nodes[i].Close()
}

// ready waits until the nodes serve and agree, and checks that each slot has an owner, and
// how many masters there are.
func (f *founders) ready(limit time.Duration, masters int, nodes ...*slotmesh.Node) {
	f.t.Helper()
	if nodes == nil {
		nodes = f.nodes
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), limit)
	defer cancel()
	for i, n := range nodes {
		if err := n.Ready(ctx); err != nil {
			f.t.Fatalf("node %d: %v", i, err)
		}
	}
	if err := slotmesh.WaitAgreed(ctx, nodes...); err != nil {
		f.t.Fatal(err)
	}
	m, owners := nodes[0].Map(), 0
	for i := range m.Nodes() {
		if m.Nodes()[i].HasSlots() {
			owners++
		}
	}
	if owners != masters || m.Assigned() != slots.Count {
		f.t.Errorf("%d masters own %d slots, want %d masters", owners, m.Assigned(), masters)
	}
}

// Three nodes with one configuration become one cluster.
func TestNodesFormCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFounders(t, 3, 3, nil)
		began := time.Now()
		for i := range f.nodes {
			f.start(i)
		}
		f.ready(10*time.Second, 3)
		t.Logf("formed after %v", time.Since(began))
		if err := f.nodes[0].Set(t.Context(), "key", []byte("value"), 0); err != nil {
			t.Error(err)
		}
	})
}

// Six nodes that start in any order become three masters with a replica each, which are on
// different hosts and hold their masters' data.
func TestNodesFormShards(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			f := newFounders(t, 6, 3, func(_ int, cfg *slotmesh.Config) { cfg.Cluster.Replicas = 1 })
			for _, i := range rng.Perm(6) {
				f.start(i)
				time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Second))))
			}
			f.ready(10*time.Second, 3)
			for i, n := range f.nodes {
				if self := n.Map().Self(); !self.IsMaster() && n.Map().Node(self.Master) == nil {
					t.Errorf("node %d follows %s, which it does not know", i, self.Master)
				}
			}
		})
	}
}

// A cluster forms without a listed node that is down, and takes in those that come later: the
// listed one, one that is not listed, and one that founds nothing. Nobody makes a second one.
func TestLateNodesJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFounders(t, 6, 3, func(i int, cfg *slotmesh.Config) {
			if cfg.Cluster.Expect = 3; i == 5 {
				cfg.Cluster.Expect = 0
			}
		})
		f.start(5)
		time.Sleep(5 * time.Second)
		for _, i := range []int{4, 0, 1} {
			f.start(i)
		}
		f.ready(10*time.Second, 3, f.nodes[0], f.nodes[1], f.nodes[4], f.nodes[5])
		began := time.Now()
		f.start(2)
		f.start(3)
		f.ready(10*time.Second, 3)
		t.Logf("joined after %v", time.Since(began))
	})
}

// Too few nodes found nothing, and Ready says what is missing.
func TestTooFewFounders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFounders(t, 3, 3, nil)
		f.start(0)
		f.start(2)
		notReady(t, f.nodes[0], time.Minute, "forming: 2 of 3 nodes are here")
		if n := f.nodes[0].Map().Assigned(); n != 0 {
			t.Errorf("%d slots have owners", n)
		}
		f.start(1)
		f.ready(10*time.Second, 3)
	})
}

func notReady(t *testing.T, n *slotmesh.Node, limit time.Duration, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var missing *slotmesh.UnavailableError
	if err := n.Ready(ctx); !errors.As(err, &missing) || !strings.Contains(missing.Reason, text) {
		t.Errorf("Ready: %v, want %q", err, text)
	}
}

// Nodes whose configurations say different things form no cluster, and say why.
func TestFoundersDisagree(t *testing.T) {
	for name, c := range map[string]struct {
		change func(cfg *slotmesh.Config)
		text   string
	}{
		"name": {func(cfg *slotmesh.Config) { cfg.Cluster.Name = "other" },
			`the cluster's name is "" at this node and "other"`},
		"expect": {func(cfg *slotmesh.Config) { cfg.Cluster.Expect = 2 },
			"the number of nodes to expect is 3 at this node and 2"},
		"replicas": {func(cfg *slotmesh.Config) { cfg.Cluster.Replicas = 1 },
			"the number of replicas is 0 at this node and 1"},
		"list": {func(cfg *slotmesh.Config) { cfg.Join = cfg.Join[:2] }, "the list of addresses to join is "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFounders(t, 3, 3, func(i int, cfg *slotmesh.Config) {
					if i == 1 {
						c.change(cfg)
					}
				})
				for i := range f.nodes {
					f.start(i)
				}
				notReady(t, f.nodes[0], 10*time.Second, c.text)
			})
		})
	}
}

// All nodes lose their power at any moment while they form a cluster, and come back: it is
// one cluster in the end, and it stays that after a restart.
func TestFoundersCrash(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			f := newFounders(t, 4, 3, func(_ int, cfg *slotmesh.Config) { cfg.Cluster.Replicas = 1 })
			for i := range f.nodes {
				f.start(i)
			}
			for range 6 {
				time.Sleep(time.Duration(rng.Int64N(int64(400 * time.Millisecond))))
				i := rng.IntN(len(f.nodes))
				f.kill(i)
				time.Sleep(time.Duration(rng.Int64N(int64(time.Second))))
				f.start(i)
			}
			f.ready(30*time.Second, 2)
			before := f.nodes[0].Map()
			for i := range f.nodes {
				f.kill(i)
			}
			for i := range f.nodes {
				f.start(i)
			}
			f.ready(30*time.Second, 2)
			for _, n := range before.Nodes() {
				if f.nodes[0].Map().Node(n.ID) == nil {
					t.Errorf("seed %d: %s is gone after the restart", seed, n.ID)
				}
			}
		})
	}
}

// names is a Network that resolves names by a table, as a name server does.
type names struct {
	slotmesh.Network
	of func(name string) []string
}

func (n names) LookupHost(_ context.Context, name string) ([]string, error) {
	if list := n.of(name); len(list) > 0 {
		return list, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// Nodes that know only a name found a cluster, and join it; the name has the addresses of those
// that run. They all come back under new addresses, as pods do, and are the same cluster. So
// are they when they restart one by one.
func TestFoundersByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // guards hosts
		hosts := make(map[int]string)
		lookup := func(name string) (list []string) {
			mu.Lock()
			defer mu.Unlock()
			if name == "mesh" {
				list = slices.Collect(maps.Values(hosts))
			}
			return list
		}
		f := newFounders(t, 7, 0, func(_ int, cfg *slotmesh.Config) {
			cfg.Join, cfg.Cluster.Expect, cfg.Cluster.Replicas = []string{"dns:mesh:7000"}, 6, 1
			cfg.Network = names{cfg.Network, lookup}
		})
		start := func(i int) {
			mu.Lock()
			hosts[i] = f.host[i]
			mu.Unlock()
			f.start(i)
		}
		for i := range 6 {
			start(i)
			time.Sleep(300 * time.Millisecond)
		}
		f.ready(20*time.Second, 3, f.nodes[:6]...)
		start(6) // no founder
		f.ready(20*time.Second, 3)
		owner := f.nodes[0].Map().Owner(0).ID
		move := func(i int) {
			f.kill(i)
			mu.Lock()
			delete(hosts, i)
			mu.Unlock()
			f.host[i] = strings.Replace(f.host[i], "10.0.", "10.1.", 1)
		}
		for i := range f.nodes {
			move(i)
		}
		time.Sleep(10 * time.Second)
		for i := range f.nodes {
			start(i)
			time.Sleep(time.Second)
		}
		f.ready(time.Minute, 3)
		if now := f.nodes[0].Map().Owner(0).ID; now != owner {
			t.Errorf("slot 0 belongs to %s, and did to %s", now, owner)
		}
		for i := range f.nodes {
			move(i)
			time.Sleep(10 * time.Second)
			start(i)
			time.Sleep(5 * time.Second)
		}
		f.ready(time.Minute, 3)
		for _, o := range f.nodes[0].Map().Nodes() {
			if !strings.HasPrefix(o.Addr.Host, "10.1.") {
				t.Errorf("%s is taken for at %s", o.ID, o.Addr)
			}
		}
	})
}

// A founder that has left the cluster and starts again with its folder and its configuration
// joins the cluster as a newcomer, and does not found it once more.
func TestFounderLeavesAndStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFounders(t, 4, 3, func(_ int, cfg *slotmesh.Config) { cfg.Cluster.Expect = 3 })
		for i := range f.nodes {
			f.start(i)
		}
		f.ready(30*time.Second, 4)
		for _, i := range []int{0, 3} {
			if err := f.nodes[i].Leave(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			if n := f.nodes[1].Map().Size(); n != 3 {
				t.Fatalf("node %d has left, and %d masters have slots", i, n)
			}
			f.kill(i)
			f.start(i)
			time.Sleep(time.Minute)
			f.ready(time.Second, 4)
		}
	})
}

// All nodes come back under new addresses, which only the list tells: it is the same
// cluster, with its keys' slots where they were.
func TestMembersMoveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *founders
		f = newFounders(t, 6, 3, func(_ int, cfg *slotmesh.Config) {
			cfg.Cluster.Replicas = 1
			cfg.Join, cfg.Discover = nil, func(context.Context) ([]string, error) {
				return []string{f.host[0] + ":7000", f.host[1] + ":7000", f.host[2] + ":7000"}, nil
			}
		})
		for i := range f.nodes {
			f.start(i)
		}
		f.ready(10*time.Second, 3)
		owner := f.nodes[0].Map().Owner(0).ID
		for i := range f.nodes {
			f.kill(i)
		}
		for i := range f.nodes {
			f.host[i] = fmt.Sprintf("10.0.2.%d", i+1)
		}
		began := time.Now()
		for i := range f.nodes {
			f.start(i)
		}
		f.ready(30*time.Second, 3)
		t.Logf("one cluster again after %v", time.Since(began))
		for i, n := range f.nodes {
			for _, o := range n.Map().Nodes() {
				if !strings.HasPrefix(o.Addr.Host, "10.0.2.") {
					t.Errorf("node %d takes %s for at %s", i, o.ID, o.Addr)
				}
			}
		}
		if now := f.nodes[0].Map().Owner(0).ID; now != owner {
			t.Errorf("slot 0 belongs to %s, and did to %s", now, owner)
		}
	})
}
