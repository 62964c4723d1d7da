package server

import (
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Clients that cache what they read ask to be told when it changes: CLIENT TRACKING. The
// server remembers which clients have read which key, and tells each of them once, when
// the key changes for the first time; or, for clients in the mode BCAST, it tells of every
// key with a prefix, and remembers nothing.
//
// The store tells of changes under the slot's lock, before the command that made them is
// answered (see keyspace.Store.Watch). A client is told by a push, which comes behind the
// reply of the read that it is about: so what a client has read before a write that
// somebody got an answer to is on its way to be invalidated by then.

// tracker knows the clients that track keys.
type tracker struct {
	srv        *Server
	clients    atomic.Int64 // that track
	clearing   atomic.Int32 // calls of clear under way: clients hear of them all at once
	table      trackingTable
	broadcasts broadcasts
	leaving    atomic.Int32 // shards that tick has to go through because clients have left
	dropped    atomic.Bool  // clients in the mode BCAST have to be told that slots were dropped

	mu   sync.Mutex // guards what follows
	stop func()     // ends the Watch of the store; nil while there is none
}

// tracked is what is kept of a client that tracks keys, or that is told instead of another
// one. The table may point to it for long after the client has gone.
type tracked struct {
	id       int64
	session  atomic.Pointer[session] // nil once the client is gone
	mode     atomic.Uint32           // of trackOn and so on
	redirect atomic.Pointer[tracked] // the one that is told instead; nil: the client itself
}

// The mode of a client that tracks keys.
const (
	trackOn     = 1 << iota
	trackBcast  // by prefixes
	trackOptIn  // only what is read after CLIENT CACHING YES
	trackOptOut // all but what is read after CLIENT CACHING NO
	trackNoLoop // not what the client itself changes
)

// trackedLocked returns what is kept of a connected client. Server.mu is held.
func (ss *session) trackedLocked() *tracked {
	if c := ss.shared.tracked.Load(); c != nil {
		return c
	}
	c := &tracked{id: ss.id}
	c.session.Store(ss)
	ss.shared.tracked.Store(c)
	return c
}

// turn makes a client track keys, or no longer.
func (t *tracker) turn(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !on {
		if t.clients.Add(-1) == 0 {
			t.srv.setMode(modeTracking, false)
		}
		return
	}
	if t.stop == nil {
		t.stop = t.srv.engine.Store().Watch(t.changed)
	}
	if t.clients.Add(1) == 1 {
		t.srv.setMode(modeTracking, true)
	}
}

// tick goes on forgetting clients that have left. When nobody tracks and nothing is
// remembered, the store is watched no longer.
func (t *tracker) tick() {
	if n := t.leaving.Load(); n > 0 {
		t.table.sweep(int(n))
		t.leaving.CompareAndSwap(n, n-1) // else another client has left, and it begins anew
	}
	t.shrink()
	if t.dropped.Swap(false) {
		t.broadcasts.tellAll()
	}
	if t.clients.Load() > 0 || t.table.keys.Load() > 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil && t.clients.Load() == 0 && t.table.keys.Load() == 0 {
		t.stop()
		t.stop = nil
	}
}

// changed is what the store tells of each change, under the lock of the slot. origin is the
// session whose command made it, if that tracks keys.
func (t *tracker) changed(slot slots.Slot, ops []keyspace.Op, origin any) {
	by, _ := origin.(*session)
	if t.broadcasts.any.Load() {
		t.broadcasts.changed(ops, by)
	}
	if by != nil && len(by.tracking.kept) > 0 {
		t.changedKept(slot, ops, by)
		return
	}
	for i := range ops {
		key, other, all := ops[i].Changes()
		switch {
		case all:
			t.invalidateSlot(slot)
		case key != nil:
			t.invalidate(slot, key, by)
			if other != nil {
				t.invalidate(slot, other, by)
			}
		}
	}
}

// invalidate tells the clients that have read a key.
func (t *tracker) invalidate(slot slots.Slot, key []byte, by *session) {
	if list := t.table.remove(slot, key); list != nil {
		t.tell(list, key, by)
	}
}

func (t *tracker) tell(list trackedBy, key []byte, by *session) {
	m := &invalidation{keys: [][]byte{key}}
	for _, c := range list {
		mode := c.mode.Load()
		if mode&trackOn == 0 || mode&trackBcast != 0 {
			continue
		}
		if by != nil && c.session.Load() == by {
			if mode&trackNoLoop == 0 {
				by.tracking.invalidateOwn(key)
			}
			continue
		}
		c.send(m)
	}
}

// invalidateSlot tells the clients that have read keys of a slot.
func (t *tracker) invalidateSlot(slot slots.Slot) {
	keys := t.table.removeSlot(slot)
	if t.clearing.Load() == 0 {
		tellMany(keys)
		t.dropped.Store(true)
	}
}

// tellMany tells each client once of all its keys.
func tellMany(keys map[string]trackedBy) {
	if len(keys) == 0 {
		return
	}
	of := make(map[*tracked][][]byte)
	for key, list := range keys {
		for _, c := range list {
			of[c] = append(of[c], bytesOf(key))
		}
	}
	for c, list := range of {
		if mode := c.mode.Load(); mode&trackOn != 0 && mode&trackBcast == 0 {
			c.send(&invalidation{keys: list})
		}
	}
}

// lost tells clients that keys of some slots are served here no longer: what changes them
// from now on is not seen.
func (t *tracker) lost(set *slots.Set) {
	if t.table.keys.Load() == 0 {
		return
	}
	for slot := range set.All() {
		tellMany(t.table.removeSlot(slot))
	}
}

// leave forgets a session that ends. Server.mu is held.
func (t *tracker) leaveLocked(ss *session) {
	c := ss.shared.tracked.Load()
	if c == nil {
		return
	}
	c.session.Store(nil)
	if mode := c.mode.Swap(0); mode&trackOn != 0 {
		t.broadcasts.remove(c)
		t.turn(false)
		t.leaving.Store(trackingShards)
	}
}

// clear runs a function that drops all keys, and tells clients once instead of key by key.
func (t *tracker) clear(by *session, drop func() error) error {
	t.clearing.Add(1)
	err := drop()
	t.clearing.Add(-1)
	if t.clients.Load() > 0 {
		t.forgetAll(by)
	}
	return err
}

// forgetAll tells all clients that track keys that all keys may have changed.
func (t *tracker) forgetAll(by *session) {
	t.table.clear()
	m := &invalidation{all: true}
	for _, ss := range t.srv.clients() {
		c := ss.shared.tracked.Load()
		switch {
		case c == nil || c.mode.Load()&trackOn == 0:
		case ss == by:
			by.tracking.pending = append(by.tracking.pending, m)
		default:
			c.send(m)
		}
	}
}

// shrink forgets random keys, telling the clients that have read them, while there are more
// than the limit allows.
func (t *tracker) shrink() {
	for limit := t.srv.limits.Load().TrackedKeys; limit > 0 && t.table.keys.Load() > limit; {
		key, list, ok := t.table.removeAny()
		if !ok {
			return
		}
		t.tell(list, bytesOf(key), nil)
	}
}

// send tells the client, or the one that is told instead.
func (c *tracked) send(m *invalidation) {
	if to, b := c.route(m); to != nil {
		to.push(b)
	}
}

// route returns which session is sent what; nil if nobody can be told.
func (c *tracked) route(m *invalidation) (to *session, b []byte) {
	ss := c.session.Load()
	if ss == nil {
		return nil, nil
	}
	to = ss
	redirect := c.redirect.Load()
	if redirect != nil {
		if to = redirect.session.Load(); to == nil {
			ss.setFlag(clientBrokenRedirect, true)
			if ss.hasFlag(clientRESP3) {
				return ss, encodeBroken(redirect.id)
			}
			return nil, nil
		}
	}
	switch {
	case to.hasFlag(clientRESP3):
		return to, m.forRESP3()
	case redirect != nil && to.hasFlag(clientPubsub):
		return to, m.forRESP2()
	}
	return nil, nil
}
