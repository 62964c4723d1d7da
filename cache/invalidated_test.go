package cache_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// copied is a cluster with an entry that its owner has, and another node a copy of.
type copied struct {
	c            *clustertest.Cluster
	owner, other int
	caches       []*cache.Cache[string]
}

const lease = 450 * time.Millisecond

func newCopied(t *testing.T) *copied {
	t.Helper()
	x := &copied{c: clustertest.Start(t, clustertest.Config{Masters: 3})}
	x.caches = open(t, x.c, cache.Config[string]{Name: "c", TTL: time.Hour, Copies: 1 << 20, OwnerTimeout: -1,
		Load: func(context.Context, string) (string, error) { return "loaded", nil }})
	for i, n := range x.c.Nodes() {
		if n.Map().IsMine(slots.OfString("c:k")) {
			x.owner, x.other = i, (i+1)%3
		}
	}
	time.Sleep(time.Second)
	x.copy(t)
	return x
}

// copy makes the other node have a copy.
func (x *copied) copy(t *testing.T) {
	t.Helper()
	for range 1000 {
		if x.get(t); x.caches[x.other].Stats().CopiesHeld == 1 {
			return
		}
	}
	t.Fatal("there is no copy")
}

func (x *copied) get(t *testing.T) string {
	t.Helper()
	v, err := x.caches[x.other].Get(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Whatever changes an entry at its owner takes the copies with it.
func TestEveryChangeEndsCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newCopied(t)
		ctx := t.Context()
		owner, third := x.c.Node(x.owner), x.c.Node(3-x.owner-x.other)
		do := func(n *slotmesh.Node, command string, args ...any) func() error {
			return func() error { _, err := n.Do(ctx, command, args...); return err }
		}
		for name, change := range map[string]func() error{
			"a command at the owner":     do(owner, "DEL", "c:k"),
			"a command elsewhere":        do(third, "GETDEL", "c:k"),
			"RENAME":                     do(third, "RENAME", "c:k", "{c:k}2"),
			"a script":                   do(third, "EVAL", "return redis.call('del', KEYS[1])", 1, "c:k"),
			"a Redis client":             func() error { return say(ctx, x.c, owner, "DEL c:k") },
			"FLUSHALL":                   func() error { return say(ctx, x.c, owner, "FLUSHALL") },
			"a transaction at the owner": func() error { _, err := owner.Local().Delete(ctx, "c:k"); return err },
			"a transaction elsewhere": func() error {
				return third.Update(ctx, []string{"c:k"}, func(tx slotmesh.Tx) error { tx.Delete("c:k"); return nil })
			},
			"expiry": func() error {
				err := do(owner, "PEXPIRE", "c:k", 20)()
				x.copy(t)
				time.Sleep(time.Second)
				return err
			},
		} {
			x.copy(t)
			if err := change(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := x.caches[x.other].Stats().CopiesHeld; n != 0 {
				t.Errorf("%s: %d copies are left", name, n)
			}
		}
	})
}

// say has a Redis client send a line to a node, and waits for the reply.
func say(ctx context.Context, c *clustertest.Cluster, n *slotmesh.Node, line string) error {
	conn, err := c.Dial(ctx, "tcp", n.Addr().Client())
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 100))
	return err
}

// A write waits for a node that is cut off until its lease has run out, once, and by then
// that node serves no copies. Writes of other keys wait for nothing.
func TestTheBoundOfANodeThatIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newCopied(t)
		x.c.Partition([]int{x.other}, []int{x.owner})
		began := time.Now()
		for i := range 100 {
			if err := x.c.Node(x.owner).Local().Set(t.Context(), fmt.Sprintf("{c:k}%d", i), nil, 0); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("writes of other keys took %v", took)
		}
		for i := range 3 {
			began := time.Now()
			if err := x.caches[x.owner].Set(t.Context(), "k", "new"); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); i == 0 && (took < lease/2 || took > lease+lease/10) || i > 0 && took != 0 {
				t.Errorf("write %d took %v", i, took)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if v, err := x.caches[x.other].Get(ctx, "k"); err == nil {
				t.Errorf("after the write a node that is cut off read %q", v)
			}
			cancel()
		}
		x.c.Heal()
		time.Sleep(time.Second)
		if v := x.get(t); v != "new" {
			t.Errorf("after the partition: %q", v)
		}
		x.copy(t)
	})
}

// A node that ends gives its leases back: no write waits for it.
func TestNoWriteWaitsForANodeThatEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newCopied(t)
		x.c.Node(x.other).Close()
		began := time.Now()
		if err := x.caches[x.owner].Set(t.Context(), "k", "new"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the write took %v", took)
		}
	})
}

// A loop hears of changes at every node, and of the end of a partition.
func TestSubscribeKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		ctx, cancel := context.WithCancel(t.Context())
		heard := make(map[string]int)
		all := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for change := range c.Node(4).SubscribeKeys(ctx, "conf:") {
				if change.All {
					all++
				} else {
					heard[change.Key]++
				}
			}
		}()
		time.Sleep(time.Second)
		synctest.Wait()
		if all == 0 {
			t.Error("a loop does not begin with All")
		}
		for i := range 100 {
			if err := c.Node(i%6).Set(ctx, fmt.Sprint("conf:", i), nil, 0); err != nil {
				t.Fatal(err)
			}
			if err := c.Node(i%6).Set(ctx, fmt.Sprint("other:", i), nil, 0); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for i := range 100 {
			if n := heard[fmt.Sprint("conf:", i)]; n != 1 {
				t.Errorf("heard %d times of key %d", n, i)
			}
		}
		if len(heard) != 100 {
			t.Errorf("heard of %d keys", len(heard))
		}
		before := all
		c.Partition([]int{4}, []int{0, 1, 2, 3, 5})
		time.Sleep(20 * time.Second)
		c.Heal()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if all == before {
			t.Error("a partition goes unnoticed")
		}
		cancel()
		<-done
	})
}
