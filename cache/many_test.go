package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
)

func TestGetAndDeleteMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		errTrouble := errors.New("the database is on holiday")
		var loads, running, most atomic.Int64
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour, Copies: 1 << 20, Errors: []error{errTrouble},
			Load: func(_ context.Context, key string) (string, error) {
				loads.Add(1)
				if n := running.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer running.Add(-1)
				time.Sleep(time.Second)
				switch key {
				case "nobody":
					return "", cache.ErrNotFound
				case "trouble":
					return "", errTrouble
				}
				return "value of " + key, nil
			}})
		if got, err := list[0].GetMany(ctx); err != nil || len(got) != 0 {
			t.Errorf("of nothing: %v, %v", got, err)
		}
		want := make(map[string]string)
		keys := []string{"nobody", "trouble", "0", "0"}
		for i := range 128 {
			keys = append(keys, fmt.Sprint(i))
			want[fmt.Sprint(i)] = fmt.Sprint("value of ", i)
		}
		begin := time.Now()
		got, err := list[0].GetMany(ctx, keys...)
		if took := time.Since(begin); took != 3*time.Second { // 130 loads, 64 at a time
			t.Errorf("it took %v", took)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%d values: %v", len(got), got)
		}
		if failed := (cache.KeyErrors)(nil); !errors.As(err, &failed) || len(failed) != 1 || !errors.Is(err, errTrouble) ||
			failed["trouble"] == nil {
			t.Errorf("%v", err)
		}
		if loads.Load() != 130 || most.Load() != 64 {
			t.Errorf("%d loads, %d at a time", loads.Load(), most.Load())
		}
		for range 100 {
			if got, err := list[1].GetMany(ctx, keys[2:]...); err != nil || !maps.Equal(got, want) {
				t.Fatalf("%d values, %v", len(got), err)
			}
		}
		if st := list[1].Stats(); loads.Load() != 130 || st.Hits != 128*100 || st.Copies == 0 {
			t.Errorf("%d loads, %+v", loads.Load(), st)
		}
		if err := list[1].Delete(ctx, keys[2:]...); err != nil {
			t.Error(err)
		}
		if got, err := list[1].GetMany(ctx, "1", "2"); err != nil || len(got) != 2 || loads.Load() != 132 {
			t.Errorf("after Delete: %v, %v, %d loads", got, err, loads.Load())
		}
	})
}

// Owners that are out of reach hold all of a call up for OwnerTimeout, once.
func TestGetManyWithoutOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour,
			Load: func(context.Context, string) (string, error) { return "v", nil }})
		var keys []string
		for i := range 100 {
			keys = append(keys, fmt.Sprint(i))
		}
		if got, err := list[0].GetMany(t.Context(), keys...); err != nil || len(got) != 100 {
			t.Fatalf("%v, %v", got, err)
		}
		c.Pause(1)
		begin := time.Now()
		got, err := list[0].GetMany(t.Context(), keys...)
		if took := time.Since(begin); err != nil || len(got) != 100 || took != time.Second {
			t.Errorf("%d values after %v, %v", len(got), took, err)
		}
		if st := list[0].Stats(); st.Alone < 20 || st.Alone > 50 {
			t.Errorf("%+v", st)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var failed cache.KeyErrors
		if err := list[0].Delete(ctx, keys...); !errors.As(err, &failed) || len(failed) < 20 || len(failed) > 50 ||
			!errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d failed: %v", len(failed), err)
		}
	})
}

// A loader may say how long each value is good.
func TestLoadTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		loads := make(map[string]int) // one caller at a time
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour, Jitter: -1, Negative: 30 * time.Minute,
			LoadTTL: func(_ context.Context, key string) (string, time.Duration, error) {
				loads[key]++
				switch key {
				case "short":
					return "v", time.Minute, nil
				case "never":
					return "v", -1, nil
				case "nobody":
					return "", 0, cache.ErrNotFound
				case "nobody yet":
					return "", time.Minute, cache.ErrNotFound
				}
				return "v", 0, nil
			}})
		for _, step := range []struct {
			after time.Duration
			loads map[string]int // up to then
		}{
			{0, map[string]int{"short": 1, "never": 1, "default": 1, "nobody": 1, "nobody yet": 1}},
			{59 * time.Second, map[string]int{"short": 1, "never": 2, "default": 1, "nobody": 1, "nobody yet": 1}},
			{time.Minute, map[string]int{"short": 2, "never": 3, "default": 1, "nobody": 1, "nobody yet": 2}},
			{29 * time.Minute, map[string]int{"short": 3, "never": 4, "default": 1, "nobody": 2, "nobody yet": 3}},
			{30 * time.Minute, map[string]int{"short": 4, "never": 5, "default": 2, "nobody": 3, "nobody yet": 4}},
		} {
			time.Sleep(step.after)
			for key := range step.loads {
				v, err := list[0].Get(ctx, key)
				if absent := errors.Is(err, cache.ErrNotFound); absent != (key == "nobody" || key == "nobody yet") || !absent &&
					v != "v" {
					t.Errorf("%s: %q, %v", key, v, err)
				}
			}
			if !maps.Equal(loads, step.loads) {
				t.Errorf("after %v: %v, want %v", step.after, loads, step.loads)
			}
		}
	})
}
