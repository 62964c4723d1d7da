package client_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// increment adds 1 to a counter and writes the sum into another key too.
func increment(tx client.Tx) error {
	old, _ := tx.Get("{n}count")
	n, _ := strconv.Atoi(string(old))
	next := []byte(strconv.Itoa(n + 1))
	return errors.Join(tx.Set("{n}count", next, 0), tx.Set("{n}copy", next, time.Hour))
}

func TestUpdateFromEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		const each = 20
		var wg sync.WaitGroup
		for _, n := range c.Nodes() {
			for range 3 {
				wg.Go(func() {
					for range each {
						if err := n.Router().Update(ctx, []string{"{n}count", "{n}copy"}, increment); err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		r := c.Node(0).Router()
		for _, key := range []string{"{n}count", "{n}copy"} {
			if got, err := r.Get(ctx, key); err != nil || string(got) != strconv.Itoa(9*each) {
				t.Errorf("%s is %s, %v", key, got, err)
			}
		}
		if ttl, err := r.TTL(ctx, "{n}copy"); err != nil || ttl < time.Hour-time.Minute || ttl > time.Hour {
			t.Errorf("TTL %v, %v", ttl, err)
		}
	})
}

func TestUpdateElsewhereIsATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		keys := []string{"{n}a", "{n}b"}
		owner, other := e2e.OwnerOf(c, keys[0])
		for _, r := range []*client.Router{owner.Router(), other.Router()} {
			if err := r.Set(ctx, "{n}a", []byte("1"), time.Minute); err != nil {
				t.Fatal(err)
			}
			refused := errors.New("refused")
			err := r.Update(ctx, keys, func(tx client.Tx) error {
				tx.Delete("{n}a")
				return refused
			})
			if !errors.Is(err, refused) {
				t.Errorf("%v", err)
			}
			err = r.Update(ctx, keys, func(tx client.Tx) error {
				if v, ok := tx.Get("{n}a"); !ok || string(v) != "1" {
					t.Errorf("after a failed transaction: %q, %v", v, ok)
				}
				if ttl, ok := tx.TTL("{n}a"); !ok || ttl != time.Minute {
					t.Errorf("TTL %v, %v", ttl, ok)
				}
				if _, ok := tx.Get("{n}b"); ok {
					t.Error("{n}b is there")
				}
				if now := tx.Now(); !now.Equal(time.Now().Truncate(time.Millisecond)) {
					t.Errorf("Now is %v", now)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			err = r.Update(ctx, keys, func(tx client.Tx) error {
				tx.Expire("{n}a", time.Hour)
				return nil
			})
			if ttl, _ := r.TTL(ctx, "{n}a"); err != nil || ttl != time.Hour {
				t.Errorf("TTL %v, %v", ttl, err)
			}
			err = r.Update(ctx, keys, func(tx client.Tx) error {
				tx.Delete("{n}a")
				if _, ok := tx.Get("{n}c"); ok {
					t.Error("{n}c is there")
				}
				return nil
			})
			if !errors.Is(err, client.ErrUndeclaredKey) {
				t.Errorf("a key that was not named: %v", err)
			}
			if deleted, err := r.Delete(ctx, "{n}a"); err != nil || !deleted {
				t.Errorf("a failed transaction has deleted: %v, %v", deleted, err)
			}
			if err := r.Update(ctx, []string{"a", "b"}, func(client.Tx) error { return nil }); !errors.Is(err,
				slots.ErrCrossSlot) {
				t.Errorf("keys of two slots: %v", err)
			}
		}
	})
}
