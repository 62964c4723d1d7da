package keyspace

import "time"

// SetMaxMemory changes the memory limit, in bytes; 0 or less is none. Memory over a new
// limit is given up bit by bit by the writes and ExpireSteps that follow.
func (s *Store) SetMaxMemory(bytes int64) { s.limit.Store(max(bytes, 0)) }

// MaxMemory returns the memory limit, 0 for none.
func (s *Store) MaxMemory() int64 { return s.limit.Load() }

// SetPolicy changes what is evicted when memory is short.
func (s *Store) SetPolicy(p Policy) { s.setMode(policyMask, uint32(p)) }

// Policy returns the eviction policy.
func (s *Store) Policy() Policy { return Policy(s.mode.Load() & policyMask) }

// SetSamples changes how many keys are looked at for one eviction; 0 or less is 5.
func (s *Store) SetSamples(n int) {
	if n <= 0 {
		n = 5
	}
	s.samples.Store(int64(n))
}

// Samples returns how many keys are looked at for one eviction.
func (s *Store) Samples() int { return int(s.samples.Load()) }

// SetBusyAfter changes how long a [Hold] lasts before TryUpdate and the like give up waiting
// for its slot; 0 or less, as in a new store, is without end.
func (s *Store) SetBusyAfter(d time.Duration) { s.holds.busyAfter.Store(int64(max(d, 0))) }

// BusyAfter returns what SetBusyAfter set, 0 for without end.
func (s *Store) BusyAfter() time.Duration { return time.Duration(s.holds.busyAfter.Load()) }

// SetPassive says whether this store follows another one, as a replica's does. A
// passive store reads expired keys as absent but keeps them until its master says
// that they are gone, evicts nothing and refuses nothing for want of memory.
func (s *Store) SetPassive(passive bool) {
	if passive {
		s.setMode(passiveMode, passiveMode)
	} else {
		s.setMode(passiveMode, 0)
	}
}

// Passive reports what SetPassive set.
func (s *Store) Passive() bool { return s.mode.Load()&passiveMode != 0 }

func (s *Store) setMode(mask, bits uint32) {
	for {
		old := s.mode.Load()
		if s.mode.CompareAndSwap(old, old&^mask|bits&mask) {
			return
		}
	}
}
