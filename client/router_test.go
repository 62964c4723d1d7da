package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

func TestRouterReachesEveryKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		e2e.Routers(t, c, func(t *testing.T, r *client.Router) {
			ctx := t.Context()
			for i := range 100 {
				key := fmt.Sprint("key:", i)
				want := fmt.Sprint("value:", i)
				if _, err := r.Get(ctx, key); !errors.Is(err, client.ErrNotFound) {
					t.Fatalf("before Set: %v", err)
				}
				if err := r.Set(ctx, key, []byte(want), time.Minute); err != nil {
					t.Fatal(err)
				}
				if got, err := r.Get(ctx, key); err != nil || string(got) != want {
					t.Fatalf("%q, %v", got, err)
				}
				if ttl, err := r.TTL(ctx, key); err != nil || ttl != time.Minute {
					t.Fatalf("TTL %v, %v", ttl, err)
				}
				if found, err := r.Expire(ctx, key, 0); err != nil || !found {
					t.Fatalf("Expire: %v, %v", found, err)
				}
				if ttl, err := r.TTL(ctx, key); err != nil || ttl != 0 {
					t.Fatalf("TTL after Expire %v, %v", ttl, err)
				}
				if found, err := r.Expire(ctx, key, 0); err != nil || !found {
					t.Fatalf("Expire again: %v, %v", found, err)
				}
				if n, err := r.Do(ctx, "STRLEN", key); err != nil || n != int64(len(want)) {
					t.Fatalf("Do: %v, %v", n, err)
				}
				if found, err := r.Expire(ctx, key, time.Hour); err != nil || !found {
					t.Fatalf("Expire: %v, %v", found, err)
				}
				if deleted, err := r.Delete(ctx, key); err != nil || !deleted {
					t.Fatalf("Delete: %v, %v", deleted, err)
				}
				if deleted, err := r.Delete(ctx, key); err != nil || deleted {
					t.Fatalf("Delete again: %v, %v", deleted, err)
				}
				if found, err := r.Expire(ctx, key, 0); err != nil || found {
					t.Fatalf("Expire of nothing: %v, %v", found, err)
				}
				if _, err := r.TTL(ctx, key); !errors.Is(err, client.ErrNotFound) {
					t.Fatalf("TTL of nothing: %v", err)
				}
			}
		})
	})
}

func TestRouterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		e2e.Routers(t, c, func(t *testing.T, r *client.Router) {
			ctx := t.Context()
			if _, err := r.Do(ctx, "MGET", "a", "b"); !errors.Is(err, slots.ErrCrossSlot) {
				t.Errorf("keys of two slots: %v", err)
			}
			var reply client.ReplyError
			if _, err := r.Do(ctx, "NOSUCH", "a"); !errors.As(err, &reply) || reply.Code() != "ERR" {
				t.Errorf("unknown command: %#v", err)
			}
			for i := range 10 { // some of them remote
				key := fmt.Sprint("k", i)
				if err := r.Set(ctx, key, []byte("x"), 0); err != nil {
					t.Fatal(err)
				}
				if _, err := r.Do(ctx, "INCR", key); !errors.As(err, &reply) ||
					reply != "ERR value is not an integer or out of range" {
					t.Errorf("INCR of a text: %#v", err)
				}
			}
			for _, name := range []string{"MULTI", "exec", "SUBSCRIBE", "HELLO", "QUIT", "READONLY", "BLPOP", "WAIT"} {
				if v, err := r.Do(ctx, name, "k0"); err == nil {
					t.Errorf("%s: %v", name, v)
				}
			}
			if v, err := r.Get(ctx, "k0"); err != nil || string(v) != "x" {
				t.Errorf("after that: %q, %v", v, err)
			}
			if _, err := r.Do(ctx, "GET", struct{}{}); err == nil {
				t.Error("an argument of a strange type is taken")
			}
			over, cancel := context.WithCancel(ctx)
			cancel()
			for i := range 10 {
				if _, err := r.Do(over, "GET", fmt.Sprint("z", i)); err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("with a cancelled context: %v", err)
				}
			}
		})
	})
}

func TestGetManyOverAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		e2e.Routers(t, c, func(t *testing.T, r *client.Router) {
			ctx := t.Context()
			var items []client.Item
			var keys []string
			for i := range 1000 {
				key := fmt.Sprint("{", i%300, "}", i)
				keys = append(keys, key)
				items = append(items, client.Item{Key: key, Value: []byte(key), TTL: time.Hour})
			}
			for key, err := range client.Errs(r.SetMany(ctx, items[:999]...)) {
				t.Errorf("setting %s: %v", key, err)
			}
			for i, got := range r.GetMany(ctx, keys...) {
				switch {
				case i == 999:
					if got.Err != client.ErrNotFound {
						t.Errorf("the key that is not there: %v", got.Err)
					}
				case got.Key != keys[i] || string(got.Value) != keys[i] || got.Err != nil:
					t.Errorf("%d: %q, %v", i, got.Value, got.Err)
				}
			}
			for i, got := range r.DeleteMany(ctx, keys...) {
				if (got.Err == client.ErrNotFound) != (i == 999) {
					t.Errorf("deleting %s: %v", got.Key, got.Err)
				}
			}
		})
	})
}

// 1,000 keys over 3 nodes take no more than three round trips.
func TestGetManyRoundTrips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const oneWay = 50 * time.Millisecond
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		r := c.Node(0).Router()
		var keys []string
		for i := range 1000 {
			keys = append(keys, fmt.Sprint("key:", i))
		}
		r.GetMany(ctx, keys...) // connects
		c.Delay(oneWay)
		begin := time.Now()
		for _, got := range r.GetMany(ctx, keys...) {
			if got.Err != client.ErrNotFound {
				t.Fatalf("%s: %v", got.Key, got.Err)
			}
		}
		if trips := float64(time.Since(begin)) / float64(2*oneWay); trips > 3 {
			t.Errorf("it took %.1f round trips", trips)
		} else {
			t.Logf("%.1f round trips", trips)
		}
	})
}

// Close during any operation ends it soon, with an error that says why.
func TestCloseDuringCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		n := c.Node(0)
		r := n.Router()
		c.Partition([]int{0}, []int{1, 2})
		var wg sync.WaitGroup
		ended := make(chan error, 20)
		for i := range 10 {
			wg.Go(func() { _, err := r.Get(t.Context(), fmt.Sprint("k", i)); ended <- err })
			wg.Go(func() { ended <- r.Set(t.Context(), fmt.Sprint("k", i), nil, 0) })
		}
		time.Sleep(time.Second / 2)
		n.Close()
		begin := time.Now()
		wg.Wait()
		if took := time.Since(begin); took > 10*time.Millisecond {
			t.Errorf("they ended %v after Close", took)
		}
		close(ended)
		for err := range ended {
			if err != nil && !errors.Is(err, client.ErrNotFound) && !errors.Is(err, client.ErrClosed) &&
				!errors.Is(err, client.ErrAmbiguous) {
				t.Errorf("%v", err)
			}
		}
	})
}
