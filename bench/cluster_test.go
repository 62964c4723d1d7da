package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// startNodes starts n nodes on free ports of 127.0.0.1 that know nobody, each with what
// set changes of its configuration.
func startNodes(b *testing.B, n int, set ...func(*slotmesh.Config)) []*slotmesh.Node {
	b.Helper()
	nodes := make([]*slotmesh.Node, n)
	for i := range nodes {
		var cfg slotmesh.Config
		for _, change := range set {
			change(&cfg)
		}
		node, err := slotmesh.New(cfg)
		if err == nil {
			err = node.Start(context.Background())
		}
		if err != nil {
			b.Fatal(err)
		}
		nodes[i] = node
	}
	return nodes
}

func closeNodes(nodes []*slotmesh.Node) {
	for _, n := range nodes {
		n.Close()
	}
}

// BenchmarkCreate makes a serving cluster of n nodes on TCP, until all views are the same.
func BenchmarkCreate(b *testing.B) {
	for _, n := range []int{6, 30} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				nodes := startNodes(b, n)
				b.StartTimer()
				if err := slotmesh.Create(context.Background(), nodes...); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				closeNodes(nodes)
				b.StartTimer()
			}
		})
	}
}

// BenchmarkJoin lets 100 nodes on TCP meet the first one and waits until all know all.
func BenchmarkJoin(b *testing.B) {
	const n = 100
	b.Run("slotmesh", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			nodes := startNodes(b, n)
			b.StartTimer()
			for _, node := range nodes[1:] {
				if err := node.Meet(context.Background(), nodes[0].Addr()); err != nil {
					b.Fatal(err)
				}
			}
			for _, node := range nodes {
				if err := node.WaitMap(context.Background(), func(m *slots.Map) bool { return len(m.Nodes()) == n }); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			closeNodes(nodes)
			b.StartTimer()
		}
	})
	b.Run("memberlist", func(b *testing.B) {
		for b.Loop() {
			joinMemberlist(b, n)
		}
	})
}

func joinMemberlist(b *testing.B, n int) {
	b.StopTimer()
	lists := make([]*memberlist.Memberlist, n)
	for i := range lists {
		cfg := memberlist.DefaultLANConfig()
		cfg.Name, cfg.BindAddr, cfg.AdvertiseAddr = fmt.Sprint("node", i), "127.0.0.1", "127.0.0.1"
		cfg.BindPort, cfg.AdvertisePort, cfg.LogOutput = 0, 0, io.Discard
		list, err := memberlist.Create(cfg)
		if err != nil {
			b.Fatal(err)
		}
		lists[i] = list
	}
	first := lists[0].LocalNode().FullAddress().Addr
	b.StartTimer()
	for _, list := range lists[1:] {
		if _, err := list.Join([]string{first}); err != nil {
			b.Fatal(err)
		}
	}
	for _, list := range lists {
		for list.NumMembers() < n {
			time.Sleep(time.Millisecond) // memberlist offers nothing to wait on
		}
	}
	b.StopTimer()
	for _, list := range lists {
		list.Shutdown()
	}
	b.StartTimer()
}

// BenchmarkIdleBus counts what n nodes say to each other in a minute without clients, at a
// node timeout of 2 s, in fake time: bytes per node and second.
func BenchmarkIdleBus(b *testing.B) {
	for _, n := range []int{6, 12, 30, 60} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(idleBus(b, n), "B/s/node")
			}
		})
	}
}

func idleBus(b *testing.B, n int, set ...func(*slotmesh.Config)) (perNode float64) {
	const minute = time.Minute
	synctestRun(b, func(tb testing.TB) {
		var sent atomic.Int64
		c := clustertest.Start(tb, clustertest.Config{Masters: n, NodeTimeout: 2 * time.Second,
			Node: func(_ int, cfg *slotmesh.Config) {
				cfg.Network = counting{cfg.Network, &sent}
				for _, change := range set {
					change(cfg)
				}
			}})
		c.WaitStable()
		time.Sleep(minute) // let the talk of the beginning end
		before := sent.Load()
		time.Sleep(minute)
		perNode = float64(sent.Load()-before) / minute.Seconds() / float64(n)
	})
	return perNode
}

// synctestRun runs f in a bubble of fake time. synctest wants a *testing.T, which a
// benchmark has not: RunTests makes one.
func synctestRun(b *testing.B, f func(testing.TB)) {
	ok := testing.RunTests(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "bubble",
		F:    func(t *testing.T) { synctest.Test(t, func(t *testing.T) { f(t) }) },
	}})
	if !ok {
		b.Fatal("the cluster failed")
	}
}

// counting is a Network that counts the bytes written.
type counting struct {
	slotmesh.Network
	sent *atomic.Int64
}

func (c counting) Listen(addr string) (net.Listener, error) {
	ln, err := c.Network.Listen(addr)
	return countingListener{ln, c.sent}, err
}

func (c counting) Dial(ctx context.Context, addr string) (net.Conn, error) {
	conn, err := c.Network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return countingConn{conn, c.sent}, nil
}

type countingListener struct {
	net.Listener
	sent *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countingConn{conn, l.sent}, nil
}

type countingConn struct {
	net.Conn
	sent *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}
