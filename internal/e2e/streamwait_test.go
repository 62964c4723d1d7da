package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// readAt makes a client with READONLY send a command that waits to node i.
func readAt(t *testing.T, c *clustertest.Cluster, i int, args ...string) (reply chan string) {
	t.Helper()
	raw, err := c.ClientNetwork().Dial(t.Context(), c.Addrs()[i])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	conn := resp.NewConn(raw)
	if _, err := conn.Do("READONLY"); err != nil {
		t.Fatal(err)
	}
	reply = make(chan string, 1)
	go func() {
		r, err := conn.Do(args...)
		if err != nil {
			reply <- err.Error()
			return
		}
		reply <- r.Elems[0].Elems[1].Elems[0].Elems[0].Text() // the ID of the first entry
	}()
	synctest.Wait()
	return reply
}

// TestReadersFollowTheCluster: readers of streams at a master, at its replica, and by a
// Router, when the slot moves and when the master is demoted.
func TestReadersFollowTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		moving, staying := e2e.KeyOf(c.Node(0)), e2e.KeyOf(c.Node(1))
		r := c.Node(2).Router()
		do := func(args ...any) any {
			t.Helper()
			reply, err := r.Do(t.Context(), args[0].(string), args[1:]...)
			if err != nil {
				t.Fatal(args, err)
			}
			return reply
		}
		routed := make(chan string, 4)
		for _, key := range []string{moving, staying} {
			do("XGROUP", "CREATE", key, "g", "$", "MKSTREAM")
			go func() {
				reply, err := r.Do(t.Context(), "XREAD", "BLOCK", 0, "STREAMS", key, "0")
				routed <- fmt.Sprintf("%s %v", reply, err)
			}()
			go func() {
				reply, err := r.Do(t.Context(), "XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", key, ">")
				routed <- fmt.Sprintf("%s %v", reply, err)
			}()
		}
		time.Sleep(time.Second)
		atReplica := readAt(t, c, 4, "XREAD", "BLOCK", "0", "STREAMS", staying, "$")
		do("XADD", staying, "1-1", "f", "v")
		if got := <-atReplica; got != "1-1" {
			t.Errorf("a reader at the replica got %q", got)
		}
		for range 2 {
			if got := <-routed; !strings.Contains(got, "1-1") {
				t.Errorf("a Router got %s", got)
			}
		}

		_, moved := waitOn(t, c, 0, "XREADGROUP", "GROUP", "g", "d", "BLOCK", "0", "STREAMS", moving, ">")
		set := slots.NewSet(slots.OfString(moving))
		if _, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(2).ID()); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%d %s", slots.OfString(moving), c.Addrs()[2])
		if got := <-moved; got != "MOVED "+want && got != "ASK "+want {
			t.Errorf("the slot moved, and a reader got %q", got)
		}
		demoted := readAt(t, c, 1, "XREAD", "BLOCK", "0", "STREAMS", staying, "$")
		promoted := readAt(t, c, 4, "XREAD", "BLOCK", "0", "STREAMS", staying, "$")
		if err := c.Node(4).Failover(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if got := <-demoted; !strings.HasPrefix(got, "UNBLOCKED force unblock from blocking operation") {
			t.Errorf("its master was demoted, and a reader got %q", got)
		}
		time.Sleep(time.Second)
		if len(routed) > 0 {
			t.Fatalf("a Router does not wait any more: %s", <-routed)
		}
		do("XADD", moving, "2-1", "f", "v")
		do("XADD", staying, "2-1", "f", "v")
		if got := <-promoted; got != "2-1" {
			t.Errorf("a reader at the replica that is the master now got %q", got)
		}
		for range 2 {
			if got := <-routed; !strings.Contains(got, "2-1") {
				t.Errorf("a Router got %s", got)
			}
		}
	})
}
