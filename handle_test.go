package slotmesh_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// addCommands makes PUSH key word, WORDS key, and MOVEALL from to, which fails if there
// is nothing.
func addCommands(t testing.TB, n *slotmesh.Node) {
	t.Helper()
	push := func(tx slotmesh.Tx, args []string) (any, error) {
		old, _ := tx.Get(args[0])
		words := append(strings.Fields(string(old)), args[1:]...)
		return len(words), tx.Set(args[0], []byte(strings.Join(words, " ")), 0)
	}
	words := func(tx slotmesh.Tx, args []string) (any, error) {
		v, ok := tx.Get(args[0])
		if !ok {
			return nil, nil
		}
		return strings.Fields(string(v)), nil
	}
	moveAll := func(tx slotmesh.Tx, args []string) (any, error) {
		v, ok := tx.Get(args[0])
		if err := tx.Set(args[1], v, 0); err != nil {
			return nil, err
		}
		tx.Delete(args[0])
		if !ok {
			return nil, errors.New("EMPTY there is nothing to move")
		}
		return slotmesh.Status("MOVED-ALL"), nil
	}
	err := errors.Join(
		n.Handle("PUSH", slotmesh.CommandSpec{Write: true, Arity: -3}, push),
		n.Handle("words", slotmesh.CommandSpec{Arity: 2}, words),
		n.Handle("MOVEALL", slotmesh.CommandSpec{Write: true, Arity: 3, LastKey: 2}, moveAll),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func withCommands(t testing.TB, cfg clustertest.Config) *clustertest.Cluster {
	cfg.Prepare = func(_ int, n *slotmesh.Node) { addCommands(t, n) }
	return clustertest.Start(t, cfg)
}

func TestHandleFromGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withCommands(t, clustertest.Config{Masters: 3})
		e2e.Routers(t, c, func(t *testing.T, r *slotmesh.Router) {
			for i := range 10 {
				key, other := fmt.Sprint("{", i, "}a"), fmt.Sprint("{", i, "}b")
				r.Delete(t.Context(), key)
				do := func(want any, command string, args ...any) {
					t.Helper()
					if got, err := r.Do(t.Context(), command, args...); err != nil || !reflect.DeepEqual(got, want) {
						t.Fatalf("%s: %#v, %v; want %#v", command, got, err, want)
					}
				}
				do(nil, "WORDS", key)
				do(int64(2), "push", key, "one", "two")
				do(int64(3), "PUSH", key, 3)
				do([]any{[]byte("one"), []byte("two"), []byte("3")}, "WORDS", key)
				do("MOVED-ALL", "MOVEALL", key, other)
				var reply slotmesh.ReplyError
				if _, err := r.Do(t.Context(), "MOVEALL", key, other); !errors.As(err, &reply) &&
					err.Error() != "EMPTY there is nothing to move" {
					t.Fatalf("%v", err)
				}
				do([]any{[]byte("one"), []byte("two"), []byte("3")}, "WORDS", other) // what failed has changed nothing
				if _, err := r.Do(t.Context(), "MOVEALL", "a", "b"); !errors.Is(err, slots.ErrCrossSlot) {
					t.Fatalf("keys of two slots: %v", err)
				}
			}
		})
		owner, other := e2e.OwnerOf(c, "k")
		if _, err := owner.Local().Do(t.Context(), "PUSH", "k", "x"); err != nil {
			t.Errorf("Do at the owner: %v", err)
		}
		var moved *slots.MovedError
		if _, err := other.Local().Do(t.Context(), "PUSH", "k", "x"); !errors.As(err, &moved) {
			t.Errorf("Do at another node: %v", err)
		}
	})
}

func TestHandleFromClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withCommands(t, clustertest.Config{Masters: 3})
		owner, other := e2e.OwnerOf(c, "k")
		do := func(n *slotmesh.Node, want string, args ...string) {
			t.Helper()
			conn, err := c.Dial(t.Context(), "tcp", n.Addr().Client())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			reply, _ := resp.NewConn(conn).Do(args...)
			if got := reply.Text(); got != want {
				t.Errorf("%s: %q, want %q", args, got, want)
			}
		}
		do(owner, "2", "PUSH", "k", "one", "two")
		do(other, "MOVED "+strconv.Itoa(int(slots.OfString("k")))+" "+owner.Addr().Client(), "PUSH", "k", "one")
		do(owner, "ERR wrong number of arguments for 'push' command", "PUSH", "k")
		do(owner, "EMPTY there is nothing to move", "MOVEALL", "{k}1", "k")
	})
}

func TestHandleIsListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withCommands(t, clustertest.Config{Masters: 1})
		conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		list, err := resp.NewConn(conn).Do("COMMAND", "LIST")
		if err != nil {
			t.Fatal(err)
		}
		listed := make(map[string]bool)
		for _, name := range list.Elems {
			listed[name.Text()] = true
		}
		if !listed["push"] || !listed["words"] || !listed["get"] {
			t.Errorf("COMMAND LIST has %d names, the host's are not among them", len(list.Elems))
		}
	})
}

func TestHandleRefused(t *testing.T) {
	n, err := slotmesh.New(slotmesh.Config{})
	if err != nil {
		t.Fatal(err)
	}
	fn := func(slotmesh.Tx, []string) (any, error) { return nil, nil }
	if err := n.Handle("GET", slotmesh.CommandSpec{}, fn); err == nil || !strings.Contains(err.Error(), "built in") {
		t.Errorf("%v", err)
	}
	if err := n.Handle("X", slotmesh.CommandSpec{}, nil); err == nil {
		t.Error("no function is taken")
	}
	if err := n.Handle("X", slotmesh.CommandSpec{}, fn); err != nil {
		t.Error(err)
	}
	if err := n.Handle("x", slotmesh.CommandSpec{}, fn); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("%v", err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Handle("Y", slotmesh.CommandSpec{}, fn); err == nil || !strings.Contains(err.Error(), "before Start") {
		t.Errorf("%v", err)
	}
}

// What the host's command has written is at the replica when that takes over.
func TestHandleSurvivesFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := withCommands(t, clustertest.Config{Masters: 3, Replicas: 1})
		var keys []string
		for i := range 60 {
			keys = append(keys, fmt.Sprint("key:", i))
			if _, err := c.Node(1).Router().Do(ctx, "PUSH", keys[i], "a"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		c.Kill(0)
		synctest.Wait() // what is sent before the connection's end is seen is ambiguous
		r := c.Node(1).Router()
		for _, key := range keys { // the first to find node 0's slots down waits for the failover
			slow, cancel := context.WithTimeout(ctx, time.Minute)
			if n, err := r.Do(slow, "PUSH", key, "b"); err != nil || n != int64(2) {
				t.Errorf("%s: %v, %v", key, n, err)
			}
			cancel()
		}
		c.WaitStable()
	})
}
