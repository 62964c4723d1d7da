package slotmesh

import (
	"context"
	"errors"
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// SlotHooks tells the host which slots this node serves: for what it keeps beside them,
// such as an index, a subscription or a warm cache. Any of the functions may be nil. They
// are called one after another, in the order in which things happened, on a goroutine of
// their own: one that takes its time holds up those after it, and nothing else. What
// happens meanwhile several times in a row comes in one call.
type SlotHooks struct {
	// Prepare is called with slots that this node begins to own, or to import from another
	// node. Until it returns, requests for them are answered with slots.ErrTryAgain, which
	// routers and clients wait out; so it should return soon. ctx ends when the node closes.
	// The keys of importing slots come while it runs, and after.
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
	before := servedHere(old)
	acquired := servedHere(m)
	acquired.Subtract(&before)
	n.slotCalls.add(slotsAcquired, &acquired)
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
	was, set := leaving(old), leaving(m)
	set.Subtract(&was)
	n.slotCalls.add(slotsLosing, &set)
	now, set := slotsOf(m), slotsOf(old)
	set.Subtract(&now)
	n.slotCalls.add(slotsLost, &set)
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

// slotCalls calls the hooks in order.
type slotCalls struct {
	node *Node

	mu      sync.Mutex // guards the fields below
	queue   []slotCall
	running bool
	idle    *sync.Cond // on mu: running has ended
}

// slotCall is a hook to be called.
type slotCall struct {
	what slotChange
	set  slots.Set
}

// slotChange is what has become of slots.
type slotChange uint8

const (
	slotsAcquired slotChange = iota
	slotsLosing
	slotsLost
)

func newSlotCalls(n *Node) *slotCalls {
	c := &slotCalls{node: n}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// wanted reports whether the host has a hook for it.
func (h *SlotHooks) wanted(what slotChange) bool {
	switch what {
	case slotsAcquired:
		return h.Prepare != nil
	case slotsLosing:
		return h.Losing != nil
	}
	return h.Lost != nil
}

// add queues a call. From now on requests for acquired slots are answered with
// slots.ErrTryAgain, until it has returned.
func (c *slotCalls) add(what slotChange, set *slots.Set) {
	if !c.node.hooks.wanted(what) || set.Empty() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if what == slotsAcquired {
		c.node.engine.Prepare(set)
	}
	if last := len(c.queue) - 1; last >= 0 && c.queue[last].what == what {
		c.queue[last].set.Union(set)
		return
	}
	c.queue = append(c.queue, slotCall{what, *set})
	if !c.running {
		c.running = true
		go c.run()
	}
}

// run calls until nothing is queued.
func (c *slotCalls) run() {
	hooks := &c.node.hooks
	for call, ok := c.next(); ok; call, ok = c.next() {
		switch call.what {
		case slotsAcquired:
			hooks.Prepare(c.node.life, call.set)
			c.prepared(&call.set)
		case slotsLosing:
			hooks.Losing(call.set)
		case slotsLost:
			hooks.Lost(call.set)
		}
	}
}

func (c *slotCalls) next() (call slotCall, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.queue, c.running = nil, false
		c.idle.Broadcast()
		return call, false
	}
	call, c.queue = c.queue[0], c.queue[1:]
	return call, true
}

// prepared lets slots be served, except those that have gone and come again, and wait for
// another call.
func (c *slotCalls) prepared(set *slots.Set) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.queue {
		if c.queue[i].what == slotsAcquired {
			set.Subtract(&c.queue[i].set)
		}
	}
	c.node.engine.Prepared(set)
}

// wait returns when every hook has been called that is to be called; nothing is added any
// more.
func (c *slotCalls) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running {
		c.idle.Wait()
	}
}
