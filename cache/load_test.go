package cache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
)

// What is gone where values live is not served any longer than a load takes, negative
// entries or not.
func TestStaleValueThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		for _, negative := range []time.Duration{0, time.Minute} {
			var gone atomic.Bool
			list := open(t, c, cache.Config[string]{Name: fmt.Sprint("c", negative), TTL: time.Minute, Stale: time.Hour,
				Negative: negative,
				Load: func(context.Context, string) (string, error) {
					if gone.Load() {
						return "", cache.ErrNotFound
					}
					return "v", nil
				}})
			for range 2 { // the second finds it stale
				if v, err := list[0].Get(t.Context(), "k"); err != nil || v != "v" {
					t.Errorf("%q, %v", v, err)
				}
				gone.Store(true)
				time.Sleep(2 * time.Minute)
			}
			for _, one := range list {
				if v, err := one.Get(t.Context(), "k"); err != cache.ErrNotFound {
					t.Errorf("remembered for %v: %q, %v", negative, v, err)
				}
			}
		}
	})
}

// While the loader fails, what is stale is served, as long as it was to be, and the
// loader has peace.
func TestStaleWhileTheLoaderFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		var loads atomic.Int64
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Minute, Stale: time.Minute, Jitter: -1,
			Load: func(context.Context, string) (string, error) {
				if loads.Add(1) > 1 {
					return "", errors.New("the database is on holiday")
				}
				return "v", nil
			}})
		begin := time.Now()
		for time.Since(begin) < 119*time.Second {
			for _, one := range list {
				if v, err := one.Get(t.Context(), "k"); err != nil || v != "v" {
					t.Fatalf("after %v: %q, %v", time.Since(begin), v, err)
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := loads.Load(); n < 50 || n > 62 {
			t.Errorf("%d loads", n)
		}
		time.Sleep(2 * time.Second)
		if _, err := list[0].Get(t.Context(), "k"); err == nil {
			t.Error("served for longer than Stale")
		}
	})
}

// A value that is set while an older one is being loaded stays.
func TestSetDuringLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Minute, Stale: time.Hour,
			Load: func(context.Context, string) (string, error) {
				time.Sleep(time.Second)
				return "loaded", nil
			}})
		set := func(v string) {
			t.Helper()
			time.Sleep(time.Second / 2)
			if err := list[2].Set(ctx, "k", v); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Second)
			for _, one := range list {
				if got, err := one.Get(ctx, "k"); err != nil || got != v {
					t.Errorf("%q, %v; want %q", got, err, v)
				}
			}
		}
		go func() {
			if v, err := list[0].Get(ctx, "k"); err != nil || v != "first" { // nothing was there
				t.Errorf("%q, %v", v, err)
			}
		}()
		set("first")
		time.Sleep(2 * time.Minute)
		list[1].Get(ctx, "k") // stale: it is loaded in the background
		set("second")
	})
}

// A loader that ends its goroutine, as t.FailNow does, leaves nobody waiting.
func TestLoaderThatNeverReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2})
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Minute,
			Load: func(context.Context, string) (string, error) {
				runtime.Goexit()
				return "", nil
			}})
		for _, one := range list {
			if _, err := one.Get(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), "without a result") {
				t.Error(err)
			}
		}
	})
}
