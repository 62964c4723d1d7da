package interop

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// stroll is one run of the walk that redis-trib.rb was for: create, add-node, reshard
// from all, rebalance, del-node, with clients meanwhile.
type stroll struct {
	nodes    []*process
	reshards [2]time.Duration // to the new master with keys, and back without
	requests int
	wrong    []string
}

// TestWalk moves slots by the commands of redis-trib and of redis-cli, each in its order,
// at slotmesh and at Redis in turn: in CI 1,024 with keys and 1,024 without, half of them
// in each order. Clients read and write meanwhile, and must see no error.
//
// The times are reported side by side. Slotmesh takes two to four times as long: before
// it answers, a node has each step on its disk and at its replicas, of which Redis does
// neither. The disk is memory here, where there is /dev/shm: on a disk the time is that
// of eight fsyncs for each slot, ten times that of Redis and more. The bound leaves room
// for a machine whose load changes in between, and none for a wait for each slot: the
// shortest there is, for a tick of gossip, is 100 ms, and Redis needs some 5 ms for a
// slot.
func TestWalk(t *testing.T) {
	const room = 8
	count := many(512, 256)
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm")
	}
	for _, tool := range []struct {
		name     string
		cliOrder bool
	}{{"redis-trib", false}, {"redis-cli", true}} {
		t.Run(tool.name, func(t *testing.T) {
			ours := walkBy(t, serve, tool.cliOrder, count)
			theirs := walkBy(t, redisServer, tool.cliOrder, count)
			if len(ours.wrong) > 0 {
				t.Errorf("%d of %d requests went wrong:\n%s", len(ours.wrong), ours.requests,
					strings.Join(ours.wrong[:min(10, len(ours.wrong))], "\n"))
			}
			for i, what := range []string{"with keys", "without keys"} {
				ratio := ours.reshards[i].Seconds() / theirs.reshards[i].Seconds()
				t.Logf("%d slots %s: slotmesh %v, Redis %v, ratio %.2f", count, what,
					ours.reshards[i].Round(time.Millisecond), theirs.reshards[i].Round(time.Millisecond), ratio)
				if ratio > room {
					t.Errorf("%s it took %.2f times as long as with Redis", what, ratio)
				}
			}
			t.Logf("clients: slotmesh %d requests, %d errors; Redis %d, %d", ours.requests, len(ours.wrong), theirs.requests,
				len(theirs.wrong))
		})
	}
}

func walkBy(t *testing.T, start startFunc, cliOrder bool, count int) (w stroll) {
	r := newTrib(t, cliOrder)
	w.nodes = servers(t, 6, start)
	entry := w.nodes[0]
	r.create(w.nodes)
	for _, p := range w.nodes {
		p.eventually("cluster_state:ok", 20*time.Second, func() bool {
			return strings.Contains(r.must(r.dial(p.addr()), "cluster", "info").(string), "cluster_state:ok")
		})
	}

	// A fourth shard.
	master, replica := start(t), start(t)
	r.add(master, entry, "")
	id := r.must(r.dial(master.addr()), "cluster", "myid").(string)
	r.add(replica, entry, id)

	// A key in each slot, read and written while slots of all go to the new master.
	clients := watch(t, w.nodes, 4)
	w.reshards[0] = timed(func() { r.reshard(entry, nil, id, count) })
	w.add(t, clients)

	// The new master is emptied again. Only some of the slots have keys now, for the clients.
	r.flush()
	r.agreed(entry)
	mine := r.find(id).slots
	clients = watchKeys(t, w.nodes, 4, someKeys(&mine, 64))
	w.reshards[1] = timed(func() { r.rebalance(entry, id) })
	w.add(t, clients)

	replicaID := r.must(r.dial(replica.addr()), "cluster", "myid").(string)
	for _, id := range []string{replicaID, id} {
		r.remove(entry, id)
	}
	r.agreed(entry)
	if n := len(r.nodes); n != 6 {
		t.Errorf("%d nodes are left", n)
	}
	for _, p := range append(w.nodes, master, replica) {
		p.kill(9)
	}
	return w
}

func (w *stroll) add(t *testing.T, clients *watchers) {
	t.Helper()
	clients.end(t)
	w.requests += len(clients.took)
	w.wrong = append(w.wrong, clients.wrong...)
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// someKeys returns n keys of a set of slots.
func someKeys(set *slots.Set, n int) (keys []string) {
	all := keyPerSlot()
	for slot := range set.All() {
		if len(keys) < n {
			keys = append(keys, all[slot])
		}
	}
	return keys
}
