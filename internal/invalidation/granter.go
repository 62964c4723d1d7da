package invalidation

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Granter is a member's side: it tells holders of changes, and says for how long a write
// has to wait for them. It starts no goroutine and reads no clock. It is safe for concurrent
// use.
type Granter struct {
	table   atomic.Pointer[table] // nil: no node has registered a prefix
	settled atomic.Uint64         // no write waits for changes up to this number

	mu       sync.Mutex // guards the fields below, and those of each Grant's end
	self     *slots.Node
	members  members
	serves   bool // by the map in force, the cluster does
	known    map[slots.NodeID]bool
	digest   uint64
	master   bool      // it is one, or was before the map that comes into force now
	stale    time.Time // until when leases last that were granted under another digest
	holders  map[slots.NodeID]*Grantee
	number   uint64 // of the latest change
	marks    *marks
	progress chan struct{} // closed when a write may have to wait for less
}

// marks has the latest change of each slot that writes wait for.
type marks [slots.Count]atomic.Uint64

// table says which prefixes are registered. It is never changed, only replaced.
type table struct {
	prefixes []registered
	every    []target // each holder once
	marks    *marks
}

// registered is a prefix with the holders that registered it.
type registered struct {
	text    string
	targets []target
}

type target struct {
	holder  *Grantee
	awaited bool
}

// Grantee is a holder as a granter sees it: one connection, and the lease that outlives it.
type Grantee struct {
	granter *Granter
	id      slots.NodeID
	queue   queue

	registered bool
	prefixes   []Prefix
	version    uint64
	sent       uint64    // the latest change that replies wait for
	acked      uint64    // the latest that the holder has acknowledged
	behind     time.Time // since when the oldest change of those between waits at most
	until      time.Time // the end of its lease
	detached   bool
}

// NewGranter returns a granter without a map: it grants nothing before SetMap.
func NewGranter() *Granter {
	return &Granter{holders: make(map[slots.NodeID]*Grantee), progress: make(chan struct{})}
}

// SetMap takes in a map that is about to come into force; InForce says that it is.
func (g *Granter) SetMap(m *slots.Map, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	self := *m.Self()
	promoted := g.self != nil && !g.self.IsMaster() && self.IsMaster()
	g.self, g.members, g.serves = &self, membersOf(m), m.State() == slots.OK
	g.known = make(map[slots.NodeID]bool, len(m.Nodes()))
	for _, n := range m.Nodes() {
		g.known[n.ID] = true
	}
	if digest := g.members.digest(&self); digest != g.digest {
		g.digest = digest
		for _, h := range g.holders {
			if h.until.After(g.stale) {
				g.stale = h.until
			}
		}
	}
	g.master = g.master || self.IsMaster()
	if promoted { // as a replica, it has told of no change
		g.tellAllLocked(now)
	}
}

// InForce says that no transaction acts on a map before that of the latest SetMap.
func (g *Granter) InForce() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.master = g.self.IsMaster()
}

// Unsettled returns how long leases last that were granted before the members changed, as
// this node sees it. A slot must not be opened towards another node before.
func (g *Granter) Unsettled(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, g.stale.Sub(now))
}

// Committed tells holders of what has changed in a slot: see [keyspace.Store.Watch]. It
// costs one atomic load while no prefix is registered.
func (g *Granter) Committed(slot slots.Slot, ops []keyspace.Op, now func() time.Time) {
	t := g.table.Load()
	if t == nil {
		return
	}
	var before []byte
	for i := range ops {
		key, other, all := ops[i].Changes()
		if all {
			g.tellSlot(t, slot, now)
			return
		}
		if key != nil && (before == nil || string(key) != string(before)) {
			g.tellKey(t, slot, key, now)
		}
		if other != nil {
			g.tellKey(t, slot, other, now)
		}
		before = key
	}
}

// tellKey tells the holders of the prefixes that key has.
func (g *Granter) tellKey(t *table, slot slots.Slot, key []byte, now func() time.Time) {
	text := unsafe.String(unsafe.SliceData(key), len(key))
	var m Message
	for i := range t.prefixes {
		p := &t.prefixes[i]
		if !strings.HasPrefix(text, p.text) {
			continue
		}
		if m.Kind == 0 {
			g.mu.Lock()
			defer g.mu.Unlock()
			if !g.master {
				return
			}
			g.number++
			m = Message{Kind: Key, Number: g.number, Key: key}
			if len(key) > maxKey {
				m = Message{Kind: Slot, Number: g.number, Slot: slot}
			}
		}
		g.tellLocked(t.marks, slot, p.targets, &m, now())
	}
}

// tellSlot tells every holder that any key of a slot may have changed.
func (g *Granter) tellSlot(t *table, slot slots.Slot, now func() time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.master {
		return
	}
	g.number++
	g.tellLocked(t.marks, slot, t.every, &Message{Kind: Slot, Number: g.number, Slot: slot}, now())
}

// tellAllLocked tells every holder that any key may have changed. No write waits for it.
func (g *Granter) tellAllLocked(now time.Time) {
	g.number++
	for _, h := range g.holders {
		if h.registered {
			h.tellLocked(&Message{Kind: All, Number: g.number}, false, now)
		}
	}
}

// tellLocked sends m to targets, and notes whether writes to its slot wait for it.
func (g *Granter) tellLocked(marks *marks, slot slots.Slot, targets []target, m *Message, now time.Time) {
	for _, t := range targets {
		if t.awaited && now.Before(t.holder.until) {
			marks[slot].Store(m.Number)
		}
		t.holder.tellLocked(m, t.awaited, now)
	}
}

func (h *Grantee) tellLocked(m *Message, awaited bool, now time.Time) {
	if awaited {
		if h.acked >= h.sent {
			h.behind = now
		}
		h.sent = m.Number
	}
	if !h.queue.add(m) {
		h.queue.replace(&Message{Kind: All, Number: m.Number})
	}
}

// Attach returns the granter's end of a new connection from a holder. The one before is
// over: a holder gives up a connection, and all that depends on it, before it dials again.
func (g *Granter) Attach(id slots.NodeID) *Grantee {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := &Grantee{granter: g, id: id, queue: newQueue()}
	if before := g.holders[id]; before != nil {
		before.queue.end()
		before.queue.signal()
	}
	g.holders[id] = h
	g.rebuildLocked()
	return h
}

// Receive takes in a message of the holder. It returns false if that is none of a holder.
func (h *Grantee) Receive(m *Message, now time.Time) bool {
	g := h.granter
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holders[h.id] != h {
		return false
	}
	switch m.Kind {
	case Register:
		h.registered, h.prefixes, h.version = true, m.Prefixes, m.Version
		g.rebuildLocked()
	case Renew:
		granted := h.mayHoldLocked(m, now)
		if until := now.Add(m.Lease + m.Lease/10); granted && until.After(h.until) {
			h.until = until
		}
		h.queue.add(&Message{Kind: Grant, Stamp: m.Stamp, Version: m.Version, Granted: granted})
	case Ack:
		h.acked, h.behind = max(h.acked, min(m.Number, g.number)), now
		g.progressLocked(now)
	case Release:
		h.until = time.Time{}
		g.progressLocked(now)
	default:
		return false
	}
	return true
}

// mayHoldLocked decides on a lease. A holder that is as much behind as a lease lasts gets
// none, so that writes do not wait for it for longer than two.
func (h *Grantee) mayHoldLocked(m *Message, now time.Time) bool {
	g := h.granter
	return h.registered && m.Version == h.version && g.serves && g.known[h.id] && m.Digest == g.digest &&
		m.Lease <= MaxLease && (h.acked >= h.sent || now.Sub(h.behind) < m.Lease)
}

// Detach says that the connection has ended. The lease goes on.
func (h *Grantee) Detach(now time.Time) {
	g := h.granter
	g.mu.Lock()
	defer g.mu.Unlock()
	h.queue.end()
	h.detached = true
	g.sweepLocked(now)
}

// Sweep forgets holders whose connection and lease have ended. It returns when the next
// one will have, the zero time if there is none.
func (g *Granter) Sweep(now time.Time) (next time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sweepLocked(now)
}

func (g *Granter) sweepLocked(now time.Time) (next time.Time) {
	count := len(g.holders)
	for id, h := range g.holders {
		switch {
		case !h.detached:
		case !now.Before(h.until):
			delete(g.holders, id)
		case next.IsZero() || h.until.Before(next):
			next = h.until
		}
	}
	if len(g.holders) < count {
		g.rebuildLocked()
	}
	return next
}

// Drain returns what is to be written to the holder; over says that nothing is any more.
// spare is memory for what comes next.
func (h *Grantee) Drain(spare []byte) (b []byte, over bool) {
	h.granter.mu.Lock()
	defer h.granter.mu.Unlock()
	return h.queue.drain(spare), h.queue.over
}

// rebuildLocked makes the table anew.
func (g *Granter) rebuildLocked() {
	at := make(map[string]int)
	t := &table{}
	for _, h := range g.holders {
		every := target{holder: h}
		for _, p := range h.prefixes {
			i, known := at[p.Text]
			if !known {
				i = len(t.prefixes)
				at[p.Text] = i
				t.prefixes = append(t.prefixes, registered{text: p.Text})
			}
			t.prefixes[i].targets = append(t.prefixes[i].targets, target{h, p.Awaited})
			every.awaited = every.awaited || p.Awaited
		}
		if len(h.prefixes) > 0 {
			t.every = append(t.every, every)
		}
	}
	if len(t.prefixes) == 0 {
		g.table.Store(nil)
		return
	}
	if g.marks == nil {
		g.marks = new(marks)
	}
	t.marks = g.marks
	g.table.Store(t)
}
