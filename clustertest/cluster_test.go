package clustertest_test

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// Each of these has a cluster of its own, beside 99 others.
func TestHundredClustersInParallel(t *testing.T) {
	for i := range 100 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			c := clustertest.Start(t, clustertest.Config{Masters: 3})
			r := c.Node(i % 3).Router()
			for j := range 10 {
				key := fmt.Sprint("key:", j)
				if err := r.Set(t.Context(), key, []byte(key), 0); err != nil {
					t.Fatal(err)
				}
				if v, err := c.Node((i+1)%3).Router().Get(t.Context(), key); err != nil || string(v) != key {
					t.Fatalf("%q, %v", v, err)
				}
			}
		})
	}
}

// Every fault, and the way back from it.
func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		reach := func() {
			t.Helper()
			c.WaitStable()
			for i, n := range c.Nodes() {
				for j := range 20 {
					if err := n.Router().Set(t.Context(), fmt.Sprint(j), nil, 0); err != nil {
						t.Fatalf("node %d: %v", i, err)
					}
				}
			}
		}
		reach()
		for name, fault := range map[string]func(){
			"partition": func() { c.Partition([]int{0}, []int{1, 2, 3, 4, 5}) },
			"pause":     func() { c.Pause(1) },
			"drop":      func() { c.Drop(2, 3); c.Drop(2, 4) },
			"reset":     func() { c.Reset(0, 1) },
			"delay":     func() { c.Delay(50 * time.Millisecond); c.DelayBetween(0, 1, time.Second) },
		} {
			fault()
			time.Sleep(time.Minute)
			c.Heal()
			c.Delay(0)
			time.Sleep(time.Minute)
			t.Log("after", name)
			reach()
		}
		c.Kill(0)
		c.WaitStable()
		if successor := c.Node(3).Map().Self(); !successor.IsMaster() || !successor.HasSlots() {
			t.Error("stable before the replica has taken over")
		}
		c.Restart(0)
		reach()
	})
}

func TestOverTCP(t *testing.T) {
	c := clustertest.Start(t, clustertest.Config{Masters: 2, TCP: true})
	client, err := slotmesh.Dial(t.Context(), slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range 10 {
		if err := client.Set(t.Context(), fmt.Sprint(i), nil, 0); err != nil {
			t.Error(err)
		}
	}
}

// A power cut is one over TCP too: the replica takes over when the others have noticed,
// not because the master told it to, and what was not saved is gone.
func TestKillOverTCP(t *testing.T) {
	const timeout = 500 * time.Millisecond
	c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, TCP: true, NodeTimeout: timeout})
	for i := range 6 {
		if err := c.Node(i).WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	victim := c.Node(0).ID()
	begin := time.Now()
	c.Kill(0)
	if owns := c.Node(1).Map().Node(victim).HasSlots(); !owns && time.Since(begin) < timeout {
		t.Error("it handed over before it died")
	}
	c.WaitStable()
	c.Restart(0)
	c.WaitStable()
	if n := c.Node(0); n.ID() != victim || n.Map().Self().IsMaster() {
		t.Errorf("back as %s, %+v", n.ID(), n.Map().Self())
	}
}

// Dozens of nodes fit into a test.
func TestNodesAreSmall(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	before := heap()
	c := clustertest.Start(t, clustertest.Config{Masters: 6})
	if each := (heap() - before) / 6; each > 1<<20 {
		t.Errorf("%d KiB for each node", each>>10)
	}
	runtime.KeepAlive(c)
}

// Six nodes, up and stable: how long it takes, how much memory each holds.
func BenchmarkSixNodes(b *testing.B) {
	var before, after runtime.MemStats
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		c := clustertest.Start(b, clustertest.Config{Masters: 6})
		b.StopTimer()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/6/1024, "KB/node")
		for i := range 6 {
			c.Kill(i)
		}
		b.StartTimer()
	}
}
