package interop

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// A user's code with go-redis, in fake time: it lives through a failover with a node
// timeout of 15 s and a reshard of 1,000 slots.
func TestGoRedisInABubble(t *testing.T) {
	real := realTime()
	synctest.Test(t, func(t *testing.T) {
		const T = 15 * time.Second
		ctx := t.Context()
		cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: T})
		client := redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: cluster.Addrs(), Dialer: cluster.Dial,
			// Its default is a minute: so long it dials a master that is dead, whatever the
			// cluster does.
			ClusterStateReloadInterval: time.Second,
		})
		defer client.Close()
		for i := range 300 {
			if err := client.Set(ctx, fmt.Sprint("key:", i), i, 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)

		// A reshard of 1,000 slots: no error at all.
		from, to := cluster.Node(0), cluster.Node(1)
		var set slots.Set
		for slot := range from.Map().Self().Slots.All() {
			if set.Add(slot); set.Len() == 1000 {
				break
			}
		}
		stop := use(t, client, func(i int, err error) { t.Errorf("key:%d during a reshard: %v", i, err) })
		id, err := from.MigrateSlots(ctx, set, to.ID())
		if err == nil {
			err = from.WaitMigration(ctx, id)
		}
		if err != nil {
			t.Error(err)
		}
		stop()

		// A failover: errors for two node timeouts at most.
		killed := time.Now()
		var mu sync.Mutex
		var last time.Time
		kinds := make(map[string]time.Duration) // when an error came last
		stop = use(t, client, func(i int, err error) {
			mu.Lock()
			defer mu.Unlock()
			last = time.Now()
			kinds[err.Error()] = last.Sub(killed)
		})
		cluster.Kill(2)
		time.Sleep(2 * time.Minute)
		stop()
		if window := last.Sub(killed); window > 2*T {
			t.Errorf("the last error came %v after the kill: %v", window, kinds)
		} else {
			t.Logf("the last error came %v after the kill", window)
		}
		for i := range 300 {
			if v, err := client.Get(ctx, fmt.Sprint("key:", i)).Int(); err != nil || v != i {
				t.Errorf("key:%d is %d, %v", i, v, err)
			}
		}
	})
	took := real()
	t.Logf("it took %v of real time", took)
	if took > 20*time.Second { // a quiet machine needs less than one, a busy one three
		t.Error("this is too long")
	}
}

// realTime measures outside of bubbles.
func realTime() func() time.Duration {
	begin := time.Now()
	return func() time.Duration { return time.Since(begin) }
}

// use reads and writes all the time until stop is called.
func use(t *testing.T, client *redis.ClusterClient, failed func(i int, err error)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var users sync.WaitGroup
	for u := range 4 {
		users.Go(func() {
			for i := u; ctx.Err() == nil; i = (i + 7) % 300 {
				key := fmt.Sprint("key:", i)
				v, err := client.Get(ctx, key).Int()
				if err == nil && v != i {
					t.Errorf("%s is %d", key, v)
				}
				if err == nil {
					err = client.Set(ctx, key, strconv.Itoa(i), 0).Err()
				}
				if err != nil && !errors.Is(err, context.Canceled) {
					failed(i, err)
				}
				select {
				case <-time.After(20 * time.Millisecond):
				case <-ctx.Done():
				}
			}
		})
	}
	return func() { cancel(); users.Wait() }
}
