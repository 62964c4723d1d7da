package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// Timeout is the node timeout of the stories: the default, in fake time.
const Timeout = 15 * time.Second

// StartNode starts a node that the test ends.
func StartNode(t *testing.T, cfg slotmesh.Config) *slotmesh.Node {
	t.Helper()
	n, err := slotmesh.New(cfg)
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// Watch calls fn with each event at node n until the node is closed, on a goroutine of its
// own: for Config.Prepare of clustertest.
func Watch(n *slotmesh.Node, fn func(slotmesh.Event)) {
	events := n.Events(context.Background())
	go func() {
		for e := range events {
			fn(e)
		}
	}()
}

// StartSettled starts a cluster whose replicas are in step, and settled: all that is worth
// saving is saved.
func StartSettled(t *testing.T, cfg clustertest.Config) *clustertest.Cluster {
	t.Helper()
	cfg.NodeTimeout = Timeout
	c := clustertest.Start(t, cfg)
	WaitSynced(t, c)
	time.Sleep(time.Minute)
	return c
}

// WaitSynced returns when each replica holds its master's data.
func WaitSynced(t *testing.T, c *clustertest.Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, n := range c.Nodes() {
		if err := n.WaitSynced(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// Await waits until node i sees what cond asks for, and returns how long that took.
func Await(t *testing.T, c *clustertest.Cluster, i int, cond func(m *slots.Map) bool) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*Timeout)
	defer cancel()
	if err := c.Node(i).WaitMap(ctx, cond); err != nil {
		t.Fatalf("node %d: %v", i, err)
	}
	return time.Since(began)
}

// Serves reports whether the cluster serves, as the map's node sees it.
func Serves(m *slots.Map) bool { return m.State() == slots.OK }

// IsDown reports whether the cluster is down, as the map's node sees it.
func IsDown(m *slots.Map) bool { return m.State() == slots.Down }

// Leads reports whether the map's node is a master with slots in a cluster that serves.
func Leads(m *slots.Map) bool { return m.Self().IsMaster() && m.Self().HasSlots() && Serves(m) }

// Follows reports whether the map's node is a replica.
func Follows(m *slots.Map) bool { return !m.Self().IsMaster() }

// Between reports whether d is from low to high.
func Between(d, low, high time.Duration) bool { return d >= low && d <= high }
