package migrator

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// testReplicas are a node's replicas, all of which hold everything at once, and what its
// writers were told.
type testReplicas struct {
	hold func() // what Hold waits for

	mu   sync.Mutex // guards all below
	good int
	told map[slots.Slot]int
	left map[slots.Slot]int // the latest Leave
}

func (r *testReplicas) Standing(k int) (want, good int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return k, r.good
}

func (r *testReplicas) Hold(ctx context.Context, k int) (int, error) {
	if r.hold != nil {
		r.hold()
	}
	for {
		if want, good := r.Standing(k); good >= want {
			return good, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func (r *testReplicas) set(good int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.good = good
}

func (r *testReplicas) Of(slot slots.Slot) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told[slot]
}

func (r *testReplicas) Raise(set *slots.Set, k int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told == nil {
		r.told = make(map[slots.Slot]int)
	}
	for slot := range set.All() {
		r.told[slot] = max(r.told[slot], k)
	}
	return nil
}

func (r *testReplicas) Leave(list []slots.Slot, held int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == nil {
		r.left = make(map[slots.Slot]int)
	}
	for _, slot := range list {
		r.left[slot] = held
	}
}

// promisedCluster is two nodes, the first of which told its writers in some slots that k
// replicas hold what they wrote.
func promisedCluster(t *testing.T, told slots.Set, k int) (cl *testCluster, source, target *testReplicas) {
	cl = newTestCluster(t, 2)
	source, target = new(testReplicas), new(testReplicas)
	for i, r := range []*testReplicas{source, target} {
		cl.nodes[i].stop()
		cl.nodes[i].replicas = r
	}
	source.Raise(&told, k)
	for _, n := range cl.nodes {
		n.start()
	}
	return cl, source, target
}

func (c *testCluster) startMove(set slots.Set) migrate.JobID {
	id, err := c.nodes[0].driver.Move(set, c.nodes[1].id)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *testCluster) status(id migrate.JobID) migrate.Status {
	s, err := c.nodes[0].driver.Status(id)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// A slot whose writers were told of replicas waits, closed and with a reason, for a
// target that has them; others pass it.
func TestAMoveWaitsForTheReplicasThatWritersWereTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl, _, target := promisedCluster(t, slots.NewSet(3), 1)
		cl.fill(9, 5, 100)
		id := cl.startMove(slotsUpTo(9))
		time.Sleep(time.Minute)
		s := cl.status(id)
		if s.Progress.Slots != 9 || !strings.Contains(s.Progress.Waiting, "have to be held by 1 of node") {
			t.Errorf("%d slots moved, want 9; waiting: %q", s.Progress.Slots, s.Progress.Waiting)
		}
		if _, open := cl.nodes[0].Map().Migrating(3); open || cl.nodes[1].store.Count(3) > 0 {
			t.Error("slot 3 is open")
		}
		target.set(1)
		time.Sleep(time.Second)
		if s := cl.status(id); s.State != migrate.Finished {
			t.Errorf("with the replica back: %v, %+v", s.State, s.Progress)
		}
		cl.check(9, 5, 1)
		if target.Of(3) != 1 || target.Of(2) != 0 {
			t.Error("the target does not know what writers were told")
		}
	})
}

func TestAMoveThatWaitsForReplicasCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl, _, _ := promisedCluster(t, slotsUpTo(9), 1)
		cl.fill(9, 5, 100)
		id := cl.startMove(slotsUpTo(9))
		time.Sleep(time.Minute)
		if err := cl.nodes[0].driver.Cancel(id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s := cl.status(id); s.State != migrate.Cancelled {
			t.Errorf("%v, %+v", s.State, s.Progress)
		}
		cl.check(9, 5, 0)
	})
}

// The replica is lost between a batch's arrival and its acknowledgement: writers to its
// keys are told to try again, the reason can be seen, and the move ends when the replica
// is back.
func TestABatchWaitsForItsReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl, source, target := promisedCluster(t, slotsUpTo(0), 1)
		cl.fill(0, 5, 100)
		target.set(1)
		target.hold = func() { target.set(0); target.hold = nil }
		id := cl.startMove(slotsUpTo(0))
		time.Sleep(time.Minute)
		s := cl.status(id)
		if s.Progress.Keys != 0 || !strings.Contains(s.Progress.Waiting, "0 are in good standing") {
			t.Errorf("%+v", s.Progress)
		}
		rejecting := false
		cl.nodes[0].store.View(0, func(*keyspace.Tx) error {
			_, err := cl.nodes[0].engine.Wait(0, [][]byte{[]byte(key(0, 1))})
			rejecting = err == slots.ErrTryAgain
			return nil
		})
		if !rejecting {
			t.Error("writers to a key on its way are not told to try again")
		}
		cl.net.Reset("10.0.0.1", "10.0.0.2") // the batch comes again, and is no more refused than before
		time.Sleep(time.Minute)
		if n := cl.nodes[1].store.Count(0); n != 5 {
			t.Errorf("the target has %d keys of a batch that came again", n)
		}
		target.set(1)
		time.Sleep(2 * time.Second)
		if s := cl.status(id); s.State != migrate.Finished {
			t.Errorf("with the replica back: %v, %+v", s.State, s.Progress)
		}
		cl.check(0, 5, 1)
		if source.left[0] != 1 {
			t.Errorf("the keys left with %d replicas", source.left[0])
		}
	})
}

// A writer is told of a replica while a batch is on its way that the target took without
// one.
func TestAPromiseOvertakesABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl, source, target := promisedCluster(t, slots.Set{}, 0)
		cl.fill(0, 5, 100)
		set := slotsUpTo(0)
		target.hold = func() { source.Raise(&set, 1) }
		id := cl.startMove(set)
		time.Sleep(time.Minute)
		if s := cl.status(id); s.Progress.Keys != 0 || cl.nodes[0].store.Count(0) != 5 {
			t.Errorf("keys were deleted that no replica of the target holds: %+v", s.Progress)
		}
		target.set(1)
		time.Sleep(2 * time.Second)
		if s := cl.status(id); s.State != migrate.Finished || target.Of(0) != 1 {
			t.Errorf("with the replica back: %v, %+v", s.State, s.Progress)
		}
		cl.check(0, 5, 1)
	})
}
