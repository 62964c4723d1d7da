package invalidation

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Holder is the side of a node that keeps copies: it knows whether they may be served, and
// tells of changes. It starts no goroutine and reads no clock. It is safe for concurrent
// use.
type Holder struct {
	watches watches
	lease   time.Duration
	base    time.Time // times are kept as nanoseconds since then
	leases  atomic.Pointer[leases]

	mu      sync.Mutex // guards the fields below
	m       *slots.Map // nil before SetMap
	members members
	peers   map[slots.NodeID]*Peer // the members with a connection
}

// Peer is a granter as a holder sees it: one connection.
type Peer struct {
	holder *Holder
	id     slots.NodeID
	until  atomic.Int64 // the end of its lease; 0: none

	queue   queue  // holder.mu guards it, and the fields below
	version uint64 // of the prefixes that were sent last
	known   bool   // the granter has them
	over    bool
}

// leases are those that a map asks for. They are never changed, only replaced.
type leases struct {
	m       *slots.Map
	masters []*Peer
	shards  map[slots.NodeID][]*Peer // by owner: it and its replicas
	all     atomic.Int64             // until when the leases of all masters last at least
}

// noPeer stands for members without a connection.
var noPeer = new(Peer)

// NewHolder returns a holder that covers nothing before SetMap. now is any time that is not
// later than those of the other calls.
func NewHolder(lease time.Duration, now time.Time) *Holder {
	return &Holder{lease: lease, base: now, peers: make(map[slots.NodeID]*Peer)}
}

// Watch makes changed hear of changes of the keys under a prefix. It must not block, and
// must not call the holder. With copies, replies to writes wait until it has returned, and
// Covers tells whether these may be served; but they must have been fetched after Covers
// has said so, without a change since.
func (h *Holder) Watch(prefix string, copies bool, changed func(Change)) (stop func()) {
	remove := h.watches.add(Prefix{prefix, copies}, changed)
	h.register(copies)
	return func() {
		remove()
		h.register(false)
	}
}

// register tells every granter of the prefixes. anew says that they have to confirm it
// before anything is covered.
func (h *Holder) register(anew bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.peers {
		if anew {
			p.until.Store(0)
		}
		p.registerLocked()
	}
	h.rebuildLocked()
}

// Watching reports whether there are any prefixes: without, no connections are needed.
func (h *Holder) Watching() bool {
	h.watches.mu.RLock()
	defer h.watches.mu.RUnlock()
	return len(h.watches.list) > 0
}

// SetMap takes in a map that is in force.
func (h *Holder) SetMap(m *slots.Map) {
	h.mu.Lock()
	defer h.mu.Unlock()
	moved := m.Moved(h.m)
	h.m, h.members = m, membersOf(m)
	if !moved.Empty() {
		h.leases.Store(nil) // until copies of the former owners' keys are gone
		h.watches.all(&moved)
	}
	h.rebuildLocked()
}

// Attach returns the holder's end of a new connection to a member.
func (h *Holder) Attach(id slots.NodeID) *Peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if before := h.peers[id]; before != nil {
		before.loseLocked()
	}
	p := &Peer{holder: h, id: id, queue: newQueue()}
	h.peers[id] = p
	p.registerLocked()
	h.rebuildLocked()
	return p
}

// Detach says that the connection has ended. When it returns, nothing is served that
// depended on it.
func (p *Peer) Detach() {
	p.holder.mu.Lock()
	defer p.holder.mu.Unlock()
	p.loseLocked()
}

// loseLocked tells that what the member owns may have changed without a word.
func (p *Peer) loseLocked() {
	h := p.holder
	if p.over {
		return
	}
	p.over = true
	p.until.Store(0)
	p.queue.end()
	delete(h.peers, p.id)
	h.rebuildLocked()
	h.lostLocked(p.id)
}

// lostLocked tells that what a member owns may have changed.
func (h *Holder) lostLocked(id slots.NodeID) {
	if h.m == nil {
		return
	}
	if n := h.m.Node(id); n != nil && n.HasSlots() {
		h.watches.all(n.Slots)
	}
}

// Receive takes in a message of the granter. It returns false if that is none of one.
func (p *Peer) Receive(m *Message, now time.Time) bool {
	h := p.holder
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.over {
		return false
	}
	switch m.Kind {
	case Grant:
		p.grantedLocked(m, now)
	case Key:
		h.watches.key(m.Key)
	case Slot:
		var set slots.Set
		set.Add(m.Slot)
		h.watches.all(&set)
	case All:
		h.lostLocked(p.id)
	default:
		return false
	}
	return true
}

func (p *Peer) grantedLocked(m *Message, now time.Time) {
	h := p.holder
	if m.Version != p.version {
		return // an answer to what was asked before the prefixes changed
	}
	if !p.known { // what changed before was not heard of
		p.known = true
		h.lostLocked(p.id)
	}
	if asked := time.Duration(m.Stamp); m.Granted && asked <= now.Sub(h.base) {
		p.until.Store(max(p.until.Load(), int64(asked+h.lease)))
	}
}

// Acknowledge says that the changes up to number have been put into effect.
func (p *Peer) Acknowledge(number uint64) { p.send(&Message{Kind: Ack, Number: number}) }

// Release gives the lease back, before the connection is closed on purpose.
func (p *Peer) Release() {
	p.holder.mu.Lock()
	defer p.holder.mu.Unlock()
	if p.over {
		return
	}
	p.until.Store(0)
	p.holder.rebuildLocked()
	p.queue.add(&Message{Kind: Release})
}

func (p *Peer) send(m *Message) {
	p.holder.mu.Lock()
	defer p.holder.mu.Unlock()
	p.queue.add(m)
}

// registerLocked sends the prefixes.
func (p *Peer) registerLocked() {
	m := Message{Kind: Register}
	m.Prefixes, m.Version = p.holder.watches.registered()
	p.version = m.Version
	if !p.queue.add(&m) {
		p.queue.end() // its driver gives it up
	}
}

// Renew asks the members for leases. It is called a few times while one lasts.
func (h *Holder) Renew(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil {
		return
	}
	stamp := uint64(now.Sub(h.base))
	for id, p := range h.peers {
		if n := h.m.Node(id); n != nil && len(p.queue.b) < maxQueue {
			p.queue.add(&Message{Kind: Renew, Stamp: stamp, Version: p.version, Digest: h.members.digest(n), Lease: h.lease})
		}
	}
}

// Drain returns what is to be written to the granter; over says that the connection is to
// be given up.
func (p *Peer) Drain(spare []byte) (b []byte, over bool) {
	p.holder.mu.Lock()
	defer p.holder.mu.Unlock()
	return p.queue.drain(spare), p.queue.over
}

// rebuildLocked finds which leases are needed.
func (h *Holder) rebuildLocked() {
	if h.m == nil {
		return
	}
	l := &leases{m: h.m, shards: make(map[slots.NodeID][]*Peer)}
	self := h.m.Self().ID
	for _, n := range h.m.Nodes() {
		p := h.peers[n.ID]
		if p == nil {
			p = noPeer
		}
		failed := n.Health == slots.Failed
		switch {
		case n.ID == self:
		case !n.IsMaster() && !failed:
			l.shards[n.Master] = append(l.shards[n.Master], p)
		case n.IsMaster() && n.HasSlots():
			l.shards[n.ID] = append(l.shards[n.ID], p)
			fallthrough
		case n.IsMaster():
			if !failed {
				l.masters = append(l.masters, p)
			}
		}
	}
	h.leases.Store(l)
}

// Covers reports whether copies of a slot's keys may be served. A node serves no copies of
// what it owns itself.
func (h *Holder) Covers(slot slots.Slot, now time.Time) bool {
	l := h.leases.Load()
	if l == nil || l.m.State() != slots.OK {
		return false
	}
	owner := l.m.Owner(slot)
	if owner == nil || owner.ID == l.m.Self().ID {
		return false
	}
	at := int64(now.Sub(h.base))
	return at < l.mastersUntil(at) && at < earliest(l.shards[owner.ID])
}

// mastersUntil returns until when the leases of all masters last, or a time before that
// but after at.
func (l *leases) mastersUntil(at int64) int64 {
	if known := l.all.Load(); at < known {
		return known
	}
	until := earliest(l.masters)
	l.all.Store(until)
	return until
}

// earliest returns when the first of some leases ends.
func earliest(list []*Peer) int64 {
	end := int64(math.MaxInt64)
	for _, p := range list {
		end = min(end, p.until.Load())
	}
	return end
}
