package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// open makes a cache at each node of a cluster.
func open(t *testing.T, c *clustertest.Cluster, cfg cache.Config[string]) (list []*cache.Cache[string]) {
	t.Helper()
	for _, n := range c.Nodes() {
		one, err := cache.New(n, cfg)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	return list
}

func TestLoadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 6})
		var loads atomic.Int64
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Minute,
			Load: func(ctx context.Context, key string) (string, error) {
				loads.Add(1)
				time.Sleep(time.Second)
				return "value of " + key, nil
			}})
		var wg sync.WaitGroup
		for i := range 10_000 {
			wg.Go(func() {
				if v, err := list[i%6].Get(t.Context(), "k"); err != nil || v != "value of k" {
					t.Errorf("%q, %v", v, err)
				}
			})
		}
		wg.Wait()
		if n := loads.Load(); n != 1 {
			t.Errorf("loaded %d times", n)
		}
		var sum cache.Stats
		for _, one := range list {
			v, err := one.Get(t.Context(), "k")
			if st := one.Stats(); err != nil || v != "value of k" || st.Hits != 1 {
				t.Errorf("%q, %v, %+v", v, err, st)
			}
			sum.Misses += one.Stats().Misses
			sum.Loads += one.Stats().Loads
		}
		if sum.Misses != 10_000 || sum.Loads != 1 {
			t.Errorf("%+v", sum)
		}
	})
}

// The owner dies while it loads: its successor loads once.
func TestOwnerDiesWhileLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		time.Sleep(time.Second)
		var loads atomic.Int64
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Minute,
			Load: func(ctx context.Context, key string) (string, error) {
				loads.Add(1)
				select {
				case <-time.After(10 * time.Second):
					return "v", nil
				case <-ctx.Done():
					return "", ctx.Err()
				}
			}})
		victim := -1
		for i, n := range c.Nodes() {
			if n.Map().IsMine(slots.OfString("c:k")) {
				victim = i
			}
		}
		var wg sync.WaitGroup
		for i := range 10_000 {
			wg.Go(func() {
				v, err := list[i%6].Get(t.Context(), "k")
				if i%6 == victim && err != nil {
					return // it died with its node
				}
				if err != nil || v != "v" {
					t.Errorf("node %d: %q, %v", i%6, v, err)
				}
			})
		}
		time.Sleep(time.Second)
		c.Kill(victim)
		wg.Wait()
		if n := loads.Load(); n != 2 {
			t.Errorf("loaded %d times", n)
		}
	})
}

func TestStaleWhileRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		var loads atomic.Int64
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Minute, Stale: time.Hour, Jitter: -1,
			Load: func(context.Context, string) (string, error) {
				time.Sleep(time.Second)
				return fmt.Sprint(loads.Add(1)), nil
			}})
		get := func(want string, atMost time.Duration) {
			t.Helper()
			for _, one := range list {
				begin := time.Now()
				if v, err := one.Get(t.Context(), "k"); err != nil || v != want || time.Since(begin) > atMost {
					t.Errorf("%q, %v after %v; want %q", v, err, time.Since(begin), want)
				}
			}
		}
		get("1", time.Second)
		time.Sleep(time.Minute)
		get("1", 0)
		time.Sleep(2 * time.Second)
		get("2", 0)
		time.Sleep(2 * time.Hour)
		get("3", time.Second)
		if n := loads.Load(); n != 3 {
			t.Errorf("loaded %d times", n)
		}
	})
}

func TestNegative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		for _, negative := range []time.Duration{0, time.Minute} {
			var loads atomic.Int64
			list := open(t, c, cache.Config[string]{Name: fmt.Sprint("c", negative), TTL: time.Hour, Negative: negative,
				Load: func(context.Context, string) (string, error) {
					loads.Add(1)
					return "", fmt.Errorf("no row: %w", cache.ErrNotFound)
				}})
			for _, one := range list {
				if _, err := one.Get(t.Context(), "k"); !errors.Is(err, cache.ErrNotFound) {
					t.Errorf("%v", err)
				}
			}
			want := int64(3)
			if negative > 0 {
				want = 1
			}
			if n := loads.Load(); n != want {
				t.Errorf("remembered for %v, loaded %d times, want %d", negative, n, want)
			}
			time.Sleep(negative)
			list[0].Get(t.Context(), "k")
			if n := loads.Load(); n != want+1 {
				t.Errorf("after %v: loaded %d times", negative, n)
			}
		}
	})
}

func TestLoaderErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour, LoadTimeout: time.Minute,
			Load: func(ctx context.Context, key string) (string, error) {
				switch {
				case key == "panic":
					panic("oh")
				case strings.HasPrefix(key, "slow"):
					<-ctx.Done()
					return "", ctx.Err()
				}
				return "", errors.New("the database is on holiday")
			}})
		for i, one := range list {
			slow := fmt.Sprint("slow", i)
			if _, err := one.Get(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), "on holiday") {
				t.Errorf("%v", err)
			}
			if _, err := one.Get(t.Context(), "panic"); err == nil || !strings.Contains(err.Error(), "panicked: oh") {
				t.Errorf("%v", err)
			}
			begin := time.Now()
			if _, err := one.Get(t.Context(), slow); err == nil || time.Since(begin) != time.Minute {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := one.Get(ctx, slow); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			cancel()
		}
	})
}

func TestSetAndDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour,
			Load: func(context.Context, string) (string, error) { return "loaded", nil }})
		if err := list[0].Set(ctx, "k", "set"); err != nil {
			t.Fatal(err)
		}
		if v, err := list[1].Get(ctx, "k"); err != nil || v != "set" {
			t.Errorf("%q, %v", v, err)
		}
		if err := list[2].Delete(ctx, "k"); err != nil {
			t.Fatal(err)
		}
		if v, err := list[1].Get(ctx, "k"); err != nil || v != "loaded" {
			t.Errorf("%q, %v", v, err)
		}
		// Somebody writes over it.
		if err := c.Node(0).Router().Set(ctx, "c:k", []byte("junk"), 0); err != nil {
			t.Fatal(err)
		}
		if v, err := list[1].Get(ctx, "k"); err != nil || v != "loaded" {
			t.Errorf("%q, %v", v, err)
		}
	})
}

// A hot key of another node is served from a copy, of which nothing is left anywhere once a
// change of the key has been acknowledged.
func TestHotCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour, Copies: 1 << 20,
			Load: func(context.Context, string) (string, error) { return "loaded", nil }})
		var owner, other, third *cache.Cache[string]
		for i, n := range c.Nodes() {
			switch {
			case n.Map().IsMine(slots.OfString("c:k")):
				owner = list[i]
			case other == nil:
				other = list[i]
			default:
				third = list[i]
			}
		}
		hot := func() {
			t.Helper()
			for range 1000 {
				for _, one := range list {
					if v, err := one.Get(ctx, "k"); err != nil || v != "loaded" {
						t.Fatalf("%q, %v", v, err)
					}
				}
			}
		}
		time.Sleep(time.Second) // leases are there
		hot()
		if st := other.Stats(); st.Copies < 800 || st.Hits != 999 && st.Hits != 1000 {
			t.Errorf("a hot key: %+v", st)
		}
		if st := owner.Stats(); st.Copies != 0 {
			t.Errorf("the owner copies its own: %+v", st)
		}
		for name, change := range map[string]func() (string, error){
			"set":    func() (string, error) { return "set", other.Set(ctx, "k", "set") },
			"delete": func() (string, error) { return "loaded", other.Delete(ctx, "k") },
		} {
			owner.Set(ctx, "k", "loaded")
			hot()
			if st := third.Stats(); st.CopiesHeld != 1 || st.CopyBytes == 0 {
				t.Errorf("%s: %+v", name, st)
			}
			want, err := change()
			if err != nil {
				t.Fatal(err)
			}
			if v, err := other.Get(ctx, "k"); err != nil || v != want {
				t.Errorf("%s: %q, %v where it was changed", name, v, err)
			}
			if v, err := third.Get(ctx, "k"); err != nil || v != want {
				t.Errorf("%s: %q, %v elsewhere", name, v, err)
			}
		}
	})
}

func TestConfigRefused(t *testing.T) {
	n, err := slotmesh.New(slotmesh.Config{})
	if err != nil {
		t.Fatal(err)
	}
	good := cache.Config[string]{Name: "c", TTL: 1, Load: func(context.Context, string) (string, error) { return "", nil }}
	for field, change := range map[string]func(*cache.Config[string]){
		"Name":   func(c *cache.Config[string]) { c.Name = "a:b" },
		"Load":   func(c *cache.Config[string]) { c.Load = nil },
		"TTL":    func(c *cache.Config[string]) { c.TTL = 0 },
		"Jitter": func(c *cache.Config[string]) { c.Jitter = 2 },
		"Stale":  func(c *cache.Config[string]) { c.Stale = -1 },
		"Copies": func(c *cache.Config[string]) { c.Copies = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := cache.New(n, cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
