package clustertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/script"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Config says what cluster a test needs. The zero value is one of three masters.
type Config struct {
	Masters     int           // default 3
	Replicas    int           // of each master, default 0; the masters come first
	Witnesses   int           // members without data, which come last
	NodeTimeout time.Duration // default 15 s
	TCP         bool          // listen on 127.0.0.1 instead of in memory

	// Secure gives the nodes a secret, which they prove to each other, and makes their ports
	// for clients speak TLS and ask for certificates: see ClientTLS. The certificates are made
	// once in a process. Without it, both are open to the whole of the test.
	Secure bool
	// WithoutFailover allows a master with one replica, which cannot take its place when it
	// fails, and does not wait until the replicas of one master or two vote; otherwise Start
	// refuses the one, and waits for the other.
	WithoutFailover bool
	// Node may change the configuration of node i before each of its starts.
	Node func(i int, cfg *slotmesh.Config)
	// Prepare is called with node i before each of its starts: to add commands, say.
	Prepare func(i int, node *slotmesh.Node)
}

// Cluster is a running cluster. Its methods fail the test on an error. They are to
// be called from the test's goroutine.
type Cluster struct {
	t       testing.TB
	cfg     Config
	net     *memnet.Network
	nodes   []*member
	story   story
	watches sync.WaitGroup       // that tell the story
	names   map[slots.NodeID]int // of all nodes that there have been: their places
	label   string               // of all goroutines that come from the cluster
	secret  string               // with Config.Secure
	scripts *script.Engine       // of all nodes
}

// member is a place in the cluster; its node may come and go.
type member struct {
	host string
	addr string // listened on at the first start, and again at later ones
	bus  string
	disk *storage.Memory
	tcp  *tcpHost       // with Config.TCP: what it has open
	skew atomic.Int64   // ns that its clock is ahead
	node *slotmesh.Node // nil while it is dead
	id   slots.NodeID   // of the node that was there last
}

// Start returns a cluster whose nodes all serve and agree, and whose replicas have their
// masters' data. It ends with the test.
func Start(t testing.TB, cfg Config) *Cluster {
	t.Helper()
	if cfg.Masters == 0 {
		cfg.Masters = 3
	}
	c := &Cluster{t: t, cfg: cfg, net: memnet.New(), names: make(map[slots.NodeID]int),
		scripts: script.New(script.Config{})}
	c.story.begin = time.Now()
	if cfg.Secure {
		c.secret = rand.Text()
	}
	c.labelGoroutines()
	t.Cleanup(c.stop)
	for i := range cfg.Masters*(1+cfg.Replicas) + cfg.Witnesses {
		m := &member{host: fmt.Sprintf("10.0.0.%d", i+1), disk: &storage.Memory{}}
		m.addr, m.bus = m.host+":7000", m.host+":17000"
		if cfg.TCP {
			m.host, m.addr, m.bus = "127.0.0.1", "127.0.0.1:0", "127.0.0.1:0"
		}
		c.nodes = append(c.nodes, m)
		c.start(i)
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.limit())
	defer cancel()
	create := slotmesh.CreateReplicated
	if cfg.WithoutFailover {
		create = slotmesh.CreateWithoutFailover
	}
	if err := create(ctx, cfg.Replicas, c.Nodes()...); errors.Is(err, slotmesh.ErrNoFailover) {
		t.Fatalf("clustertest: %v, or set Config.WithoutFailover", err)
	} else if err != nil {
		t.Fatalf("clustertest: %v", err)
	}
	c.waitSynced(ctx)
	return c
}

// start makes and starts node i.
func (c *Cluster) start(i int) {
	c.t.Helper()
	m := c.nodes[i]
	cfg := slotmesh.Config{
		Addr: m.addr, BusAddr: m.bus, Disk: m.disk, NodeTimeout: c.cfg.NodeTimeout,
		Clock:   m.now,
		Logger:  c.story.logger(i),
		OnEvent: func(slotmesh.Event) {},           // for tests whose own one calls it
		Clients: slotmesh.ClientConfig{Open: true}, // its machines are all within the test
		Secret:  c.secret,
		OpenBus: !c.cfg.Secure,
		Scripts: c.scripts,
		Witness: i >= c.cfg.Masters*(1+c.cfg.Replicas),
	}
	if c.cfg.TCP {
		m.tcp = &tcpHost{}
		cfg.Network = m.tcp
	} else {
		cfg.Network = c.net.Host(m.host)
	}
	if c.cfg.Secure {
		m.secure(&cfg)
	}
	if c.cfg.Node != nil {
		c.cfg.Node(i, &cfg)
	}
	node, err := slotmesh.New(cfg)
	if err == nil && c.cfg.Prepare != nil {
		c.cfg.Prepare(i, node)
	}
	if err == nil {
		c.watch(i, node)
		if err = node.Start(context.Background()); err != nil {
			node.Close() // so that watch ends
		}
	}
	if err != nil {
		c.t.Fatalf("clustertest: starting node %d: %v", i, err)
	}
	m.node, m.id = node, node.ID()
	c.names[m.id] = i
	a := node.Addr()
	m.addr, m.bus = a.Client(), a.Bus()
}

// watch tells the story of what node i sees until it is closed.
func (c *Cluster) watch(i int, node *slotmesh.Node) {
	events := node.Events(context.Background())
	c.watches.Go(func() {
		for e := range events {
			c.story.add(i, e)
		}
	})
}

func (c *Cluster) stop() {
	c.story.end()
	topology := c.topology() // while there is one
	for i, m := range c.nodes {
		if m.node != nil {
			c.Kill(i)
		}
	}
	if inBubble() {
		time.Sleep(clientLimit)
	}
	c.watches.Wait()
	c.checkLeaks()
	if c.t.Failed() {
		c.t.Log(c.named(c.story.String()) + topology)
	}
}

// clientLimit is how long the end of a test in fake time leaves to goroutines of clients
// that were closed: a bubble must not end before them, and its clock stops with the test.
// go-redis dials a node that is gone once a second, and looks only then whether its pool
// is closed.
const clientLimit = time.Minute

// member returns the place of node i; it fails the test if there is none.
func (c *Cluster) member(i int) *member {
	c.t.Helper()
	if i < 0 || i >= len(c.nodes) {
		c.t.Fatalf("clustertest: there is no node %d: the cluster has nodes 0 to %d", i, len(c.nodes)-1)
	}
	return c.nodes[i]
}

// living returns the place of node i; it fails the test if there is none, or the node is
// dead.
func (c *Cluster) living(what string, i int) *member {
	c.t.Helper()
	m := c.member(i)
	if m.node == nil {
		c.t.Fatalf("clustertest: %s(%d): node %d is dead: Restart it first", what, i, i)
	}
	return m
}

// Node returns node i, 0 to n-1; it fails the test if that is dead.
func (c *Cluster) Node(i int) *slotmesh.Node {
	c.t.Helper()
	return c.living("Node", i).node
}

// Nodes returns the nodes that are alive.
func (c *Cluster) Nodes() []*slotmesh.Node {
	var list []*slotmesh.Node
	for _, m := range c.nodes {
		if m.node != nil {
			list = append(list, m.node)
		}
	}
	return list
}

// Addrs returns where clients connect, "host:port", dead nodes included.
func (c *Cluster) Addrs() []string {
	var list []string
	for _, m := range c.nodes {
		list = append(list, m.addr)
	}
	return list
}

// Kill ends node i as a power cut does: others see its connections break. What it had
// saved stays for Restart. It fails the test if the node is dead already.
func (c *Cluster) Kill(i int) {
	c.t.Helper()
	m := c.living("Kill", i)
	node := m.node
	c.story.did("Kill node %d", i)
	if c.cfg.TCP {
		m.tcp.kill()
	} else {
		c.net.Kill(m.host)
	}
	m.disk.SetFault(errPowerCut) // nothing reaches it any more
	defer m.disk.SetFault(nil)
	m.node = nil
	_ = node.Close() // that it could not save its keys is as it should be
}

// errPowerCut is what a dying node's writes to its disk give.
var errPowerCut = errors.New("power cut")

// Stop ends node i in an orderly way: it saves its keys. It fails the test if the node is
// dead already.
func (c *Cluster) Stop(i int) {
	c.t.Helper()
	m := c.living("Stop", i)
	node := m.node
	c.story.did("Stop node %d", i)
	m.node = nil
	if err := node.Close(); err != nil {
		c.t.Errorf("clustertest: closing node %d: %v", i, err)
	}
}

// Restart starts node i again, at its address, with what it had saved; if it is alive, it
// is stopped first.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	if c.member(i).node != nil {
		c.Stop(i)
	}
	c.story.did("Restart node %d", i)
	c.start(i)
}
