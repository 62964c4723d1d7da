// Package engine is the way of every command to its data: it takes the slot's lock, asks
// under that lock whether this node may serve the slot, and only then runs the command.
// Client sessions and the Go API both come through here.
//
// The check stands inside the lock because a check before it would lose writes at the
// moment when a slot gets another owner: see [Engine.Publish].
package engine

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Access says what a command is about to touch.
type Access struct {
	Slot      slots.Slot // of its keys
	Keys      [][]byte   // a key may be named repeatedly; none if fn refuses the command
	Channels  int        // channels of shards that it names, which are routed as keys are
	CrossSlot bool       // its keys and channels lie in several slots
	Asking    bool       // the client said ASKING just before
	ReadOnly  bool       // the client said READONLY on this connection
	Follows   bool       // it comes from the master that a node outside of clusters follows

	// Done ends the wait of an Update for a key that is on its way to another node, or for
	// the end of a pause, with slots.ErrTryAgain; nil never does. See [keyspace.InFlight] and
	// [Engine.PauseWrites]. It also ends the wait for a script, with the error that says so.
	Done <-chan struct{}
}

// Engine joins a store with the cluster map in force.
type Engine struct {
	*keyspace.InFlight // the keys on their way to another node
	store              *keyspace.Store
	topo               atomic.Pointer[slots.Map] // nil: not in a cluster, everything is here

	refusal atomic.Pointer[refusal] // never nil

	pauses    pauses
	changing  sync.Mutex                // held by Change: what waits for transactions to end waits for it, too
	preparing atomic.Pointer[slots.Set] // nil: none. See Prepare
	veto      atomic.Pointer[func() error]
	viewVeto  atomic.Pointer[func() error]
	following atomic.Bool // outside of clusters; see SetFollowing
}

// New returns an engine without a map: it serves all slots until Publish.
func New(store *keyspace.Store) *Engine {
	e := &Engine{InFlight: keyspace.NewInFlight(store), store: store}
	e.refusal.Store(newRefusal(nil))
	return e
}

// Store returns the store; using it directly bypasses the ownership check.
func (e *Engine) Store() *keyspace.Store { return e.store }

// Map returns the map in force, nil outside a cluster.
func (e *Engine) Map() *slots.Map { return e.topo.Load() }

// Publish puts a new map in force. When it returns, no transaction acts on the old one
// any more.
func (e *Engine) Publish(m *slots.Map) {
	old := e.topo.Swap(m)
	changed := m.Moved(old)
	changed.Union(m.Open())
	if old != nil {
		changed.Union(old.Open())
	}
	e.store.Barrier(&changed)
	e.awaitChange()
	left := unserved(m)
	e.store.WakeWaiters(&left)
}

// unserved returns the slots whose clients need not wait here for a key, because nothing
// is served under m, or the keys are another node's. An importing slot's may come, and what
// becomes of a ceded one shows in a moment: until then clients could only be told ASK.
func unserved(m *slots.Map) slots.Set {
	set := slots.Full()
	if m.State() != slots.OK || !m.Self().IsMaster() {
		return set
	}
	if m.Self().HasSlots() {
		set.Subtract(m.Self().Slots)
	}
	if ceded := m.Ceded(); ceded != nil {
		set.Subtract(ceded)
	}
	for slot := range m.Open().All() {
		if _, importing := m.Importing(slot); importing {
			set.Remove(slot)
		}
	}
	return set
}

// View runs fn on a's slot with read access if this node may serve it, otherwise it
// returns the error of [slots.Route].
//
// While a script has the slot, it waits as [keyspace.Store.TryUpdate] does.
func (e *Engine) View(a *Access, fn func(*keyspace.Tx) error) error {
	return e.store.TryView(a.Slot, a.Done, func(tx *keyspace.Tx) error {
		if err := e.Refused(); err != nil {
			return err
		}
		if err := e.route(tx, a, false); err != nil {
			return err
		}
		if veto := e.viewVeto.Load(); veto != nil {
			if err := (*veto)(); err != nil {
				return err
			}
		}
		return fn(tx)
	})
}

// Update is View with write access; fn's changes happen all or not at all. While one of
// a's keys is in flight, or writes are paused, it waits, without the lock, for the end of
// that.
func (e *Engine) Update(a *Access, fn func(*keyspace.Tx) error) error {
	for {
		var ended <-chan struct{}
		refusal := e.refusal.Load()
		err := e.store.TryUpdate(a.Slot, a.Done, func(tx *keyspace.Tx) error {
			if err := e.Refused(); err != nil {
				return err
			}
			if e.Any(a.Slot) {
				var err error
				if ended, err = e.Wait(a.Slot, a.Keys); ended != nil || err != nil {
					return err
				}
			}
			if err := e.route(tx, a, true); err != nil {
				return err
			}
			if ended = e.pauses.wait(); ended != nil {
				return nil
			}
			if a.Follows {
				tx.SetNow(masterTime)
				return fn(tx)
			}
			if err := e.Vetoed(); err != nil {
				return err
			}
			return fn(tx)
		})
		if ended == nil {
			return err
		}
		select {
		case <-ended:
		case <-refusal.over:
		case <-a.Done:
			return slots.ErrTryAgain
		}
	}
}

// Recheck asks again what Update, or View, asked before it ran a transaction that has
// waited since. It is called under the slot's lock, within another transaction on the slot.
// While one of the keys of a write is in flight, the error is keyspace.ErrWaitAgain.
func (e *Engine) Recheck(tx *keyspace.Tx, a *Access, write bool) error {
	if err := e.Refused(); err != nil {
		return err
	}
	if write && e.Any(a.Slot) {
		if ended, err := e.Wait(a.Slot, a.Keys); ended != nil || err != nil {
			return keyspace.ErrWaitAgain
		}
	}
	return e.route(tx, a, write)
}

// Admit asks what View and Update ask, about further keys of the same slot, within a
// transaction that one of them has let in. wait says that a key is in flight: the
// transaction has to end, and may come again with that key.
func (e *Engine) Admit(tx *keyspace.Tx, a *Access, write bool) (wait bool, err error) {
	if write && e.Any(a.Slot) {
		if ended, err := e.Wait(a.Slot, a.Keys); ended != nil || err != nil {
			return ended != nil, err
		}
	}
	if m := e.topo.Load(); m == nil || !m.Open().Has(a.Slot) {
		return false, nil
	}
	return false, e.route(tx, a, write)
}

// SetVeto makes every Update that this node would serve ask veto first, under the slot's
// lock; its error refuses the write. veto must not wait. nil lets all pass.
func (e *Engine) SetVeto(veto func() error) {
	if veto == nil {
		e.veto.Store(nil)
		return
	}
	e.veto.Store(&veto)
}

// SetViewVeto is SetVeto for View.
func (e *Engine) SetViewVeto(veto func() error) {
	if veto == nil {
		e.viewVeto.Store(nil)
		return
	}
	e.viewVeto.Store(&veto)
}

// Vetoed returns why writes are refused at present though this node would serve them: see
// SetVeto.
func (e *Engine) Vetoed() error {
	if veto := e.veto.Load(); veto != nil {
		return (*veto)()
	}
	return nil
}

// route is called under the slot's lock.
func (e *Engine) route(tx *keyspace.Tx, a *Access, write bool) error {
	m := e.topo.Load()
	if m == nil {
		if write && e.following.Load() && !a.Follows {
			return slots.ErrReadOnly
		}
		return nil
	}
	r := slots.Request{Slot: a.Slot, Keys: len(a.Keys), CrossSlot: a.CrossSlot, Write: write, Asking: a.Asking,
		ReadOnly: a.ReadOnly}
	if r.Keys == 0 && a.Channels > 0 {
		r.Keys, r.Channels = a.Channels, true
		return slots.Route(m, r)
	}
	if m.Open().Has(a.Slot) {
		r.Keys, r.Missing = countKeys(tx, a.Keys)
	}
	if err := slots.Route(m, r); err != nil {
		return err
	}
	if preparing := e.preparing.Load(); preparing != nil && r.Keys > 0 && preparing.Has(a.Slot) {
		return slots.ErrTryAgain
	}
	return nil
}

// countKeys returns how many keys are named and how many of them are missing here.
// Further mentions of the first key do not count: Redis treats a command, or a whole
// MULTI batch, as one about several keys only if it names a key other than the first.
// Repetitions among the others do count, which changes no answer: there are several keys
// anyhow.
func countKeys(tx *keyspace.Tx, list [][]byte) (keys, missing int) {
	for i, key := range list {
		if i > 0 && bytes.Equal(key, list[0]) {
			continue
		}
		keys++
		if _, ok := tx.Peek(key); !ok {
			missing++
		}
	}
	return keys, missing
}
