package clustertest_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// A clock that is wrong, or that is being set, makes keys expire early or late. It makes no
// node suspect another one, and does nothing to keys that do not expire.
func TestSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(_ int, cfg *slotmesh.Config) {
			cfg.Replication.Sync = 1
		}})
		owner := 0
		for !c.Node(owner).Map().IsMine(slots.OfString("key")) {
			owner++
		}
		r := c.Node((owner + 1) % 3).Router()
		ttl := func(want time.Duration) {
			t.Helper()
			if got, err := r.TTL(ctx, "key"); err != nil || got != want {
				t.Errorf("TTL %v, %v; want %v", got, err, want)
			}
		}
		set := func(key string, d time.Duration) {
			t.Helper()
			if err := r.Set(ctx, key, nil, d); err != nil {
				t.Fatal(err)
			}
		}

		c.Skew(owner, time.Hour)
		if got, err := c.Node(owner).Local().Do(ctx, "TIME"); err != nil || !reflect.DeepEqual(got,
			[]any{fmt.Append(nil, time.Now().Add(time.Hour).Unix()), fmt.Append(nil, time.Now().Nanosecond()/1000)}) {
			t.Errorf("TIME: %s, %v", got, err)
		}
		set("{key}stays", 0)
		set("key", time.Minute)
		ttl(time.Minute) // a duration that is set is what TTL returns
		err := r.Update(ctx, []string{"key"}, func(tx slotmesh.Tx) error {
			if left, ok := tx.TTL("key"); !ok || left != time.Minute {
				t.Errorf("in a transaction: %v, %v", left, ok)
			}
			return tx.Set("key", nil, 2*time.Minute)
		})
		if err != nil {
			t.Fatal(err)
		}
		ttl(2 * time.Minute)
		c.Skew(owner, time.Hour-time.Minute) // set back
		ttl(3 * time.Minute)
		c.Skew(owner, time.Hour+time.Hour) // set forward
		if _, err := r.Get(ctx, "key"); !errors.Is(err, slotmesh.ErrNotFound) {
			t.Errorf("an expired key: %v", err)
		}

		// What travels is the moment: by the successor's clock, an hour behind, it is an hour
		// later.
		c.Skew(owner, time.Hour)
		set("key", time.Minute)
		epoch := c.Node(owner + 3).Map().Self().ConfigEpoch
		time.Sleep(30 * time.Second)
		if now := c.Node(owner + 3).Map().Self(); now.IsMaster() || now.ConfigEpoch != epoch {
			t.Error("a wrong clock led to a failover")
		}
		c.Kill(owner)
		c.WaitStable()
		if left, err := r.TTL(ctx, "key"); err != nil || left < time.Hour || left > time.Hour+30*time.Second {
			t.Errorf("TTL %v, %v after a failover", left, err)
		}
		if _, err := r.Get(ctx, "{key}stays"); err != nil {
			t.Error(err)
		}
	})
}
