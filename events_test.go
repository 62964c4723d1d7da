package slotmesh_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// A listener that hangs holds up no node, and is told how much it has missed.
func TestSlowListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var mu sync.Mutex
		got, missed := 0, 0
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Node: func(i int, cfg *slotmesh.Config) {
			if i != 0 {
				return
			}
			cfg.OnEvent = func(e slotmesh.Event) {
				<-release
				mu.Lock()
				defer mu.Unlock()
				if m, ok := e.(slotmesh.EventsMissed); ok {
					missed += m.Count
				} else {
					got++
				}
			}
		}})
		var one slots.Set
		one.Add(0)
		for range 500 { // each time the slots and the state change
			if err := c.Node(0).DelSlots(t.Context(), one); err != nil {
				t.Fatal(err)
			}
			if err := c.Node(0).AddSlots(t.Context(), one); err != nil {
				t.Fatal(err)
			}
		}
		close(release)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if got < 1000 || missed < 500 {
			t.Errorf("%d events came, %d were missed", got, missed)
		}
		t.Logf("%d events came, %d were missed", got, missed)
	})
}

func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		n := c.Node(0)
		ctx, cancel := context.WithCancel(t.Context())
		var seen, missed int
		var last *slots.Map
		done := make(chan struct{})
		go func() {
			defer close(done)
			for m, skipped := range n.Changes(ctx) {
				if last != nil && m.Version() <= last.Version() {
					t.Errorf("version %d after %d", m.Version(), last.Version())
				}
				seen, missed, last = seen+1, missed+skipped, m
				time.Sleep(time.Minute) // slow
			}
		}()
		synctest.Wait()
		first := n.Map().Version()
		for range 10 {
			if err := n.DelSlots(t.Context(), *n.Map().Self().Slots); err != nil {
				t.Fatal(err)
			}
			if err := n.AddSlots(t.Context(), slots.Full()); err == nil {
				t.Fatal("slots of others are taken")
			}
			var set slots.Set
			set.AddRange(slots.Even(3)[0])
			if err := n.AddSlots(t.Context(), set); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		cancel()
		<-done
		if last != n.Map() {
			t.Errorf("the last map seen has version %d, the node's %d", last.Version(), n.Map().Version())
		}
		if total := int(last.Version()-first) + 1; seen+missed != total || missed == 0 {
			t.Errorf("%d seen and %d missed of %d", seen, missed, total)
		}
	})
}

// Prepare runs before the first request is served, Losing and Lost come in this order.
func TestSlotHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const prepareTime = time.Second
		var mu sync.Mutex
		story := make(map[int][]string)
		note := func(i int, what string) {
			mu.Lock()
			defer mu.Unlock()
			if list := story[i]; len(list) == 0 || list[len(list)-1] != what {
				story[i] = append(list, what)
			}
		}
		moving := slots.OfString("key")
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Prepare: func(i int, n *slotmesh.Node) {
			err := n.OnSlots(slotmesh.SlotHooks{
				Prepare: func(_ context.Context, set slots.Set) {
					if set.Has(moving) {
						note(i, "preparing")
						time.Sleep(prepareTime)
						note(i, "prepared")
					}
				},
				Losing: func(set slots.Set) {
					if set.Has(moving) {
						note(i, "losing")
					}
				},
				Lost: func(set slots.Set) {
					if set.Has(moving) {
						note(i, "lost")
					}
				},
			})
			if err != nil {
				t.Error(err)
			}
		}})
		from, to := -1, -1
		for i, n := range c.Nodes() {
			if n.Map().IsMine(moving) {
				from = i
			} else {
				to = i
			}
		}
		if err := c.Node(from).Local().Set(t.Context(), "key", nil, 0); !errors.Is(err, slots.ErrTryAgain) {
			t.Errorf("before it is prepared: %v", err)
		}
		r := c.Node(to).Router()
		begin := time.Now()
		if err := r.Set(t.Context(), "key", []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < prepareTime || took > prepareTime+time.Second {
			t.Errorf("the first request was served after %v", took)
		}
		var set slots.Set
		set.Add(moving)
		id, err := c.Node(from).MigrateSlots(t.Context(), set, c.Node(to).ID())
		if err == nil {
			err = c.Node(from).WaitMigration(t.Context(), id)
		}
		if err != nil {
			t.Fatal(err)
		}
		if v, err := r.Get(t.Context(), "key"); err != nil || string(v) != "v" {
			t.Errorf("%q, %v", v, err)
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		check := func(i int, want ...string) {
			if len(story[i]) != len(want) {
				t.Errorf("node %d: %q, want %q", i, story[i], want)
				return
			}
			for j := range want {
				if story[i][j] != want[j] {
					t.Errorf("node %d: %q, want %q", i, story[i], want)
				}
			}
		}
		check(from, "preparing", "prepared", "losing", "lost")
		check(to, "preparing", "prepared")
	})
}

func TestReadyAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		for _, n := range c.Nodes() {
			if err := n.Ready(t.Context()); err != nil {
				t.Error(err)
			}
			if err := n.WaitStable(t.Context()); err != nil {
				t.Error(err)
			}
		}
		dead := c.Node(1).ID()
		c.Kill(1)
		c.Kill(4)
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		want := "slots 5461-10922 have no working owner: node " + dead.Short() + " (10.0.0.2:7000) failed "
		for name, wait := range map[string]func(context.Context) error{"Ready": c.Node(0).Ready,
			"WaitStable": c.Node(0).WaitStable} {
			err := wait(ctx)
			var why *slotmesh.UnavailableError
			if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &why) || !strings.HasPrefix(why.Reason, want) ||
				!strings.HasSuffix(err.Error(), " ago") {
				t.Errorf("%s with a third of the slots gone: %v", name, err)
			}
		}
		if got := c.Node(0).Explain(8000); !strings.Contains(got, want) {
			t.Errorf("Why: %s", got)
		}
		for key, want := range map[string]string{
			"key":        want, // slot 12539: its owner is well
			"key:test:2": "slot 9252 has no working owner: node " + dead.Short() + " (10.0.0.2:7000) failed ",
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			_, err := c.Node(0).Router().Get(ctx, key)
			cancel()
			var why *slotmesh.UnavailableError
			if !errors.As(err, &why) || !strings.HasPrefix(why.Reason, want) || !errors.Is(err, slots.ErrClusterDown) ||
				!errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Get %s: %v", key, err)
			}
		}
		c.Restart(1)
		if err := c.Node(0).Ready(t.Context()); err != nil {
			t.Error(err)
		}
		for _, n := range c.Nodes() {
			if err := n.WaitStable(t.Context()); err != nil {
				t.Error(err)
			}
		}
		for i, want := range []string{"slot 0 is mine: served",
			"slot 0 belongs to 10.0.0.1:7000@17000 (online): I answer MOVED"} {
			if got := c.Node(i).Explain(0); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		if got, want := c.Node(3).Explain(0), "slot 0 belongs to my master 10.0.0.1:7000@17000: I serve reads after "+
			"READONLY, otherwise I answer MOVED"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
