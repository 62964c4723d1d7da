package gossip

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

func setOf(first, last slots.Slot) slots.Set {
	var s slots.Set
	s.AddRange(slots.Range{First: first, Last: last})
	return s
}

// find returns the last event of type E that the node reported.
func find[E Event](n *simNode) (last E, ok bool) {
	for _, e := range n.events {
		if e, is := e.(E); is {
			last, ok = e, true
		}
	}
	return last, ok
}

func (n *simNode) sees(o *simNode) *node { return n.core.nodes[o.id] }

func warnings(events []Event) (list []string) {
	for _, e := range events {
		if w, ok := e.(Warning); ok {
			list = append(list, w.Text)
		}
	}
	return list
}

// newCluster returns n nodes, each a master with its share of the slots, that agree.
func newCluster(t testing.TB, seed uint64, n int, timeout time.Duration) *sim {
	s := newSim(t, seed, n, timeout)
	for i, r := range slots.Even(n) {
		var set slots.Set
		set.AddRange(r)
		s.nodes[i].must(AddSlots{set})
	}
	for _, node := range s.nodes[1:] {
		node.must(MeetNode{s.nodes[0].addr})
	}
	s.until(5*time.Second, "a cluster", func() bool { return converged(s.nodes) })
	s.until(5*time.Second, "state ok", func() bool {
		for _, node := range s.nodes {
			if node.core.updateState(); node.core.state != slots.OK {
				return false
			}
		}
		return true
	})
	return s
}

// newShards returns a cluster of that many masters with replicas each: node i is the
// master of shard i if i < masters, otherwise a replica in shard i % masters.
func newShards(t testing.TB, seed uint64, masters, replicas int, timeout time.Duration) *sim {
	s := newSim(t, seed, masters*(1+replicas), timeout)
	for i, r := range slots.Even(masters) {
		s.own(i, setOf(r.First, r.Last))
	}
	for _, n := range s.nodes[1:] {
		n.must(MeetNode{s.nodes[0].addr})
	}
	s.until(5*time.Second, "a cluster", func() bool { return converged(s.nodes) })
	for i, n := range s.nodes[masters:] {
		n.must(Replicate{s.nodes[i%masters].id})
	}
	s.until(5*time.Second, "replicas", func() bool { return converged(s.nodes) })
	s.run(time.Second)
	return s
}

// seeds returns how many seeds a simulation runs: few, or SLOTMESH_SEEDS.
func seeds(t testing.TB, few int) int {
	text := os.Getenv("SLOTMESH_SEEDS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("SLOTMESH_SEEDS=%q is not a number", text)
	}
	return n
}

// firstSeed is where to start: to replay one seed, set SLOTMESH_FIRST_SEED to it and
// SLOTMESH_SEEDS to 1.
func firstSeed() int {
	n, _ := strconv.Atoi(os.Getenv("SLOTMESH_FIRST_SEED"))
	return n
}

// eachSeed runs a simulation with many seeds, on all cores.
func eachSeed(t *testing.T, few int, run func(*testing.T, uint64)) {
	n, workers := seeds(t, few), runtime.GOMAXPROCS(0)
	collect := debug.SetGCPercent(400) // a fifth of the time would go to the collector
	t.Cleanup(func() { debug.SetGCPercent(collect) })
	for w := range workers {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for seed := w; seed < n; seed += workers {
				run(t, uint64(firstSeed()+seed))
			}
		})
	}
}
