package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// A slot that goes and comes again while it is prepared is prepared again before it is
// served, after the host has heard that it had gone; a slow OnEvent is no matter.
func TestSlotLostAndRegainedWhilePrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type call struct {
			what string
			at   time.Time
		}
		calls := make(chan call, 10)
		slot := slots.OfString("key")
		note := func(set slots.Set, what string) {
			if set.Has(slot) {
				calls <- call{what, time.Now()}
				time.Sleep(time.Second)
			}
		}
		c := clustertest.Start(t, clustertest.Config{
			Masters: 1,
			Node: func(_ int, cfg *slotmesh.Config) {
				cfg.PartialCoverage = true
				cfg.OnEvent = func(slotmesh.Event) { time.Sleep(time.Minute) }
			},
			Prepare: func(_ int, n *slotmesh.Node) {
				err := n.OnSlots(slotmesh.SlotHooks{
					Prepare: func(_ context.Context, set slots.Set) { note(set, "prepare") },
					Lost:    func(set slots.Set) { note(set, "lost") },
				})
				if err != nil {
					t.Error(err)
				}
			},
		})
		n := c.Node(0)
		time.Sleep(time.Hour) // all is prepared
		<-calls
		begin := time.Now()
		var one slots.Set
		one.Add(slot)
		for i, change := range []func(context.Context, slots.Set) error{n.DelSlots, n.AddSlots, n.DelSlots, n.AddSlots} {
			if err := change(t.Context(), one); err != nil {
				t.Fatal(i, err)
			}
		}
		for time.Since(begin) < 3900*time.Millisecond {
			time.Sleep(100 * time.Millisecond)
			if err := n.Local().Set(t.Context(), "key", nil, 0); !errors.Is(err, slots.ErrTryAgain) {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
		}
		time.Sleep(time.Minute)
		var story []string
		for len(calls) > 0 {
			c := <-calls
			story = append(story, fmt.Sprint(c.what, " ", c.at.Sub(begin)))
		}
		if want := []string{"lost 0s", "prepare 1s", "lost 2s", "prepare 3s"}; !slices.Equal(story, want) {
			t.Errorf("%q, want %q", story, want)
		}
	})
}
