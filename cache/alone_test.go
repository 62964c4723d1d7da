package cache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// While a key's owner is out of reach, and nobody succeeds it, each node loads the value
// for itself, if it may.
func TestLoadWithoutOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		var loads atomic.Int64
		load := func(_ context.Context, key string) (string, error) {
			loads.Add(1)
			switch key {
			case "nobody":
				return "", cache.ErrNotFound
			case "trouble":
				return "", errors.New("the database is on holiday")
			}
			return "v", nil
		}
		const wait = 100 * time.Millisecond
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Minute, OwnerTimeout: wait, Load: load})
		waiting := open(t, c, cache.Config[string]{Name: "p", TTL: time.Minute, OwnerTimeout: -1, Load: load})
		owner := 0
		for i, n := range c.Nodes() {
			if n.Map().IsMine(slots.OfString("c:{k}")) {
				owner = i
			}
		}
		key := "{k}"
		if v, err := list[0].Get(t.Context(), key); err != nil || v != "v" {
			t.Fatalf("%q, %v", v, err)
		}
		for name, err := range map[string]error{"nobody": cache.ErrNotFound,
			"trouble": errors.New("the database is on holiday")} {
			if _, got := list[0].Get(t.Context(), name); got == nil || got.Error() != err.Error() {
				t.Errorf("%s: %v", name, got)
			}
		}
		loads.Store(0)
		c.Pause(owner)
		other := (owner + 1) % 3
		for range 3 {
			begin := time.Now()
			if v, err := list[other].Get(t.Context(), key); err != nil || v != "v" || time.Since(begin) > wait+time.Millisecond {
				t.Errorf("%q, %v, after %v", v, err, time.Since(begin))
			}
		}
		if st := list[other].Stats(); st.Alone != 3 || loads.Load() != 3 {
			t.Errorf("%d loads, %+v", loads.Load(), st)
		}
		ctx, cancel := context.WithTimeout(t.Context(), wait/2)
		defer cancel()
		if _, err := list[other].Get(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with less time than it may wait: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if v, err := waiting[other].Get(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who did not ask for it: %q, %v", v, err)
		}
		c.Resume(owner)
		if v, err := list[other].Get(t.Context(), key); err != nil || v != "v" || list[other].Stats().Alone != 3 {
			t.Errorf("%q, %v, %+v", v, err, list[other].Stats())
		}
	})
}
