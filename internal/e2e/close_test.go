package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
)

// Every node in turn is closed and started again, as for an upgrade, while a client
// writes: it sees no error and waits for nothing, and all it wrote is there.
func TestRollingRestartDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		client, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork()})
		if err != nil {
			t.Fatal(err)
		}
		written := make(chan []string)
		var longest time.Duration
		go func() {
			defer client.Close()
			var keys []string
			for i := 0; ctx.Err() == nil; i++ {
				key, began := fmt.Sprint("key:", i), time.Now()
				if err := client.Set(context.Background(), key, []byte(key), 0); err != nil {
					t.Errorf("%s: %v", key, err)
				}
				keys, longest = append(keys, key), max(longest, time.Since(began))
				time.Sleep(time.Millisecond)
			}
			written <- keys
		}()
		for i := range 6 {
			was := c.Node(i).Map().Self().HasSlots()
			began := time.Now()
			c.Stop(i)
			if took := time.Since(began); took > 200*time.Millisecond {
				t.Errorf("closing node %d took %v", i, took)
			}
			c.Restart(i)
			if was && c.Node(i).Map().Self().HasSlots() {
				t.Errorf("node %d did not hand over", i)
			}
			c.WaitStable()
			e2e.WaitSynced(t, c)
			time.Sleep(time.Second)
		}
		stop()
		keys := <-written
		if got := e2e.CountKeys(t, c, keys); got != len(keys) {
			t.Errorf("%d of %d keys", got, len(keys))
		}
		t.Logf("%d writes, the longest took %v", len(keys), longest)
		if longest > 100*time.Millisecond {
			t.Errorf("a write took %v", longest)
		}
	})
}

// A master whose replica does not answer ends nevertheless, soon.
func TestCloseWithoutSuccessor(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(c *clustertest.Cluster)
		limit   time.Duration
	}{
		{"its replica is dead", func(c *clustertest.Cluster) { c.Kill(3) }, 0},
		{"its replica may not", func(c *clustertest.Cluster) {}, 0},
		{"its replica is silent", func(c *clustertest.Cluster) { c.Pause(3) }, 600 * time.Millisecond},
		{"no majority", func(c *clustertest.Cluster) { c.Pause(1); c.Pause(2) }, 600 * time.Millisecond},
		{"power cut", nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(i int, cfg *slotmesh.Config) {
					cfg.Replication.NoFailover = tc.name == "its replica may not"
				}})
				began := time.Now()
				if tc.prepare == nil {
					c.Kill(0)
				} else {
					tc.prepare(c)
					began = time.Now()
					c.Stop(0)
				}
				if took := time.Since(began); took != tc.limit {
					t.Errorf("closed after %v, want %v", took, tc.limit)
				}
			})
		})
	}
}
