package slotmesh

import (
	"context"
	"errors"

	"github.com/slotmesh/slotmesh/slots"
)

// SlotHooks tells the host which slots this node serves: for what it keeps beside them, such as an index, a subscription or
// a warm cache. Any of the functions may be nil. They are called on goroutines of their own.
type SlotHooks struct {
	// Prepare is called with slots that this node begins to own, or to import from another node. Until it returns, requests for
	// them are answered with slots.ErrTryAgain, which routers and clients wait out; so it should return soon. ctx ends when
	// the node closes. The keys of importing slots come while it runs, and after.
	Prepare func(ctx context.Context, acquired slots.Set)
	// Losing is called when slots begin to move to another node. They are still served here.
	Losing func(leaving slots.Set)
	// Lost is called when slots are no longer this node's.
	Lost func(lost slots.Set)
}

// OnSlots sets the hooks; call it before Start.
func (n *Node) OnSlots(hooks SlotHooks) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.started {
		return errors.New("slotmesh: OnSlots must be called before Start")
	}
	n.hooks = hooks
	return nil
}

// prepareSlots is called before map m takes the place of old.
func (n *Node) prepareSlots(old, m *slots.Map) {
	if n.hooks.Prepare == nil {
		return
	}
	before := servedHere(old)
	acquired := servedHere(m)
	acquired.Subtract(&before)
	if acquired.Empty() {
		return
	}
	n.engine.Prepare(&acquired)
	n.wg.Go(func() { // the loop that calls this is counted, and waited for before
		defer n.engine.Prepared(&acquired)
		n.hooks.Prepare(n.life, acquired)
	})
}

// servedHere returns the slots that the node of a map owns or imports.
func servedHere(m *slots.Map) (set slots.Set) {
	if m == nil {
		return set
	}
	set = slotsOf(m)
	for slot := range m.Open().All() {
		if _, ok := m.Importing(slot); ok {
			set.Add(slot)
		}
	}
	return set
}

func slotsOf(m *slots.Map) (set slots.Set) {
	if m != nil && m.Self().HasSlots() {
		set = *m.Self().Slots
	}
	return set
}

// tellSlots is called after map m has taken the place of old.
func (n *Node) tellSlots(old, m *slots.Map) {
	if n.hooks.Losing != nil {
		was := leaving(old)
		set := leaving(m)
		if set.Subtract(&was); !set.Empty() {
			n.events.call(func() { n.hooks.Losing(set) })
		}
	}
	if n.hooks.Lost != nil {
		now := slotsOf(m)
		set := slotsOf(old)
		if set.Subtract(&now); !set.Empty() {
			n.events.call(func() { n.hooks.Lost(set) })
		}
	}
}

// leaving returns the slots that move away from the node of a map.
func leaving(m *slots.Map) (set slots.Set) {
	if m == nil {
		return set
	}
	for slot := range m.Open().All() {
		if _, ok := m.Migrating(slot); ok {
			set.Add(slot)
		}
	}
	return set
}
