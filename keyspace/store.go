package keyspace

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Config configures a Store. The zero value is a store without a memory limit.
type Config struct {
	MaxMemory int64            // bytes; 0 = no limit
	Policy    Policy           // what to evict when MaxMemory is reached
	Samples   int              // keys looked at for one eviction; 0 = 5
	Now       func() time.Time // nil = time.Now
	Sink      Sink             // receives committed Ops; nil = nobody
}

// Store holds the keys of one node, partitioned by slot. It is safe for
// concurrent use; transactions on different slots run in parallel.
type Store struct {
	cfg    Config
	table  [slots.Count]slotTable
	memory atomic.Int64
}

type slotTable struct {
	mu      sync.Mutex // guards all below
	entries map[string]*entry
	version uint64 // of the last change
	deleted uint64 // version of the last removal
	tx      Tx
}

type entry struct {
	Entry
}

// New returns an empty store.
func New(cfg Config) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{cfg: cfg}
}

// View runs fn with read access to a slot, under the slot's lock. It returns fn's
// error.
func (s *Store) View(slot slots.Slot, fn func(*Tx) error) error {
	t := &s.table[slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	return fn(t.begin(s, slot, false))
}

// Update runs fn with read and write access to a slot, under the slot's lock. If fn
// returns an error (or panics), nothing has happened; otherwise all changes are
// visible at once and their Ops have gone to the Sink.
func (s *Store) Update(slot slots.Slot, fn func(*Tx) error) error {
	t := &s.table[slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	tx := t.begin(s, slot, true)
	defer tx.end()
	if err := fn(tx); err != nil {
		return err
	}
	tx.commit()
	return nil
}

// Apply carries out an Op of another node or a file, without sending it to
// the Sink.
func (s *Store) Apply(op Op) error {
	t := &s.table[op.Slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apply(s, op)
	return nil
}

// Barrier takes and leaves the lock of each slot in set: when it returns, every
// transaction that began on one of them before the call has ended.
func (s *Store) Barrier(set *slots.Set) {
	for slot := range set.All() {
		s.table[slot].mu.Lock()
		s.table[slot].mu.Unlock() //nolint:staticcheck // an empty critical section is the point
	}
}

// Count returns the number of keys in slot.
func (s *Store) Count(slot slots.Slot) int {
	t := &s.table[slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}

// Len returns the number of keys in all slots.
func (s *Store) Len() int {
	n := 0
	for slot := range slots.Slot(slots.Count) {
		n += s.Count(slot)
	}
	return n
}

// Keys returns copies of at most n keys of slot.
func (s *Store) Keys(slot slots.Slot, n int) [][]byte {
	t := &s.table[slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	var list [][]byte
	for key := range t.entries {
		if len(list) >= n {
			break
		}
		list = append(list, []byte(key))
	}
	return list
}

// Drop removes all keys of slot and returns how many there were. The Sink gets an
// OpDrop if there were any.
func (s *Store) Drop(slot slots.Slot) int {
	t := &s.table[slot]
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.entries)
	t.entries = nil
	t.version++
	t.deleted = t.version
	if n > 0 && s.cfg.Sink != nil {
		s.cfg.Sink.Commit(slot, []Op{{Kind: OpDrop, Slot: slot, Version: t.version}})
	}
	return n
}

// Memory returns the bytes in use by keys, values and their bookkeeping.
func (s *Store) Memory() int64 { return s.memory.Load() }
