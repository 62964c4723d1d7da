package keyspace

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
			t := &g.tables[j]
			g.locks[j].Lock()
			st.Hits += t.wraps<<32 + uint64(g.locks[j].hits)
			st.Misses += t.misses
			st.Expired += t.expired
			g.locks[j].Unlock()
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
			t := &g.tables[j]
			g.locks[j].Lock()
			g.locks[j].hits, t.wraps, t.misses, t.expired = 0, 0, 0, 0
			g.locks[j].Unlock()
		}
	}
}

// Memory returns the bytes in use by keys, values and their bookkeeping; the package
// comment says what counts. It takes no lock.
func (s *Store) Memory() int64 { return s.memory.Load() }
