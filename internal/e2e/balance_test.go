package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

// balanced is the configuration of nodes that balance their cluster, with so many replicas.
func balanced(replicas int) func(int, *slotmesh.Config) {
	return func(_ int, cfg *slotmesh.Config) {
		cfg.Cluster.Replicas = replicas
		cfg.Cluster.Balance.Mode = slotmesh.BalanceOn
	}
}

// joinNode starts one more node and has it join the cluster.
func joinNode(t *testing.T, c *clustertest.Cluster, host string, configure func(int, *slotmesh.Config)) *slotmesh.Node {
	t.Helper()
	cfg := slotmesh.Config{Addr: host + ":7000", BusAddr: host + ":17000", Network: c.Host(host), OpenBus: true,
		NodeTimeout: e2e.Timeout, Clients: slotmesh.ClientConfig{Open: true}}
	configure(0, &cfg)
	n := e2e.StartNode(t, cfg)
	if err := c.Node(0).MeetAndWait(t.Context(), n.Addr()); err != nil {
		t.Fatal(err)
	}
	return n
}

// evenly reports whether the shards of a map are so many, and each has its share of the
// slots within 2 %.
func evenly(m *slots.Map, shards int) bool {
	if m.Size() != shards || m.Assigned() != slots.Count || m.State() != slots.OK {
		return false
	}
	share := float64(slots.Count) / float64(shards)
	for _, n := range m.Nodes() {
		if off := float64(0); n.HasSlots() {
			if off = float64(n.Slots.Len())/share - 1; off > 0.0205 || off < -0.0205 {
				return false
			}
		}
	}
	return true
}

// counter counts in keys of its own, one write after the other.
type counter struct {
	keys   []string
	counts []int
	writes int
}

func (w *counter) run(ctx context.Context, r *slotmesh.Router) error {
	for ctx.Err() == nil {
		i := w.writes % len(w.keys)
		err := r.Set(ctx, w.keys[i], []byte(strconv.Itoa(w.counts[i]+1)), 0)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("write %d: %w", w.writes, err)
		}
		if err == nil {
			w.counts[i]++
			w.writes++
		}
		time.Sleep(4 * time.Millisecond)
	}
	return nil
}

// startCounters runs counters, some 1,000 writes a second in all, of which each counts when so
// many replicas hold it, until the function that it returns is called: this checks them all.
func startCounters(t *testing.T, r *slotmesh.Router, replicas int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(slotmesh.WithSync(t.Context(), replicas))
	writers := make([]*counter, 4)
	errs := make([]error, len(writers))
	var running sync.WaitGroup
	for i := range writers {
		w := &counter{counts: make([]int, 1000)}
		for k := range w.counts {
			w.keys = append(w.keys, fmt.Sprintf("key:%d:%d:%d", replicas, i, k))
		}
		writers[i] = w
		running.Go(func() { errs[i] = w.run(ctx, r) })
	}
	return func() {
		t.Helper()
		cancel()
		running.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		total := 0
		for _, w := range writers {
			total += w.writes
			for i, want := range w.counts {
				got, err := r.Get(t.Context(), w.keys[i])
				n, _ := strconv.Atoi(string(got))
				if want > 0 && (err != nil || n < want || n > want+1) { // the last one may have come through
					t.Fatalf("%s = %q, %v; want %d", w.keys[i], got, err, want)
				}
			}
		}
		t.Logf("%d writes were acknowledged, none is lost", total)
	}
}

func awaitFor(t *testing.T, d time.Duration, n *slotmesh.Node, what string, cond func(*slots.Map) bool) time.Duration {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := n.WaitMap(ctx, cond); err != nil {
		plan, planErr := n.BalancePlan(t.Context())
		status, _ := n.BalanceStatus()
		t.Fatalf("%s: %v; %v%v %v", what, err, status, plan, planErr)
	}
	return time.Since(began)
}

// Two nodes join a cluster of three shards under writes: they become the fourth shard, and
// get their share of the slots.
func TestClusterGrowsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, Node: balanced(1)})
		stop := startCounters(t, c.Node(0).Router(), 1)
		first := joinNode(t, c, "10.0.1.1", balanced(1))
		time.Sleep(time.Minute)
		if m := first.Map(); !m.Self().IsMaster() || m.Self().HasSlots() || m.Size() != 3 {
			t.Errorf("one node too few for a shard is no spare: %+v", m.Self())
		}
		joinNode(t, c, "10.0.1.2", balanced(1))
		took := awaitFor(t, 3*time.Minute, c.Node(0), "four shards", func(m *slots.Map) bool { return evenly(m, 4) })
		t.Logf("in balance after %v", took)
		time.Sleep(30 * time.Second)
		stop()
		for i := range 6 {
			if !evenly(c.Node(i).Map(), 4) {
				t.Errorf("node %d sees other shares", i)
			}
			if jobs := c.Node(i).Stats().Migrations; len(jobs) > 0 {
				t.Errorf("node %d still moves slots: %+v", i, jobs)
			}
		}
	})
}

// A pause holds at all nodes, also after a restart, until it is ended at any of them; it is
// seen what would be done.
func TestBalancePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Node: balanced(0)})
		if err := c.Node(2).BalancePause(t.Context()); err != nil {
			t.Fatal(err)
		}
		fourth := joinNode(t, c, "10.0.1.1", balanced(0))
		c.Stop(0)
		c.Restart(0)
		time.Sleep(2 * time.Minute)
		plan, err := c.Node(0).BalancePlan(t.Context())
		if err != nil || len(plan.Steps) != 3 || plan.Steps[0].Kind != slotmesh.BalanceMove {
			t.Errorf("the plan: %v, %v", plan, err)
		}
		status, err := c.Node(0).BalanceStatus()
		if m := c.Node(1).Map(); err != nil || !status.Paused || status.Off || m.Size() != 3 {
			t.Errorf("paused, but %v, %v, %d masters with slots", status, err, m.Size())
		}
		if err := c.Node(0).BalanceResume(t.Context()); err != nil {
			t.Fatal(err)
		}
		awaitFor(t, 2*time.Minute, c.Node(1), "four masters", func(m *slots.Map) bool { return evenly(m, 4) })
		time.Sleep(time.Minute)
		status, err = c.Node(1).BalanceStatus()
		if err != nil || status.Paused || !status.Coordinator.IsZero() {
			t.Errorf("in balance, but %v, %v", status, err)
		}
		if plan, err = c.Node(1).BalancePlan(t.Context()); err != nil || plan.String() != "nothing to do\n" {
			t.Errorf("in balance, but it plans %v, %v", plan, err)
		}
		if err := fourth.Leave(t.Context()); err != nil { // nobody gives it slots meanwhile
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if m := c.Node(1).Map(); !evenly(m, 3) || len(m.Nodes()) != 3 {
			t.Errorf("it has left, and %d nodes are there, %d with slots", len(m.Nodes()), m.Size())
		}
	})
}

// Slots that nobody owns any more get an owner after the hold-off, and the cluster serves
// again.
func TestSlotsWithoutAnOwnerGetOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Node: balanced(0)})
		o := e2e.Operator{T: t, Cluster: c}
		o.Must(0, "CLUSTER DELSLOTSRANGE 0 99")
		awaitFor(t, time.Second, c.Node(1), "a gap", func(m *slots.Map) bool { return m.State() != slots.OK })
		took := awaitFor(t, time.Minute, c.Node(1), "all slots", func(m *slots.Map) bool { return evenly(m, 3) })
		if took < 5*time.Second {
			t.Errorf("after %v: an operator who moves slots by hand had no time", took)
		}
	})
}

// A witness is no spare: it gets neither slots nor a master.
func TestWitnessIsNoSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 1, Replicas: 1, Witnesses: 1, Node: balanced(1)})
		time.Sleep(time.Minute)
		plan, err := c.Node(0).BalancePlan(t.Context())
		if err != nil || plan.String() != "nothing to do\n" {
			t.Errorf("it plans %v, %v", plan, err)
		}
		o := e2e.Operator{T: t, Cluster: c}
		if text := o.Do(0, "CLUSTER NODES"); strings.Count(text, "master,witness ") != 1 {
			t.Errorf("CLUSTER NODES does not tell the witness:\n%s", text)
		}
	})
}

// A coordinator that dies while slots move is followed by another node, which goes on.
func TestCoordinatorDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 4, Node: balanced(0)})
		joinNode(t, c, "10.0.1.1", balanced(0))
		awaitFor(t, time.Minute, c.Node(0), "the first slots", func(m *slots.Map) bool { return m.Size() == 5 })
		status, err := c.Node(0).BalanceStatus()
		if err != nil || status.Coordinator.IsZero() {
			t.Fatalf("slots move, but %v, %v", status, err)
		}
		for i := range 4 {
			if c.Node(i).ID() == status.Coordinator {
				c.Kill(i)
				time.Sleep(5 * time.Second)
				c.Restart(i)
				break
			}
		}
		awaitFor(t, 3*time.Minute, c.Node(0), "balance", func(m *slots.Map) bool { return evenly(m, 5) })
		time.Sleep(time.Minute)
		if m := c.Node(0).Map(); !evenly(m, 5) {
			t.Error("it did not last")
		}
		e2e.NoneOpen(t, c)
	})
}
