package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// fill sets keys through a router: {i}j of many slots.
func fill(t *testing.T, r *client.Router, n int) (keys []string) {
	t.Helper()
	var items []client.Item
	for i := range n {
		keys = append(keys, fmt.Sprint("key:", i))
		items = append(items, client.Item{Key: keys[i], Value: []byte(keys[i])})
	}
	for key, err := range client.Errs(r.SetMany(t.Context(), items...)) {
		t.Fatalf("setting %s: %v", key, err)
	}
	return keys
}

// While slots move to and fro, nobody sees an error or a wrong value, and writers lose
// nothing.
func TestReshardUnderRouters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		c.Delay(time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		keys := fill(t, c.Node(0).Router(), 1000)
		var users sync.WaitGroup
		rounds := 0
		var mu sync.Mutex
		use := func(r *client.Router, mine []string) {
			for ctx.Err() == nil {
				for _, got := range r.GetMany(t.Context(), keys...) {
					if got.Err != nil || !strings.HasPrefix(string(got.Value), got.Key) {
						t.Errorf("%s: %q, %v", got.Key, got.Value, got.Err)
						return
					}
				}
				for _, key := range mine {
					err := r.Update(t.Context(), []string{key}, func(tx client.Tx) error {
						v, _ := tx.Get(key)
						return tx.Set(key, append(append([]byte{}, v...), '+'), 0)
					})
					if err != nil {
						t.Errorf("updating %s: %v", key, err)
						return
					}
				}
				mu.Lock()
				rounds++
				mu.Unlock()
			}
		}
		all := []*client.Router{c.Node(0).Router(), c.Node(1).Router(), c.Node(2).Router(), &e2e.Dial(t, c).Router}
		for _, r := range all {
			users.Go(func() { use(r, keys[:10]) }) // the same keys for all
		}
		for i := range 3 {
			from, to := c.Node(i), c.Node((i+1)%3)
			var set slots.Set
			for slot := range from.Map().Self().Slots.All() {
				if set.Add(slot); set.Len() == 1000 {
					break
				}
			}
			id, err := from.MigrateSlots(ctx, set, to.ID())
			if err != nil {
				t.Fatal(err)
			}
			if err := from.WaitMigration(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		users.Wait()
		for _, got := range all[1].GetMany(t.Context(), keys[:10]...) {
			if pluses := strings.Count(string(got.Value), "+"); pluses != rounds {
				t.Errorf("%s has been added to %d times in %d rounds", got.Key, pluses, rounds)
			}
		}
		t.Logf("%d rounds", rounds)
	})
}

// A router waits out a failover: reads come back right, writes too, or say that their
// fate is unknown.
func TestFailoverUnderRouters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		time.Sleep(time.Second)
		keys := fill(t, c.Node(0).Router(), 300)
		time.Sleep(time.Second)
		all := []*client.Router{c.Node(1).Router(), c.Node(5).Router(), &e2e.Dial(t, c).Router}
		for _, r := range all {
			r.GetMany(t.Context(), keys...) // connects
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		begin := time.Now()
		c.Kill(0)
		var users sync.WaitGroup
		for i, r := range all {
			users.Go(func() {
				for _, got := range r.GetMany(ctx, keys...) {
					if got.Err != nil || string(got.Value) != got.Key {
						t.Errorf("router %d: %s: %q, %v", i, got.Key, got.Value, got.Err)
					}
				}
				for _, key := range keys {
					if err := r.Set(ctx, key, []byte(key), 0); err != nil {
						t.Errorf("router %d: setting %s: %v", i, key, err)
					}
				}
			})
		}
		users.Wait()
		if took := time.Since(begin); took > 25*time.Second {
			t.Errorf("it took %v", took)
		} else {
			t.Logf("all served after %v", took)
		}
	})
}

// With a deadline shorter than the failover the caller gets it, and the reason.
func TestDeadlineDuringFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		victim := c.Node(0)
		r := c.Node(1).Router()
		key := ""
		for i := 0; key == ""; i++ {
			if k := fmt.Sprint(i); victim.Map().IsMine(slots.OfString(k)) {
				key = k
			}
		}
		c.Kill(0)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		_, err := r.Get(ctx, key)
		if took := time.Since(begin); took != 5*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", took, err)
		}
		time.Sleep(time.Minute)
		if _, err := r.Get(t.Context(), key); !errors.Is(err, slots.ErrClusterDown) {
			t.Errorf("of a cluster that is down: %v", err)
		}
	})
}

// A write that left and was not answered is not sent again.
func TestAmbiguous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		owner, other := e2e.OwnerOf(c, "key")
		at := 0
		for i, n := range c.Nodes() {
			if n == owner {
				at = i
			}
		}
		for name, r := range map[string]*client.Router{"node": other.Router(), "client": &e2e.Dial(t, c).Router} {
			if err := r.Set(t.Context(), "key", nil, 0); err != nil {
				t.Fatal(err)
			}
			c.Pause(at)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := r.Set(ctx, "key", []byte("1"), 0)
			if !errors.Is(err, client.ErrAmbiguous) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: a write without an answer: %v", name, err)
			}
			_, err = r.Get(ctx, "key")
			if errors.Is(err, client.ErrAmbiguous) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: a read without an answer: %v", name, err)
			}
			cancel()
			c.Resume(at)
			time.Sleep(time.Second)
			if v, err := r.Get(t.Context(), "key"); err != nil || string(v) != "1" {
				t.Errorf("%s: it has arrived after all, but: %q, %v", name, v, err)
			}
		}
	})
}

func TestScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		keys := fill(t, c.Node(0).Router(), 3000)
		scanAll := func(r *client.Router, during func(n int)) map[string]int {
			seen := make(map[string]int)
			for key, err := range r.Scan(t.Context(), "key:*") {
				if err != nil {
					t.Fatal(err)
				}
				seen[key]++
				if during != nil {
					during(len(seen))
				}
			}
			for _, key := range keys {
				if seen[key] == 0 {
					t.Errorf("%s has not been seen", key)
				}
			}
			return seen
		}
		e2e.Routers(t, c, func(t *testing.T, r *client.Router) {
			if seen := scanAll(r, nil); len(seen) != len(keys) {
				t.Errorf("%d keys, want %d", len(seen), len(keys))
			}
			n := 0
			for range r.Scan(t.Context(), "") { // the caller may have enough
				if n++; n == 5 {
					break
				}
			}
			for key := range r.Scan(t.Context(), "nothing*") {
				t.Errorf("%s does not match", key)
			}
		})
		// While slots move, step by step with the scan.
		moved, last := 0, 0
		seen := scanAll(c.Node(1).Router(), func(n int) {
			if n == last || n%300 != 0 { // a key seen again must not start a move: they would never end
				return
			}
			last = n
			from, to := c.Node(moved%3), c.Node((moved+1)%3)
			moved++
			var set slots.Set
			for slot := range from.Map().Self().Slots.All() {
				if set.Add(slot); set.Len() == 300 {
					break
				}
			}
			if _, err := from.MigrateSlots(t.Context(), set, to.ID()); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		})
		t.Logf("%d moves, %d keys", moved, len(seen))
	})
}

// A network that takes two seconds there and back is slow; the nodes on it are not silent.
func TestCallsOnASlowNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		c.Delay(time.Second)
		for i := range 10 {
			key := fmt.Sprint(i)
			if err := c.Node(0).Router().Set(t.Context(), key, []byte(key), 0); err != nil {
				t.Errorf("setting %s: %v", key, err)
			}
			if v, err := c.Node(1).Router().Get(t.Context(), key); err != nil || string(v) != key {
				t.Errorf("%s: %q, %v", key, v, err)
			}
		}
	})
}

// One redirect is enough for a client to learn a whole move.
func TestClientLearnsFromOneRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2})
		keys := fill(t, c.Node(0).Router(), 100)
		caller := e2e.Dial(t, c)
		from := c.Node(0)
		id, err := from.MigrateSlots(t.Context(), *from.Map().Self().Slots, c.Node(1).ID())
		if err == nil {
			err = from.WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		redirects := 0
		c.Delay(10 * time.Millisecond)
		for _, key := range keys {
			begin := time.Now()
			if _, err := caller.Get(t.Context(), key); err != nil {
				t.Error(err)
			}
			if time.Since(begin) > 20*time.Millisecond {
				redirects++
			}
		}
		if redirects > 5 { // the first, and those that came before the map
			t.Errorf("%d of %d calls took more than a round trip", redirects, len(keys))
		}
	})
}

// A scan asks the masters what they own: a client that has slept through a move, and a
// node that has not heard of it, still find every key.
func TestScanWithAnOldMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		keys := fill(t, c.Node(0).Router(), 1000)
		caller := e2e.Dial(t, c)
		from, to := c.Node(0), c.Node(1)
		var set slots.Set
		for slot := range from.Map().Self().Slots.All() {
			if set.Add(slot); set.Len() == 500 {
				break
			}
		}
		c.Drop(0, 2)
		c.Drop(1, 2) // node 2 hears nothing of it …
		id, err := from.MigrateSlots(t.Context(), set, to.ID())
		if err == nil {
			err = from.WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Heal()
		c.DelayBetween(1, 2, time.Second) // … but from node 0, which has nothing to say about its old slots
		for name, r := range map[string]*client.Router{"node": c.Node(2).Router(), "client": &caller.Router} {
			seen := make(map[string]bool)
			for key, err := range r.Scan(t.Context(), "") {
				if err != nil {
					t.Fatal(name, err)
				}
				seen[key] = true
			}
			if len(seen) != len(keys) {
				t.Errorf("%s: %d keys of %d", name, len(seen), len(keys))
			}
		}
	})
}
