package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// operations is everything that can be asked of a node and can fail.
func operations(n *slotmesh.Node, key string) map[string]func(ctx context.Context) error {
	r := n.Router()
	keys := []string{key}
	nothing := func(slotmesh.Tx) error { return nil }
	first := func(results []slotmesh.Result) error { return results[0].Err }
	var set slots.Set
	set.Add(slots.OfString(key))
	other := slots.NodeID{1}
	return map[string]func(ctx context.Context) error{
		"Get":             func(ctx context.Context) error { _, err := n.Local().Get(ctx, key); return err },
		"Set":             func(ctx context.Context) error { return n.Local().Set(ctx, key, nil, 0) },
		"Delete":          func(ctx context.Context) error { _, err := n.Local().Delete(ctx, key); return err },
		"Expire":          func(ctx context.Context) error { _, err := n.Local().Expire(ctx, key, 0); return err },
		"TTL":             func(ctx context.Context) error { _, err := n.Local().TTL(ctx, key); return err },
		"Update":          func(ctx context.Context) error { return n.Local().Update(ctx, keys, nothing) },
		"View":            func(ctx context.Context) error { return n.Local().View(ctx, keys, nothing) },
		"Do":              func(ctx context.Context) error { _, err := n.Local().Do(ctx, "SET", key, "v"); return err },
		"Do without keys": func(ctx context.Context) error { _, err := n.Local().Do(ctx, "FLUSHALL"); return err },
		"Router.Get":      func(ctx context.Context) error { _, err := r.Get(ctx, key); return err },
		"Router.Get near": func(ctx context.Context) error {
			_, err := r.WithReadPreference(slotmesh.ReadNearest).Get(ctx, key)
			return err
		},
		"Router.Set":    func(ctx context.Context) error { return r.Set(ctx, key, nil, 0) },
		"Router.Delete": func(ctx context.Context) error { _, err := r.Delete(ctx, key); return err },
		"Router.Expire": func(ctx context.Context) error { _, err := r.Expire(ctx, key, 0); return err },
		"Router.TTL":    func(ctx context.Context) error { _, err := r.TTL(ctx, key); return err },
		"Router.Do":     func(ctx context.Context) error { _, err := r.Do(ctx, "SET", key, "v"); return err },
		"Router.Call":   func(ctx context.Context) error { _, err := r.Call(ctx, "p", key, nil); return err },
		"Router.Update": func(ctx context.Context) error { return r.Update(ctx, keys, nothing) },
		"GetMany":       func(ctx context.Context) error { return first(r.GetMany(ctx, key, "{"+key+"}", "x")) },
		"SetMany": func(ctx context.Context) error {
			return first(r.SetMany(ctx, slotmesh.Item{Key: key}, slotmesh.Item{Key: "x"}))
		},
		"DeleteMany": func(ctx context.Context) error { return first(r.DeleteMany(ctx, key, "x")) },
		"Scan": func(ctx context.Context) (last error) {
			for _, err := range r.Scan(ctx, "") {
				last = err
			}
			return last
		},
		"Meet": func(ctx context.Context) error {
			return n.Meet(ctx,
				slots.Addr{Host: "10.0.0.9", Port: 1, BusPort: 2})
		},
		"Forget":          func(ctx context.Context) error { return n.Forget(ctx, other) },
		"AddSlots":        func(ctx context.Context) error { return n.AddSlots(ctx, set) },
		"DelSlots":        func(ctx context.Context) error { return n.DelSlots(ctx, set) },
		"BumpEpoch":       func(ctx context.Context) error { _, _, err := n.BumpEpoch(ctx); return err },
		"Reset":           func(ctx context.Context) error { return n.Reset(ctx, false) },
		"Replicate":       func(ctx context.Context) error { return n.Replicate(ctx, other) },
		"Failover":        func(ctx context.Context) error { return n.Failover(ctx, gossip.FailoverForce) },
		"MigrateSlots":    func(ctx context.Context) error { _, err := n.MigrateSlots(ctx, set, other); return err },
		"WaitMigration":   func(ctx context.Context) error { return n.WaitMigration(ctx, migrate.JobID{}) },
		"CancelMigration": func(ctx context.Context) error { return n.CancelMigration(migrate.JobID{}) },
		"Save":            func(ctx context.Context) error { return n.Save(ctx) },
		"WaitSynced":      func(ctx context.Context) error { return n.WaitSynced(ctx) },
	}
}

// Before Start and after Close, every call says so; none writes into a store that is not
// saved any more, none panics.
func TestNotStartedAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1})
		check := func(n *slotmesh.Node, right func(error) bool) {
			t.Helper()
			n.Stats()
			for name, run := range operations(n, "key") {
				if err := run(t.Context()); !right(err) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		fresh, err := slotmesh.New(slotmesh.Config{})
		if err != nil {
			t.Fatal(err)
		}
		check(fresh, func(err error) bool { return err != nil && strings.Contains(err.Error(), "not started") })
		fresh.Close()
		closed := c.Node(0)
		c.Stop(0)
		isClosed := func(err error) bool { return errors.Is(err, slotmesh.ErrClosed) }
		check(fresh, isClosed)
		check(closed, isClosed)
		for name, err := range map[string]error{
			"Ready": closed.Ready(t.Context()), "WaitStable": closed.WaitStable(t.Context()), "Start": fresh.Start(t.Context()),
		} {
			if err == nil {
				t.Errorf("%s of a closed node", name)
			}
		}
	})
}

// Close ends whatever is under way, soon, with an error that says why.
func TestCloseDuringEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		n := c.Node(0)
		remote := ""
		for i := 0; remote == ""; i++ {
			if k := fmt.Sprint(i); !n.Map().IsMine(slots.OfString(k)) {
				remote = k
			}
		}
		many := operations(n, remote)
		for _, name := range []string{"Reset", "FlushSlots", "DelSlots"} {
			delete(many, name) // they would change what the others meet
		}
		many["Ready"], many["WaitStable"] = n.Ready, n.WaitStable
		many["WaitMap"] = func(ctx context.Context) error { return n.WaitMap(ctx, func(*slots.Map) bool { return false }) }
		var set slots.Set
		for slot := range n.Map().Self().Slots.All() {
			set.Add(slot)
		}
		to := c.Node(1).ID()
		many["a migration"] = func(ctx context.Context) error {
			id, err := n.MigrateSlots(ctx, set, to)
			if err == nil {
				err = n.WaitMigration(ctx, id)
			}
			return err
		}
		c.Partition([]int{0}, []int{1, 2})
		time.Sleep(20 * time.Second) // the node knows that it is alone
		type result struct {
			name string
			err  error
			at   time.Time
		}
		results := make(chan result, len(many))
		for name, run := range many {
			go func() {
				err := run(t.Context())
				results <- result{name, err, time.Now()}
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		early := len(results)
		for range early {
			<-results // refused at once, each for a reason of its own
		}
		begin := time.Now()
		c.Stop(0)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("Close took %v", took)
		}
		for range len(many) - early {
			r := <-results
			if took := r.at.Sub(begin); took > time.Second || !errors.Is(r.err, slotmesh.ErrClosed) &&
				!errors.Is(r.err, slotmesh.ErrAmbiguous) {
				t.Errorf("%s: %v after Close: %v", r.name, took, r.err)
			}
		}
		if under := len(many) - early; under < 15 {
			t.Errorf("only %d calls were under way", under)
		}
	})
}

// A write is either in the last snapshot or refused.
func TestWritesUntilClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &storage.Memory{}
		start := func() *slotmesh.Node {
			n, err := slotmesh.New(slotmesh.Config{Standalone: true, Disk: files,
				Network: clustertest.Start(t, clustertest.Config{}).Host("10.1.1.1")})
			if err == nil {
				err = n.Start(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		n := start()
		written := make(chan int)
		begun := make(chan struct{})
		go func() {
			for i := 0; ; i++ {
				if err := n.Local().Set(t.Context(), fmt.Sprint(i), nil, 0); err != nil {
					if err != slotmesh.ErrClosed {
						t.Error(err)
					}
					written <- i
					return
				}
				if i == 1000 {
					close(begun)
				}
			}
		}()
		<-begun
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		want := <-written
		n = start()
		defer n.Close()
		if got := n.Stats().Store.Keys; int(got) != want {
			t.Errorf("%d keys were written, %d are back", want, got)
		}
	})
}

// Who closes a node learns that its keys could not be saved.
func TestCloseTellsOfALostSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &storage.Memory{}
		n, err := slotmesh.New(slotmesh.Config{Standalone: true, Disk: files,
			Network: clustertest.Start(t, clustertest.Config{}).Host("10.1.1.1")})
		if err == nil {
			err = n.Start(t.Context())
		}
		if err == nil {
			err = n.Local().Set(t.Context(), "key", nil, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		full := errors.New("disk full")
		files.SetFault(full)
		for range 2 {
			if err := n.Close(); !errors.Is(err, full) {
				t.Errorf("Close: %v", err)
			}
		}
	})
}
