package slotmesh_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

func TestMigrateSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		keys := e2e.WriteKeys(t, c, 2000)
		source, target := c.Node(0), c.Node(1)
		set := e2e.FirstSlots(source, 1000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		id, err := source.MigrateSlots(ctx, set, target.ID())
		if err == nil {
			err = source.WaitMigration(ctx, id)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.WaitStable()
		own, other := source.Migrations(), target.Migrations()
		if len(own) != 1 || own[0].Import {
			t.Errorf("the source tells of %+v", own)
		}
		// A source that hears by gossip who owns the last slot may end the connection before the
		// target has answered: then the target does not keep in mind that there was a job.
		if len(other) > 0 && (len(other) != 1 || !other[0].Import || other[0].Job.ID != id ||
			other[0].Progress.Slots != 1000) {
			t.Errorf("the target tells of %+v", other)
		}
		for slot := range set.All() {
			if !target.Map().IsMine(slot) {
				t.Fatalf("slot %d is not the target's", slot)
			}
		}
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys are at their owners", got, len(keys))
		}
		total := 0
		for i := range 3 {
			total += c.Node(i).Stats().Store.Keys
		}
		if total != len(keys) {
			t.Errorf("the masters hold %d keys, want %d", total, len(keys))
		}
		e2e.NoneOpen(t, c)
	})
}

// A job is begun for a caller who still wants it, and then needs nobody.
func TestMigrateSlotsHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2})
		source, target := c.Node(0), c.Node(1).ID()
		set := e2e.FirstSlots(source, 100)
		ctx, cancel := context.WithCancel(t.Context())
		c.Delay(time.Millisecond)
		id, err := source.MigrateSlots(ctx, set, target)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := source.WaitMigration(t.Context(), id); err != nil {
			t.Error(err)
		}
		if id, err := source.MigrateSlots(ctx, e2e.FirstSlots(source, 100), target); !errors.Is(err, context.Canceled) ||
			len(source.Migrations()) != 1 {
			t.Errorf("for a caller who has gone: job %v, %v", id, err)
		}
	})
}

// counter is a client that adds to counters through whatever node serves them, and knows
// what they must be.
type counter struct {
	c     *clustertest.Cluster
	acked map[string]int
}

// add increments a key once; it follows redirections as a client does.
func (k *counter) add(t *testing.T, ctx context.Context, key string) bool {
	asking := false
	at := k.c.Nodes()[0]
	for range 200 {
		err := incr(ctx, at, key, asking)
		asking = false
		var moved *slots.MovedError
		var ask *slots.AskError
		switch {
		case err == nil:
			k.acked[key]++
			return true
		case errors.As(err, &moved):
			at = byID(k.c, moved.Node, at)
		case errors.As(err, &ask):
			at, asking = byID(k.c, ask.Node, at), true
		default:
			time.Sleep(10 * time.Millisecond)
		}
	}
	return false
}

func byID(c *clustertest.Cluster, id slots.NodeID, otherwise *slotmesh.Node) *slotmesh.Node {
	for _, n := range c.Nodes() {
		if n.ID() == id {
			return n
		}
	}
	return otherwise
}

func incr(ctx context.Context, n *slotmesh.Node, key string, asking bool) error {
	return slotmesh.UpdateAsking(n, ctx, key, asking, func(tx slotmesh.Tx) error {
		v, _ := tx.Get(key)
		var old int
		fmt.Sscan(string(v), &old)
		return tx.Set(key, fmt.Append(nil, old+1), 0)
	})
}

// Slots move back and forth while eight clients count in them: no count is lost, none
// waits long.
func TestMigrateUnderWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		keys := e2e.WriteKeys(t, c, 20_000) // something to carry
		c.Delay(time.Millisecond)
		set := e2e.FirstSlots(c.Node(0), 2000)
		stop := make(chan struct{})
		var wg sync.WaitGroup
		counters := make([]*counter, 8)
		var slowest time.Duration
		var mu sync.Mutex
		for w := range counters {
			counters[w] = &counter{c: c, acked: make(map[string]int)}
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					began := time.Now()
					if !counters[w].add(t, ctx, fmt.Sprintf("w%d:%d", w, rng.IntN(500))) {
						t.Error("a write found no node")
						return
					}
					mu.Lock()
					slowest = max(slowest, time.Since(began))
					mu.Unlock()
					time.Sleep(time.Millisecond)
				}
			})
		}
		for round := range 4 {
			source, target := c.Node(round%2), c.Node(1-round%2)
			id, err := source.MigrateSlots(ctx, set, target.ID())
			if err == nil {
				err = source.WaitMigration(ctx, id)
			}
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
		close(stop)
		wg.Wait()
		c.WaitStable()
		e2e.NoneOpen(t, c)
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys are at their owners", got, len(keys))
		}
		writes := 0
		for _, k := range counters {
			for key, want := range k.acked {
				owner, _ := e2e.OwnerOf(c, key)
				if v, err := owner.Local().Get(ctx, key); string(v) != fmt.Sprint(want) {
					t.Errorf("%s = %q, %v; want %d", key, v, err, want)
				}
				writes += want
			}
		}
		if slowest > 50*time.Millisecond {
			t.Errorf("the slowest write took %v", slowest)
		}
		t.Logf("%d writes, the slowest took %v", writes, slowest)
	})
}

// The source, or the target, dies in the middle of a move; its replica goes on with it.
func TestMigrateSurvivesFailover(t *testing.T) {
	for name, victim := range map[string]int{"source": 0, "target": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
				keys := e2e.WriteKeys(t, c, 3000)
				for _, n := range c.Nodes() {
					if err := n.WaitSynced(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Second)
				c.Delay(time.Millisecond) // so that the move takes its time
				set := e2e.FirstSlots(c.Node(0), 3000)
				if _, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID()); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := c.Node(1).WaitMap(ctx, func(m *slots.Map) bool { // some slots have arrived
					arrived := set
					arrived.Intersect(m.Self().Slots)
					return arrived.Len() > 300
				})
				if err != nil {
					t.Fatal(err)
				}
				c.Kill(victim)
				successor := c.Node(victim + 3)
				if err := successor.WaitMap(ctx, func(m *slots.Map) bool { return m.Self().IsMaster() }); err != nil {
					t.Fatal(err)
				}
				done := func(m *slots.Map) bool {
					for slot := range set.All() {
						if o := m.Owner(slot); o == nil || o.ID != c.Nodes()[0].ID() && victim == 1 && o.ID != successor.ID() ||
							victim == 0 && o.ID != c.Node(1).ID() {
							return false
						}
					}
					return m.Open().Empty()
				}
				if err := c.Node(2).WaitMap(ctx, done); err != nil {
					t.Errorf("the move did not end: %v", err)
				}
				time.Sleep(5 * time.Second)
				e2e.NoneOpen(t, c)
				if got := e2e.CountKeys(t, c, keys); got != len(keys) {
					t.Errorf("%d of %d keys are at their owners", got, len(keys))
				}
			})
		})
	}
}
