package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// waitOn sends a command that waits to node i, as a client of its port.
func waitOn(t *testing.T, c *clustertest.Cluster, i int, args ...string) (conn *resp.Conn, reply chan string) {
	t.Helper()
	raw, err := c.ClientNetwork().Dial(t.Context(), c.Addrs()[i])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	conn, reply = resp.NewConn(raw), make(chan string, 1)
	go func() {
		r, err := conn.Do(args...)
		if err != nil {
			reply <- err.Error()
			return
		}
		reply <- r.Elems[1].Text()
	}()
	synctest.Wait()
	return conn, reply
}

// TestFailoverWakesWaiters: a client that waits for a key at a master which becomes a
// replica is told UNBLOCKED and closed, as Redis does it; one that waits at a master whose
// slot moves away is told where; a Router follows both.
func TestFailoverWakesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		moving, staying := e2e.KeyOf(c.Node(0)), e2e.KeyOf(c.Node(1))
		routed := make(chan string, 2)
		for _, key := range []string{moving, staying} {
			go func() {
				reply, err := c.Node(2).Router().Do(t.Context(), "BLPOP", key, 0)
				routed <- fmt.Sprint(reply, err)
			}()
		}
		_, moved := waitOn(t, c, 0, "BLPOP", moving, "0")
		client, demoted := waitOn(t, c, 1, "BLPOP", staying, "0")

		set := slots.NewSet(slots.OfString(moving))
		if _, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(2).ID()); err != nil {
			t.Fatal(err)
		}
		if got, want := <-moved, fmt.Sprintf("MOVED %d %s", slots.OfString(moving), c.Addrs()[2]); got != want {
			t.Errorf("the slot moved, and its waiter got %q, want %q", got, want)
		}
		if err := c.Node(4).Failover(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if got := <-demoted; !strings.HasPrefix(got, "UNBLOCKED force unblock from blocking operation") {
			t.Errorf("its master was demoted, and a waiter got %q", got)
		}
		if _, err := client.Do("PING"); err == nil {
			t.Error("the waiter's connection is still open")
		}
		time.Sleep(time.Second)
		if len(routed) > 0 {
			t.Fatalf("a Router does not wait any more: %s", <-routed)
		}
		for _, key := range []string{moving, staying} {
			if _, err := c.Node(1).Router().Do(t.Context(), "RPUSH", key, "x"); err != nil {
				t.Fatal(err)
			}
			if got, want := <-routed, fmt.Sprint([]any{[]byte(key), []byte("x")}, nil); got != want {
				t.Errorf("a Router got %s, want %s", got, want)
			}
		}
	})
}

// TestDeadMasterLeavesNoWaiters: its waiters' connections end, and a Router waits at the
// successor.
func TestDeadMasterLeavesNoWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		key := e2e.KeyOf(c.Node(0))
		_, dead := waitOn(t, c, 0, "BLPOP", key, "0")
		c.Kill(0)
		if got := <-dead; strings.Contains(got, "UNBLOCKED") {
			t.Errorf("the dead master said %q", got)
		}
		e2e.Await(t, c, 3, e2e.Leads)
		_, waits := waitOn(t, c, 3, "BLPOP", key, "0")
		if _, err := c.Node(1).Router().Do(t.Context(), "RPUSH", key, "x"); err != nil {
			t.Fatal(err)
		}
		if got := <-waits; got != "x" {
			t.Errorf("at the successor a waiter got %q", got)
		}
	})
}

// TestServedWaiterWaitsForReplicas: what a waiter is served is a write, and with
// acknowledged writes its reply leaves only after replicas hold that.
func TestServedWaiterWaitsForReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.Replication.Sync = 1 }})
		key := e2e.KeyOf(c.Node(0))
		_, first := waitOn(t, c, 0, "BLPOP", key, "0")
		_, second := waitOn(t, c, 0, "BLPOP", key, "0")
		push := func(v string) error {
			_, err := c.Node(1).Router().Do(t.Context(), "RPUSH", key, v)
			return err
		}
		if err := push("a"); err != nil {
			t.Fatal(err)
		}
		if got := <-first; got != "a" {
			t.Errorf("with its replica a waiter got %q", got)
		}
		c.Kill(3)
		began := time.Now()
		if err := push("b"); !errors.Is(err, slotmesh.ErrAmbiguous) {
			t.Errorf("a push that no replica holds: %v", err)
		}
		if got := <-second; got == "b" || time.Since(began) != 5*time.Second {
			t.Errorf("without its replica a waiter got %q after %v", got, time.Since(began))
		}
	})
}

// queue is a list of tasks that producers fill and workers empty, each by way of a list of
// its own: todo, doing:N, done.
type queue struct {
	t   *testing.T
	r   *slotmesh.Router
	tag string

	mu    sync.Mutex
	sure  map[string]bool // tasks whose push was acknowledged
	maybe map[string]bool // and those of which nobody knows
	took  map[string]int  // how often workers got a task
}

func (q *queue) key(name string) string { return "{" + q.tag + "}" + name }

// do runs a command until it has an outcome other than that the cluster does not serve.
func (q *queue) do(ctx context.Context, args ...any) (any, error) {
	for {
		reply, err := q.r.Do(slotmesh.WithSync(ctx, 1), args[0].(string), args[1:]...)
		if err == nil || ctx.Err() != nil || errors.Is(err, slotmesh.ErrAmbiguous) {
			return reply, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (q *queue) produce(ctx context.Context, name string) {
	for i := 0; ctx.Err() == nil; i++ {
		task := fmt.Sprintf("%s%d", name, i)
		_, err := q.do(ctx, "RPUSH", q.key("todo"), task)
		q.mu.Lock()
		if err == nil {
			q.sure[task] = true
		} else {
			q.maybe[task] = true
		}
		q.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

// work takes tasks until none has come for a while after ctx has ended.
func (q *queue) work(ctx context.Context, name string) {
	doing := q.key("doing:" + name)
	for q.t.Context().Err() == nil {
		reply, err := q.do(q.t.Context(), "BLMOVE", q.key("todo"), doing, "LEFT", "RIGHT", 2)
		if err == nil && reply == nil {
			if ctx.Err() != nil {
				return
			}
			continue
		}
		if err == nil {
			q.mu.Lock()
			q.took[string(reply.([]byte))]++
			q.mu.Unlock()
		}
		// After an error a task may be there all the same; so may the one before it.
		for q.t.Context().Err() == nil {
			reply, err := q.do(q.t.Context(), "LMOVE", doing, q.key("done"), "LEFT", "RIGHT")
			if err == nil && reply == nil {
				break
			}
		}
	}
}

// drain returns how often each task is in any of the lists.
func (q *queue) drain(lists ...string) map[string]int {
	found := make(map[string]int)
	for _, name := range lists {
		for {
			reply, err := q.do(q.t.Context(), "LPOP", q.key(name))
			if err != nil {
				q.t.Fatal(err)
			}
			if reply == nil {
				break
			}
			found[string(reply.([]byte))]++
		}
	}
	return found
}

// TestQueueLosesAndDoublesNothing: a queue is written and read with acknowledged writes
// while its master dies and comes back, and is a master again. All tasks whose
// push was acknowledged are there in the end, each once.
func TestQueueLosesAndDoublesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		c.Delay(time.Millisecond)
		q := &queue{t: t, r: c.Node(2).Router(), tag: e2e.KeyOf(c.Node(0)), sure: make(map[string]bool),
			maybe: make(map[string]bool), took: make(map[string]int)}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, name := range []string{"a", "b", "c"} {
			wg.Go(func() { q.produce(ctx, name) })
			wg.Go(func() { q.work(ctx, name) })
		}
		time.Sleep(5 * time.Second)
		c.Kill(0)
		e2e.Await(t, c, 3, e2e.Leads)
		time.Sleep(5 * time.Second)
		c.Restart(0)
		c.WaitStable()
		e2e.WaitSynced(t, c)
		set := slots.NewSet(slots.OfString(q.key("todo")))
		for _, to := range []int{1, 3, 1} {
			owner := c.Node(2).Map().Owner(slots.OfString(q.key("todo"))).ID
			for _, n := range c.Nodes() {
				if n.ID() != owner {
					continue
				}
				if _, err := n.MigrateSlots(t.Context(), set, c.Node(to).ID()); err != nil {
					t.Fatal(err)
				}
			}
			e2e.WaitMoved(t, c.Node(2), &set, c.Node(to).ID)
		}
		if err := c.Node(4).Failover(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		stop()
		wg.Wait()

		found := q.drain("todo", "doing:a", "doing:b", "doing:c", "done")
		for task, n := range found {
			if n != 1 || !q.sure[task] && !q.maybe[task] {
				t.Errorf("task %s is there %d times", task, n)
			}
		}
		for task := range q.sure {
			if found[task] == 0 {
				t.Errorf("task %s was acknowledged and is lost", task)
			}
		}
		t.Logf("%d tasks acknowledged, %d unknown, %d found, %d taken", len(q.sure), len(q.maybe), len(found), len(q.took))
		if len(q.sure) < 1000 || len(q.took) < 1000 {
			t.Errorf("only %d tasks were pushed, and %d taken", len(q.sure), len(q.took))
		}
	})
}
