package keyspace

import "github.com/slotmesh/slotmesh/slots"

// Stats are a store's gauges and counters.
type Stats struct {
	Keys     int    // in all slots
	Expires  int    // of them, with an expiry
	Memory   int64  // bytes in use, see the package comment; what MaxMemory limits
	Reserved int64  // bytes held for them, with gaps and room to grow
	Hits     uint64 // of Tx.Get
	Misses   uint64
	Expired  uint64 // keys removed because their time had come
	Evicted  uint64 // keys removed because memory was short
}

// Stats returns the gauges, and the counters since the start or ResetStats. It takes
// each slot's lock for a moment.
func (s *Store) Stats() Stats {
	st := Stats{Memory: s.Memory(), Reserved: s.reserved.Load(), Evicted: s.evicted.Load()}
	for i := range s.groups {
		g := s.groups[i].Load()
		if g == nil {
			continue
		}
		st.Keys += int(g.keys.Load())
		st.Expires += int(g.expiring.Load())
		for j := range g.tables {
			c := s.usesOf(g, i, j)
			st.Hits += c.hits
			st.Misses += c.misses
			st.Expired += c.expired
		}
	}
	return st
}

// ResetStats sets the counters to zero (CONFIG RESETSTAT).
func (s *Store) ResetStats() {
	s.evicted.Store(0)
	for i := range s.groups {
		g := s.groups[i].Load()
		if g == nil {
			continue
		}
		for j := range g.tables {
			lock, slot := &g.locks[j], slots.Slot(i*groupSize+j)
			lock.Lock()
			if lock.size == heldSize {
				s.holds.of(slot).resetUses = true
			} else {
				g.tables[j].resetUses(lock)
			}
			if all := s.slotUses.Load(); all != nil {
				all[slot] = SlotUse{}
			}
			lock.Unlock()
		}
	}
}

// SlotStats are a slot's gauges and counters. The counters are since the start or
// ResetStats.
type SlotStats struct {
	Keys    int    // with those that expired but have not been removed yet
	Bytes   int64  // what the slot takes of Store.Memory
	Reads   uint64 // keys that were looked for: hits and misses
	Writes  uint64 // changes of keys and of their parts: Ops, also those that were applied or imported
	SlotUse        // zero unless it is counted: see MeasureSlots
}

// SlotStats returns what there is to say of a slot. It takes the slot's lock for a moment,
// unless the slot has never had a key.
func (s *Store) SlotStats(slot slots.Slot) SlotStats {
	g := s.groups[slot/groupSize].Load()
	if g == nil {
		return SlotStats{}
	}
	c := s.usesOf(g, int(slot/groupSize), int(slot%groupSize))
	return SlotStats{Keys: s.Count(slot), Bytes: s.Bytes(slot), Reads: c.hits + c.misses, Writes: c.writes,
		SlotUse: c.SlotUse}
}

// uses is what a slot counts of its use.
type uses struct {
	hits, misses, expired, writes uint64
	SlotUse
}

// usesOf returns the counts of the j-th slot of the i-th group. While the slot is held, they
// are those from before.
func (s *Store) usesOf(g *group, i, j int) (c uses) {
	lock, slot := &g.locks[j], slots.Slot(i*groupSize+j)
	lock.Lock()
	defer lock.Unlock()
	if lock.size != heldSize {
		c = g.tables[j].uses(lock)
	} else if h := s.holds.of(slot); !h.resetUses {
		c = h.uses
	}
	c.SlotUse = s.useOf(slot)
	return c
}

func (t *table) uses(lock *slotLock) uses {
	return uses{hits: uint64(t.wraps)<<32 + uint64(lock.hits), misses: t.misses, expired: t.expired,
		writes: uint64(t.writeWraps)<<32 + uint64(t.writes)}
}

func (t *table) resetUses(lock *slotLock) {
	lock.hits, t.wraps, t.misses, t.expired = 0, 0, 0, 0
	t.writes, t.writeWraps = 0, 0
}

// countWrites counts n changes. The counters stand in the first line of the table, which
// every write changes anyhow.
func (t *table) countWrites(n int) {
	was := t.writes
	if t.writes += uint32(n); t.writes < was {
		t.writeWraps++
	}
}

// Memory returns the bytes in use by keys, values and their bookkeeping; the package
// comment says what counts. It takes no lock.
func (s *Store) Memory() int64 { return s.memory.Load() }
