package ownership

import (
	"context"
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// Hooks are the host's functions that are called when slots are acquired, begin to leave,
// and are lost. Any may be nil. See slotmesh.SlotHooks.
type Hooks struct {
	Prepare func(ctx context.Context, acquired slots.Set)
	Losing  func(leaving slots.Set)
	Lost    func(lost slots.Set)
}

// Preparer holds back requests for slots that the host prepares: an *engine.Engine.
type Preparer interface {
	Prepare(set *slots.Set)  // from now on requests are answered with slots.ErrTryAgain
	Prepared(set *slots.Set) // until now
}

// prepare is called before map m takes the place of old.
func (c *hookCalls) prepare(old, m *slots.Map) {
	before := servedHere(old)
	acquired := servedHere(m)
	acquired.Subtract(&before)
	c.add(slotsAcquired, &acquired)
}

// notify is called after map m has taken the place of old.
func (c *hookCalls) notify(old, m *slots.Map) {
	was, set := leaving(old), leaving(m)
	set.Subtract(&was)
	c.add(slotsLosing, &set)
	now, set := slotsOf(m), slotsOf(old)
	set.Subtract(&now)
	c.add(slotsLost, &set)
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

// hookCalls calls the hooks in order, on a goroutine that there is while calls are queued.
type hookCalls struct {
	hooks  Hooks
	engine Preparer
	life   context.Context // of Prepare

	mu      sync.Mutex // guards the fields below
	queue   []hookCall
	running bool
	idle    *sync.Cond // on mu: running has ended
}

// hookCall is a hook to be called.
type hookCall struct {
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

func newHookCalls(life context.Context, hooks Hooks, engine Preparer) *hookCalls {
	c := &hookCalls{hooks: hooks, engine: engine, life: life}
	c.idle = sync.NewCond(&c.mu)
	return c
}

// wanted reports whether the host has a hook for it.
func (h *Hooks) wanted(what slotChange) bool {
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
func (c *hookCalls) add(what slotChange, set *slots.Set) {
	if !c.hooks.wanted(what) || set.Empty() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if what == slotsAcquired {
		c.engine.Prepare(set)
	}
	if last := len(c.queue) - 1; last >= 0 && c.queue[last].what == what {
		c.queue[last].set.Union(set)
		return
	}
	c.queue = append(c.queue, hookCall{what, *set})
	if !c.running {
		c.running = true
		go c.run()
	}
}

// run calls until nothing is queued.
func (c *hookCalls) run() {
	for call, ok := c.next(); ok; call, ok = c.next() {
		switch call.what {
		case slotsAcquired:
			c.hooks.Prepare(c.life, call.set)
			c.prepared(&call.set)
		case slotsLosing:
			c.hooks.Losing(call.set)
		case slotsLost:
			c.hooks.Lost(call.set)
		}
	}
}

func (c *hookCalls) next() (call hookCall, ok bool) {
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
func (c *hookCalls) prepared(set *slots.Set) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.queue {
		if c.queue[i].what == slotsAcquired {
			set.Subtract(&c.queue[i].set)
		}
	}
	c.engine.Prepared(set)
}

// wait returns when every hook has been called that is to be called; nothing is added any
// more.
func (c *hookCalls) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.running {
		c.idle.Wait()
	}
}
