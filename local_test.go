package slotmesh_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// keyCalls are the operations on one key that a node and its Local have.
type keyCalls interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Delete(ctx context.Context, key string) (bool, error)
	Expire(ctx context.Context, key string, ttl time.Duration) (bool, error)
	TTL(ctx context.Context, key string) (time.Duration, error)
	Update(ctx context.Context, keys []string, fn func(slotmesh.Tx) error) error
	Do(ctx context.Context, command string, args ...any) (any, error)
}

// errorsOf makes each call, in an order in which all succeed where the key is served, and
// returns their errors.
func errorsOf(ctx context.Context, c keyCalls, key string) map[string]error {
	list := make(map[string]error)
	list["Set"] = c.Set(ctx, key, []byte("v"), time.Minute)
	_, list["Get"] = c.Get(ctx, key)
	_, list["TTL"] = c.TTL(ctx, key)
	_, list["Expire"] = c.Expire(ctx, key, time.Hour)
	list["Update"] = c.Update(ctx, []string{key}, func(tx slotmesh.Tx) error { return tx.Set(key, []byte("w"), 0) })
	_, list["Do"] = c.Do(ctx, "STRLEN", key)
	_, list["Delete"] = c.Delete(ctx, key)
	return list
}

// From a node that does not own a key, its calls reach the owner, and those of its Local
// are redirected to it; at the owner both serve it.
func TestRoutedAndLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		owned := 0
		for _, n := range c.Nodes() {
			for what, err := range errorsOf(t.Context(), n, "key") {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			mine := n.Map().IsMine(slots.OfString("key"))
			for what, err := range errorsOf(t.Context(), n.Local(), "key") {
				var moved *slots.MovedError
				switch {
				case mine && err != nil:
					t.Errorf("Local().%s of a key of its own: %v", what, err)
				case !mine && (!errors.As(err, &moved) || moved.Node != n.Map().Owner(slots.OfString("key")).ID):
					t.Errorf("Local().%s of another node's key: %v", what, err)
				}
			}
			if mine {
				owned++
			}
		}
		if owned != 1 {
			t.Errorf("%d nodes own the key", owned)
		}
	})
}

// Outside a cluster a node has every key; before Start and after Close it has none.
func TestCallsOfOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := lone(t, slotmesh.Config{Standalone: true})
		check := func(when string, good func(error) bool) {
			t.Helper()
			for of, calls := range map[string]keyCalls{"Node": n, "Local": n.Local()} {
				for what, err := range errorsOf(t.Context(), calls, "key") {
					if !good(err) {
						t.Errorf("%s: %s.%s: %v", when, of, what, err)
					}
				}
			}
		}
		check("before Start", func(err error) bool { return err != nil && !errors.Is(err, slotmesh.ErrClosed) })
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("standalone", func(err error) bool { return err == nil })
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		check("closed", func(err error) bool { return errors.Is(err, slotmesh.ErrClosed) })
	})
}

// A read of the node's own key allocates the copy of the value and nothing else, by either
// way; Local itself allocates nothing.
func TestReadsAllocateTheValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := lone(t, slotmesh.Config{})
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		ctx := t.Context()
		if err := n.AddSlots(ctx, slots.Full()); err != nil {
			t.Fatal(err)
		}
		if err := n.Set(ctx, "key", make([]byte, 100), 0); err != nil {
			t.Fatal(err)
		}
		for what, get := range map[string]func() ([]byte, error){
			"Node.Get":  func() ([]byte, error) { return n.Get(ctx, "key") },
			"Local.Get": func() ([]byte, error) { return n.Local().Get(ctx, "key") },
		} {
			allocated := testing.AllocsPerRun(1000, func() {
				if _, err := get(); err != nil {
					t.Fatal(err)
				}
			})
			if allocated > 1 {
				t.Errorf("%s allocates %v times", what, allocated)
			}
		}
	})
}
