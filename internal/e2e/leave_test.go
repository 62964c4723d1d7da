package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// writer writes keys through a client until stopped, each acknowledged by sync replicas.
type writer struct {
	t       *testing.T
	client  *slotmesh.Client
	stop    context.CancelFunc
	done    chan []string
	longest time.Duration
}

func startWriter(t *testing.T, c *clustertest.Cluster, sync int) *writer {
	t.Helper()
	client, err := slotmesh.Dial(t.Context(), slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	w := &writer{t: t, client: client, stop: stop, done: make(chan []string, 1)}
	go func() {
		var keys []string
		for i := 0; ctx.Err() == nil; i++ {
			key, began := fmt.Sprint("w:", i), time.Now()
			if err := client.Set(slotmesh.WithSync(context.Background(), sync), key, []byte(key), 0); err != nil {
				t.Errorf("%s: %v", key, err)
			}
			keys, w.longest = append(keys, key), max(w.longest, time.Since(began))
			time.Sleep(time.Millisecond)
		}
		w.done <- keys
	}()
	return w
}

// end returns the keys, all of which were acknowledged.
func (w *writer) end() []string {
	w.stop()
	keys := <-w.done
	w.client.Close()
	return keys
}

// leave takes node i out and closes it.
func leave(t *testing.T, c *clustertest.Cluster, i int) {
	t.Helper()
	n, began := c.Node(i), time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := n.Leave(ctx); err != nil {
		t.Fatalf("node %d: %v", i, err)
	}
	t.Logf("node %d left in %v", i, time.Since(began))
	if m := n.Map(); len(m.Nodes()) != 1 || m.Self().HasSlots() || !m.Self().IsMaster() || m.Self().Leaving {
		t.Errorf("node %d has left, but sees %d nodes: %+v", i, len(m.Nodes()), m.Self())
	}
	if keys := n.Stats().Store.Keys; keys != 0 {
		t.Errorf("node %d has left with %d keys", i, keys)
	}
	id := n.ID()
	c.Stop(i)
	for _, o := range c.Nodes() {
		if o.Map().Node(id) != nil {
			t.Errorf("node %s still knows node %d", o.Addr(), i)
		}
	}
}

func wantKeys(t *testing.T, c *clustertest.Cluster, keys []string) {
	t.Helper()
	if got := e2e.CountKeys(t, c, keys); got != len(keys) {
		t.Errorf("%d of %d acknowledged keys", got, len(keys))
	}
}

// A master hands over to its replica and goes, a replica just goes; clients notice nothing.
func TestLeaveWithReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 2})
		w := startWriter(t, c, 1)
		time.Sleep(time.Second)
		var mu sync.Mutex
		var stages []string
		e2e.Watch(c.Node(0), func(e slotmesh.Event) {
			if e, ok := e.(slotmesh.Leaving); ok {
				mu.Lock()
				defer mu.Unlock()
				stages = append(stages, string(e.Stage))
			}
		})
		leave(t, c, 0)
		leave(t, c, 4) // a replica
		c.WaitStable()
		time.Sleep(time.Second)
		keys := w.end()
		wantKeys(t, c, keys)
		if w.longest > time.Second {
			t.Errorf("a write took %v", w.longest)
		}
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(stages, " "); got != "handing-over waiting departing left" {
			t.Errorf("stages: %s", got)
		}
	})
}

// A master without a replica gives its slots to the others, by equal shares.
func TestLeaveWithoutReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 4})
		w := startWriter(t, c, 0)
		time.Sleep(time.Second)
		leave(t, c, 2)
		c.WaitStable()
		wantKeys(t, c, w.end())
		m := c.Node(0).Map()
		for i := range m.Nodes() {
			if n := m.Nodes()[i].Slots.Len(); n < slots.Count/3-1 || n > slots.Count/3+1 {
				t.Errorf("a master owns %d slots", n)
			}
		}
	})
}

// Two at once do not give each other their slots.
func TestTwoLeaveAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 4})
		w := startWriter(t, c, 0)
		time.Sleep(time.Second)
		var group sync.WaitGroup
		for _, n := range []*slotmesh.Node{c.Node(1), c.Node(3)} {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				if err := n.Leave(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		c.Stop(1)
		c.Stop(3)
		c.WaitStable()
		wantKeys(t, c, w.end())
		if n := len(c.Node(0).Map().Nodes()); n != 2 {
			t.Errorf("%d nodes are left", n)
		}
	})
}

// The last master with slots stays, and says why; so does one whose Leave is called off.
func TestLeaveThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3})
		keys := e2e.WriteKeys(t, c, 3000)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		c.Delay(10 * time.Millisecond)
		if err := c.Node(2).Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("called off: %v", err)
		}
		c.Delay(0)
		c.WaitStable()
		e2e.Await(t, c, 0, func(m *slots.Map) bool { return !m.Node(c.Node(2).ID()).Leaving })
		wantKeys(t, c, keys)
		if m := c.Node(2).Map(); !m.Self().HasSlots() {
			t.Error("the node that stays owns no slots any more")
		}
		leave(t, c, 2)
		leave(t, c, 1)
		if err := c.Node(0).Leave(t.Context()); !errors.Is(err, slotmesh.ErrNoOtherMaster) {
			t.Errorf("the last: %v", err)
		}
		wantKeys(t, c, keys)
		if err := c.Node(0).Local().Set(t.Context(), "k", nil, 0); err != nil {
			t.Errorf("writing after all: %v", err)
		}
	})
}

// A node that dies while it drains is a member like any when it is back, and may leave
// then.
func TestCrashWhileLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3})
		keys := e2e.WriteKeys(t, c, 3000)
		n := c.Node(1)
		left := make(chan error, 1)
		go func() { left <- n.Leave(t.Context()) }()
		share := n.Map().Self().Slots.Len()
		e2e.Await(t, c, 1, func(m *slots.Map) bool { return m.Self().Slots.Len() < share*2/3 })
		c.Stop(1)
		if err := <-left; !errors.Is(err, slotmesh.ErrClosed) {
			t.Errorf("Leave of a node that is closed: %v", err)
		}
		c.Restart(1)
		c.WaitStable()
		time.Sleep(time.Minute)
		if m := c.Node(0).Map().Node(c.Node(1).ID()); m == nil || m.Leaving {
			t.Errorf("after the restart: %+v", m)
		}
		leave(t, c, 1)
		c.WaitStable()
		wantKeys(t, c, keys)
	})
}

// A replica that is dead for good is forgotten by all, a minute after it failed.
func TestForgetAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(_ int, cfg *slotmesh.Config) {
			cfg.Cluster.ForgetAfter = time.Minute
		}})
		id := c.Node(5).ID()
		c.Kill(5)
		e2e.Await(t, c, 0, func(m *slots.Map) bool { return m.Node(id).Health == slots.Failed })
		took := e2e.Await(t, c, 0, func(m *slots.Map) bool { return m.Node(id) == nil })
		if !e2e.Between(took, time.Minute-time.Second, time.Minute+time.Second) {
			t.Errorf("forgotten %v after it failed, want a minute", took)
		}
		time.Sleep(time.Second)
		for i := range 5 {
			if c.Node(i).Map().Node(id) != nil {
				t.Errorf("node %d still knows it", i)
			}
		}
		c.Restart(5) // its keys are still there; its membership is not
		time.Sleep(time.Minute)
		if n := len(c.Node(5).Map().Nodes()); n != 1 {
			t.Errorf("back, the dead node knows %d nodes", n)
		}
		if n := len(c.Node(0).Map().Nodes()); n != 5 {
			t.Errorf("%d nodes, want 5", n)
		}
	})
}

// A node that has left does not join again by its Config.Join.
func TestLeaveAndConfigJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Node: func(i int, cfg *slotmesh.Config) {
			cfg.Join = []string{"10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"}
		}})
		if err := c.Node(2).Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(c.Node(2).Map().Nodes()); n != 1 {
			t.Errorf("it knows %d nodes", n)
		}
	})
}
