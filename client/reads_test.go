package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

func TestReadPreference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		time.Sleep(time.Second)
		keys := fill(t, c.Node(0).Router(), 100)
		time.Sleep(time.Second)
		e2e.Routers(t, c, func(t *testing.T, r *client.Router) {
			for _, from := range []client.ReadPreference{client.ReadMaster, client.ReadReplica, client.ReadNearest} {
				for _, got := range r.WithReadPreference(from).GetMany(t.Context(), keys...) {
					if got.Err != nil || string(got.Value) != got.Key {
						t.Errorf("%s: %q, %v", got.Key, got.Value, got.Err)
					}
				}
			}
		})
		// Replicas serve reads without their masters, for as long as they are thought to be
		// alive.
		for i := range 3 {
			c.Pause(i)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, got := range c.Node(3).Router().WithReadPreference(client.ReadReplica).GetMany(ctx, keys...) {
			if got.Err != nil || string(got.Value) != got.Key {
				t.Errorf("without masters: %s: %q, %v", got.Key, got.Value, got.Err)
			}
		}
	})
}

// While a replica hears nothing from its master, it gives no data that is older than the
// reader bears: the master gives the new, to nodes and clients alike, and to the replica
// itself.
func TestReadWithinBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2, Replicas: 1, WithoutFailover: true})
		master, replica := 0, 0
		for i, n := range c.Nodes() {
			if n.Map().Self().Master == c.Node(master).ID() {
				replica = i
			}
		}
		key := ownedBy(c.Node(master))
		readers := []*client.Router{c.Node(1).Router(), c.Node(replica).Router(), &e2e.Dial(t, c).Router}
		for i, r := range readers {
			readers[i] = r.WithReadPreference(client.ReadReplica)
		}
		set := func(value string) {
			t.Helper()
			if err := c.Node(master).Local().Set(t.Context(), key, []byte(value), 0); err != nil {
				t.Fatal(err)
			}
		}
		read := func(bound time.Duration, want string) {
			t.Helper()
			for i, r := range readers {
				if v, err := r.WithMaxStaleness(bound).Get(t.Context(), key); err != nil || string(v) != want {
					t.Errorf("reader %d within %v: %q, %v, want %q", i, bound, v, err, want)
				}
				if got := r.WithMaxStaleness(bound).GetMany(t.Context(), key, "{"+key+"}no")[0]; got.Err != nil ||
					string(got.Value) != want {
					t.Errorf("reader %d within %v, of several: %q, %v, want %q", i, bound, got.Value, got.Err, want)
				}
			}
		}
		set("old")
		time.Sleep(3 * time.Second)
		before := c.Node(replica).Stats().Store.Hits
		read(2*time.Second, "old")
		if got := c.Node(replica).Stats().Store.Hits - before; got != 6 {
			t.Errorf("a replica that was in step has answered %d reads of 6", got)
		}
		c.Drop(master, replica)
		set("new")
		time.Sleep(3 * time.Second)
		read(0, "old")
		read(10*time.Second, "old")
		readers = append(readers[:1], readers[2:]...)
		read(2*time.Second, "new")
		// The replica itself cannot reach the master: rather an error than old data.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		own := c.Node(replica).Router().WithReadPreference(client.ReadNearest)
		if v, err := own.WithMaxStaleness(2*time.Second).Get(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("of the replica itself: %q, %v", v, err)
		}
		if v, err := own.Get(t.Context(), key); err != nil || string(v) != "old" {
			t.Errorf("of the replica itself, without a bound: %q, %v", v, err)
		}
		c.Heal()
		time.Sleep(3 * time.Second)
		read(0, "new")
		read(time.Millisecond, "new")
	})
}

// ReadNearest reads where answers come from soonest, and notices when that changes.
func TestReadNearest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2, Replicas: 2, WithoutFailover: true})
		time.Sleep(3 * time.Second)
		key := ownedBy(c.Node(0))
		shard := []int{0}
		for i, n := range c.Nodes() {
			if n.Map().Self().Master == c.Node(0).ID() {
				shard = append(shard, i)
			}
		}
		if err := c.Node(0).Local().Set(client.WithSync(t.Context(), 2), key, []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
		r := c.Node(1).Router().WithReadPreference(client.ReadNearest)
		for _, near := range shard {
			for _, i := range shard {
				c.DelayBetween(1, i, 50*time.Millisecond)
			}
			c.DelayBetween(1, near, time.Millisecond)
			far := 0
			for range 100 {
				begin := time.Now()
				if v, err := r.Get(t.Context(), key); err != nil || string(v) != "v" {
					t.Fatalf("%q, %v", v, err)
				}
				if time.Since(begin) > 10*time.Millisecond {
					far++
				}
				time.Sleep(200 * time.Millisecond)
			}
			// Each node is measured every 10 s; the one that was near until now tells the change
			// by its answers.
			if far > 40 {
				t.Errorf("%d of 100 reads went far while node %d was near", far, near)
			}
			t.Logf("%d of 100 reads went far while node %d was near", far, near)
		}
	})
}

// ownedBy returns a key that a node owns.
func ownedBy(n *slotmesh.Node) string {
	for i := 0; ; i++ {
		if key := fmt.Sprint("key:", i); n.Map().IsMine(slots.OfString(key)) {
			return key
		}
	}
}

// What a node owns is nearest to itself: it is read by a direct call, which leaves no
// more garbage than ReadMaster does.
func TestReadNearestOfOwnKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1})
		plain := c.Node(0).Router()
		nearest := plain.WithReadPreference(client.ReadNearest).WithMaxStaleness(time.Second)
		if err := plain.Set(t.Context(), "key", []byte("v"), time.Hour); err != nil {
			t.Fatal(err)
		}
		for name, get := range map[string]func(r *client.Router) error{
			"Get": func(r *client.Router) error { _, err := r.Get(t.Context(), "key"); return err },
			"TTL": func(r *client.Router) error { _, err := r.TTL(t.Context(), "key"); return err },
		} {
			allocs := func(r *client.Router) float64 {
				return testing.AllocsPerRun(1000, func() {
					if err := get(r); err != nil {
						t.Error(name, err)
					}
				})
			}
			if want, got := allocs(plain), allocs(nearest); got > want {
				t.Errorf("%s of the nearest makes %v allocations, of the master %v", name, got, want)
			}
		}
	})
}
