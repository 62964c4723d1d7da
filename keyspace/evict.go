package keyspace

import (
	"bytes"
	"sync"

	"github.com/slotmesh/slotmesh/slots"
)

// evictor chooses the keys that go when memory is short. It samples like Redis: some keys
// of a random slot join a small pool of the best candidates seen so far, and the best of
// all goes. It never holds more than one slot's lock, and passes over slots that are held.
type evictor struct {
	mu    sync.Mutex // guards all below
	state uint64     // of the random numbers
	pool  []candidate
}

// candidate is a key that may be evicted; the one with the greatest score goes first.
type candidate struct {
	slot  slots.Slot
	key   []byte
	score uint64
}

const (
	poolSize    = 16
	evictBefore = 16 << 10  // bytes that a write evicts at most before it starts
	evictStep   = 256 << 10 // bytes that an ExpireStep evicts at most
	evictRun    = 16        // keys evicted under one hold of the evictor's lock
	evictTries  = 32        // samples in a row without a candidate: nothing is left
)

// makeRoom evicts keys until memory is within the limit, or atMost bytes have gone. It
// returns false if memory is over the limit and nothing is left to evict.
func (s *Store) makeRoom(atMost int64) bool {
	limit, start := s.limit.Load(), s.memory.Load()
	if limit == 0 || s.Passive() {
		return true
	}
	policy := s.Policy()
	if policy == NoEviction {
		return false // let each write see for itself whether it fits
	}
	if start <= limit {
		return true
	}
	for used := start; used > limit && start-used < atMost; used = s.memory.Load() {
		if !s.evictSome(policy, limit) {
			return false
		}
	}
	return true
}

// Room makes room for n more bytes, by eviction if the policy allows it, and reports
// whether there is room. [Store.Import] does not check: its caller asks Room before a
// batch, which is stored as a whole or not at all.
func (s *Store) Room(n int64) bool {
	limit := s.limit.Load()
	if limit == 0 || s.Passive() {
		return true
	}
	policy := s.Policy()
	for s.memory.Load()+n > limit {
		if n > limit || policy == NoEviction || !s.evictSome(policy, limit-n) {
			return false
		}
	}
	return true
}

// evictSome evicts a few keys, so that a write that has much to evict lets other
// goroutines evict in between.
func (s *Store) evictSome(policy Policy, limit int64) bool {
	s.evictor.mu.Lock()
	defer s.evictor.mu.Unlock()
	for n := 0; n < evictRun && s.memory.Load() > limit; n++ {
		if !s.evictOne(policy) {
			return false
		}
	}
	return true
}

// shrinkTo evicts, after a write, twice the bytes by which memory has grown above before.
// So memory over the limit shrinks, however fast and large the writes are.
func (s *Store) shrinkTo(before int64) {
	if now, limit := s.memory.Load(), s.limit.Load(); limit > 0 && now > limit && now > before {
		s.makeRoom(2 * (now - before))
	}
}

// evictOne evicts one key; s.evictor.mu is held.
func (s *Store) evictOne(policy Policy) bool {
	e := &s.evictor
	for tries := 0; tries < evictTries; tries++ {
		slot, ok := s.randomSlot(e.random(), policy.volatile())
		if !ok {
			e.pool = e.pool[:0]
			return false
		}
		if policy == AllKeysRandom || policy == VolatileRandom {
			if s.evictAny(slot, policy) {
				return true
			}
			continue
		}
		s.sampleInto(e, slot, policy)
		for len(e.pool) > 0 {
			best := e.pool[len(e.pool)-1]
			e.pool = e.pool[:len(e.pool)-1]
			if s.evictCandidate(&best, policy) {
				return true
			}
		}
	}
	return false
}

// evictAny evicts a random key of slot.
func (s *Store) evictAny(slot slots.Slot, policy Policy) (gone bool) {
	tx, err := s.begin(slot, true, noWait, nil)
	if err != nil {
		return false
	}
	defer tx.end()
	tx.table.sample(s.evictor.random(), policy.volatile(), func(seg *segment, cell uint32) bool {
		tx.evict(seg.key(cellRef(cell)))
		return false
	})
	return tx.evicted()
}

// evictCandidate evicts c unless it has become a worse choice since it was sampled.
func (s *Store) evictCandidate(c *candidate, policy Policy) (gone bool) {
	tx, err := s.begin(c.slot, true, noWait, nil)
	if err != nil {
		return false
	}
	defer tx.end()
	seg, at := tx.table.find(s.hash(c.key), c.key)
	if at < 0 {
		return false
	}
	rec := seg.record(cellRef(seg.index.cells[at]))
	if policy.volatile() && rec.expireAt == 0 || score(policy, &rec, s.clock.Load()) < c.score {
		return false
	}
	tx.evict(c.key)
	return tx.evicted()
}

func (tx *Tx) evict(key []byte) {
	tx.Notify(EvictedEvents, "evicted", key)
	tx.stage(OpDelete, String, key, nil, 0, tx.store.hash(key), copied)
}

// evicted commits the eviction and reports whether there was one.
func (tx *Tx) evicted() bool {
	if len(tx.ops) == 0 {
		return false
	}
	tx.commit()
	tx.store.evicted.Add(uint64(len(tx.ops)))
	tx.serveGone()
	return true
}

// sampleInto adds some keys of slot to the pool if they are better than what is there.
func (s *Store) sampleInto(e *evictor, slot slots.Slot, policy Policy) {
	tx, err := s.begin(slot, false, noWait, nil)
	if err != nil {
		return
	}
	defer tx.end()
	left, now := s.Samples(), s.clock.Load()
	tx.table.sample(e.random(), policy.volatile(), func(seg *segment, cell uint32) bool {
		rec := seg.record(cellRef(cell))
		e.consider(slot, rec.key, score(policy, &rec, now))
		left--
		return left > 0
	})
}

// score returns how good a choice rec is for eviction; the greatest goes first.
func score(policy Policy, rec *record, now int64) uint64 {
	switch policy {
	case AllKeysLFU, VolatileLFU:
		return lfuMax - uint64(lfuCounter(rec.access, now))
	case VolatileTTL:
		return never - uint64(max(rec.expireAt, 0))
	}
	return uint64(idleSeconds(rec.access, now))
}

// consider puts a key into the pool, which is sorted with the best candidate last.
func (e *evictor) consider(slot slots.Slot, key []byte, score uint64) {
	at := len(e.pool)
	for at > 0 && e.pool[at-1].score > score {
		at--
	}
	for _, c := range e.pool {
		if c.slot == slot && bytes.Equal(c.key, key) {
			return
		}
	}
	c := candidate{slot: slot, key: bytes.Clone(key), score: score}
	switch {
	case len(e.pool) < poolSize:
		e.pool = append(e.pool, candidate{})
		copy(e.pool[at+1:], e.pool[at:])
		e.pool[at] = c
	case at > 0: // the worst one goes
		copy(e.pool[:at-1], e.pool[1:at])
		e.pool[at-1] = c
	}
}

// random returns the next number of a xorshift generator.
func (e *evictor) random() uint64 {
	e.state ^= e.state << 13
	e.state ^= e.state >> 7
	e.state ^= e.state << 17
	return e.state * 0x2545f4914f6cdd1d
}

// randomSlot returns a slot, each with a chance in proportion to its number of keys, or
// of keys with an expiry. It returns false if there is none.
func (s *Store) randomSlot(rand uint64, volatile bool) (slots.Slot, bool) {
	var total int64
	for i := range s.groups {
		total += s.groups[i].Load().weight(volatile)
	}
	if total <= 0 {
		return 0, false
	}
	rest := int64(rand % uint64(total))
	for i := range s.groups {
		g := s.groups[i].Load()
		if w := g.weight(volatile); rest >= w {
			rest -= w
			continue
		}
		for j := range g.seen {
			w := g.seen[j].weight(volatile)
			if rest < w {
				return slots.Slot(i*groupSize + j), true
			}
			rest -= w
		}
		rest = 0 // the numbers changed meanwhile: take the next one there is
	}
	return s.anySlot(volatile)
}

// anySlot returns the first slot with keys.
func (s *Store) anySlot(volatile bool) (slots.Slot, bool) {
	for i := range s.groups {
		g := s.groups[i].Load()
		if g.weight(volatile) <= 0 {
			continue
		}
		for j := range g.seen {
			if g.seen[j].weight(volatile) > 0 {
				return slots.Slot(i*groupSize + j), true
			}
		}
	}
	return 0, false
}

func (g *group) weight(volatile bool) int64 {
	if g == nil {
		return 0
	}
	if volatile {
		return g.expiring.Load()
	}
	return g.keys.Load()
}

func (n *seen) weight(volatile bool) int64 {
	if volatile {
		return n.expiring.Load()
	}
	return n.keys.Load()
}

// sample calls visit for entries from a random place on, until it returns false or
// all have been visited.
func (t *table) sample(rand uint64, volatile bool, visit func(s *segment, cell uint32) bool) {
	if t.sum.keys == 0 || volatile && t.sum.expiring == 0 {
		return
	}
	prefix := uint32(rand >> (64 - prefixBits))
	for left := int64(1 << prefixBits); left > 0; {
		seg := t.segmentAt(prefix)
		if seg.index.n > 0 && !(volatile && seg.volatiles == 0) && !seg.sample(uint32(rand), volatile, visit) {
			return
		}
		width := uint32(1) << (prefixBits - seg.depth)
		prefix = (seg.prefix + width) % (1 << prefixBits)
		left -= int64(width)
	}
}

func (s *segment) sample(rand uint32, volatile bool, visit func(s *segment, cell uint32) bool) bool {
	n := len(s.index.cells)
	start := int(rand % uint32(n))
	for i := range n {
		cell := s.index.cells[(start+i)%n]
		if cell == 0 || volatile && s.arena.at(cellRef(cell))[0]&flagExpires == 0 {
			continue
		}
		if !visit(s, cell) {
			return false
		}
	}
	return true
}
