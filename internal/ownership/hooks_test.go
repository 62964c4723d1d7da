package ownership

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// preparer is the engine, as the hooks see it.
type preparer struct {
	mu  sync.Mutex // guards set
	set slots.Set
}

func (p *preparer) Prepare(set *slots.Set) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set.Union(set)
}

func (p *preparer) Prepared(set *slots.Set) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set.Subtract(set)
}

func (p *preparer) preparing() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.set.String()
}

// Hooks come one after another in the order of what happened, several in a row of a kind
// in one call, and a slot is served when the last call for it has returned.
func TestHooksInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var engine preparer
		var story []string
		begin := time.Now()
		tell := func(what string) func(slots.Set) {
			return func(set slots.Set) {
				story = append(story, fmt.Sprintf("%s %s at %v", what, set, time.Since(begin)))
				time.Sleep(time.Second)
			}
		}
		prepare := tell("prepare")
		c := newHookCalls(t.Context(), Hooks{
			Prepare: func(_ context.Context, set slots.Set) { prepare(set) },
			Losing:  tell("losing"),
			Lost:    tell("lost"),
		}, &engine)
		maps := []*slots.Map{nil}
		for _, v := range []view{
			{owns: map[slots.NodeID][]slots.Slot{me: {1, 2}}},
			{owns: map[slots.NodeID][]slots.Slot{me: {1, 2, 3}}},
			{owns: map[slots.NodeID][]slots.Slot{me: {1, 2, 3}}, importing: map[slots.Slot]slots.NodeID{4: other}},
			{owns: map[slots.NodeID][]slots.Slot{me: {1, 2, 3}}, migrating: map[slots.Slot]slots.NodeID{1: other}},
			{owns: map[slots.NodeID][]slots.Slot{me: {2}, other: {1, 3}}},
			{owns: map[slots.NodeID][]slots.Slot{me: {1, 2}, other: {3}}},
		} {
			maps = append(maps, v.build(t))
		}
		for i, m := range maps[1:] {
			c.prepare(maps[i], m)
			c.notify(maps[i], m)
			synctest.Wait() // so that the first call is under way
		}
		if got := engine.preparing(); got != "1-4" {
			t.Errorf("slots %s are prepared", got)
		}
		time.Sleep(1500 * time.Millisecond) // the first has returned, but slot 1 has gone and come since
		if got := engine.preparing(); got != "1 3-4" {
			t.Errorf("slots %s are prepared", got)
		}
		c.wait()
		want := []string{"prepare 1-2 at 0s", "prepare 3-4 at 1s", "losing 1 at 2s", "lost 1 3 at 3s", "prepare 1 at 4s"}
		if !slices.Equal(story, want) || engine.preparing() != "" {
			t.Errorf("%q, want %q; %s are still prepared", story, want, engine.preparing())
		}
	})
}

// Without a hook nothing is held back.
func TestNoHooks(t *testing.T) {
	var engine preparer
	c := newHookCalls(t.Context(), Hooks{Lost: func(slots.Set) { t.Error("nothing is lost") }}, &engine)
	m := view{owns: map[slots.NodeID][]slots.Slot{me: {1}}}.build(t)
	c.prepare(nil, m)
	c.notify(nil, m)
	c.wait()
	if engine.preparing() != "" {
		t.Errorf("slots %s are prepared", engine.preparing())
	}
}
