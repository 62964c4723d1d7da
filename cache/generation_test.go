package cache_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
)

// After InvalidateAll no node serves what was there before: at once where there are copies,
// within a second where there are none.
func TestInvalidateAll(t *testing.T) {
	for name, copies := range map[string]int{"with copies": 1 << 20, "without copies": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
				var version atomic.Int64
				list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour, Copies: copies,
					Load: func(context.Context, string) (string, error) { return fmt.Sprint(version.Load()), nil }})
				time.Sleep(time.Second)
				check := func() {
					t.Helper()
					for i, one := range list {
						for key := range 20 {
							for range 20 {
								if v, err := one.Get(ctx, fmt.Sprint(key)); err != nil || v != fmt.Sprint(version.Load()) {
									t.Fatalf("node %d, key %d: %q, %v instead of %d", i, key, v, err, version.Load())
								}
							}
						}
					}
				}
				check()
				for i := range 3 {
					version.Add(1)
					if err := list[i].InvalidateAll(ctx); err != nil {
						t.Fatal(err)
					}
					if copies == 0 {
						time.Sleep(time.Second + time.Millisecond)
					}
					check()
					if err := list[0].Set(ctx, "1", fmt.Sprint(version.Load())); err != nil {
						t.Fatal(err)
					}
					check()
				}
				loads := uint64(0)
				for _, one := range list {
					loads += one.Stats().Loads
				}
				if loads > 4*20 {
					t.Errorf("%d loads of 20 values in 4 generations", loads)
				}
				// The generation is not lost with its key.
				if _, err := c.Node(0).Router().Delete(ctx, "{c}generation"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				check()
				if _, err := c.Node(0).Router().Get(ctx, "{c}generation"); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
