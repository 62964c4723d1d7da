package keyspace

import (
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Config configures a Store. The zero value is a store without a memory limit.
type Config struct {
	MaxMemory int64            // bytes, see the package comment for what counts; 0 = no limit
	Policy    Policy           // what to evict when MaxMemory is reached
	Samples   int              // keys looked at for one eviction; 0 = 5
	Now       func() time.Time // nil = time.Now
	Sink      Sink             // receives committed Ops; may be nil
}

// Store holds the keys of one node, partitioned by slot. It is safe for concurrent use;
// transactions on different slots run in parallel. Its functions must not be called from
// within a transaction's function or the Sink: the slot's lock is held there.
type Store struct {
	cfg    Config
	seed   maphash.Seed // of the hash: keys from outside cannot be chosen to collide
	groups [slots.Count / groupSize]atomic.Pointer[group]
	txs    sync.Pool // of *Tx

	memory   atomic.Int64 // bytes in use
	reserved atomic.Int64 // bytes held
	evicted  atomic.Uint64
	clock    atomic.Int64 // Unix ms, coarse: as of the last tick

	limit   atomic.Int64 // MaxMemory
	samples atomic.Int64
	mode    atomic.Uint32 // policy, passive and classes of events

	encodings atomic.Pointer[Encodings]
	staged    atomic.Int64 // staged keys of all slots

	expirer expirer
	evictor evictor
	waiting waiting
	holds   holds

	slotUses   atomic.Pointer[slotUses] // nil: they are not counted
	watchers   watchers
	tellEvents atomic.Pointer[func(slots.Slot, []Event)] // nil: there is nobody to tell
}

// The mode holds what each transaction has to know in one word.
const (
	policyMask  = 0xff
	passiveMode = 0x100
	noTouchMode = 1 << 31 // of a single transaction
)

const groupSize = 128

// group is a run of slots. Groups come into being with the first write to one of their
// slots, so an empty store is small, and their totals spare callers the look at each slot.
type group struct {
	locks  [groupSize]slotLock
	tables [groupSize]table
	seen   [groupSize]seen
	// transfers of each slot, nil if there were none; guarded by the slot's lock.
	transfers [groupSize]*transfers

	keys     atomic.Int64
	expiring atomic.Int64
	due      atomic.Int64 // no entry of the group expires before
}

// New returns an empty store.
func New(cfg Config) *Store { return newStore(cfg, rand.Uint64()) }

// newStore is New with a seed for the random numbers. The layout of the tables still
// differs from process to process, see Store.hash.
func newStore(cfg Config, seed uint64) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Store{cfg: cfg, seed: maphash.MakeSeed()}
	s.txs.New = func() any { return &Tx{store: s} }
	s.evictor.state = seed | 1
	s.SetMaxMemory(cfg.MaxMemory)
	s.SetPolicy(cfg.Policy)
	s.SetSamples(cfg.Samples)
	s.SetEncodings(DefaultEncodings())
	s.tick()
	return s
}

// Now returns the time by the store's clock.
func (s *Store) Now() time.Time { return s.cfg.Now() }

// tick reads the clock, and advances the coarse clock.
func (s *Store) tick() int64 {
	now := s.cfg.Now().UnixMilli()
	if coarse := s.clock.Load(); now >= coarse+50 || now < coarse {
		s.clock.Store(now)
	}
	return now
}

// unused reports whether the slot has never had a key: it need not be locked then.
func (s *Store) unused(slot slots.Slot) bool { return s.groups[slot/groupSize].Load() == nil }

func (s *Store) newGroup(slot slots.Slot) *group {
	g := &group{}
	g.due.Store(never)
	for i := range g.tables {
		g.tables[i].clear(0)
		g.seen[i].due.Store(never)
	}
	s.groups[slot/groupSize].CompareAndSwap(nil, g)
	return s.groups[slot/groupSize].Load()
}

// publishCounts publishes the totals that a commit changed; was is the table's totals
// before. The slot's lock is held.
func (s *Store) publishCounts(slot slots.Slot, t *table, was totals) {
	g := s.groups[slot/groupSize].Load()
	g.locks[slot%groupSize].follow(t)
	if t.sum == was && t.due == never {
		return
	}
	seen := &g.seen[slot%groupSize]
	if n := t.sum.keys - was.keys; n != 0 {
		seen.keys.Store(int64(t.sum.keys))
		g.keys.Add(int64(n))
	}
	if n := t.sum.expiring - was.expiring; n != 0 {
		seen.expiring.Store(int64(t.sum.expiring))
		g.expiring.Add(int64(n))
	}
	if n := t.sum.bytes - was.bytes; n != 0 {
		seen.bytes.Store(t.sum.bytes)
		s.memory.Add(n)
	}
	if n := t.sum.held - was.held; n != 0 {
		s.reserved.Add(n)
	}
	if t.due < seen.due.Load() {
		seen.due.Store(t.due)
		g.hasten(t.due)
	}
}

// hasten lowers the group's due time to at most due.
func (g *group) hasten(due int64) {
	for {
		now := g.due.Load()
		if now <= due || g.due.CompareAndSwap(now, due) {
			return
		}
	}
}

// Barrier takes and leaves the lock of each slot in set: when it returns, every
// transaction that began on one of them before the call has ended. Those that last (see
// [Hold]) are asked to end, with ErrInterrupted.
func (s *Store) Barrier(set *slots.Set) {
	interrupted := s.holds.interrupt(set)
	for slot := range set.All() {
		if !s.unused(slot) {
			s.pass(slot)
		}
	}
	for _, h := range interrupted {
		h.enders.Done()
	}
}

// Count returns the number of keys in slot, with those that expired but have not been
// removed yet. It takes no lock.
func (s *Store) Count(slot slots.Slot) int {
	if g := s.groups[slot/groupSize].Load(); g != nil {
		return int(g.seen[slot%groupSize].keys.Load())
	}
	return 0
}

// Bytes returns what slot takes of [Store.Memory]. It takes no lock.
func (s *Store) Bytes(slot slots.Slot) int64 {
	if g := s.groups[slot/groupSize].Load(); g != nil {
		return g.seen[slot%groupSize].bytes.Load()
	}
	return 0
}

// Len returns the number of keys in all slots. It takes no lock.
func (s *Store) Len() int {
	n := int64(0)
	for i := range s.groups {
		if g := s.groups[i].Load(); g != nil {
			n += g.keys.Load()
		}
	}
	return int(n)
}

// Keys returns copies of at most n keys of slot.
func (s *Store) Keys(slot slots.Slot, n int) [][]byte {
	list, _ := s.keys(slot, n, untilFree, nil)
	return list
}

// TryKeys is Keys that gives up waiting for a slot as [Store.TryUpdate] does.
func (s *Store) TryKeys(slot slots.Slot, n int, done <-chan struct{}) ([][]byte, error) {
	return s.keys(slot, n, untilBusy, done)
}

func (s *Store) keys(slot slots.Slot, n int, how waitLimit, done <-chan struct{}) (list [][]byte, err error) {
	if s.Count(slot) == 0 || n <= 0 {
		return nil, nil
	}
	err = s.view(slot, how, done, func(tx *Tx) error {
		for key := range tx.All() {
			list = append(list, append([]byte(nil), key...))
			if len(list) >= n {
				break
			}
		}
		return nil
	})
	return list, err
}

// Drop removes all keys of slot, in constant time, and returns how many there were. The
// Sink gets an OpDrop if there were any.
func (s *Store) Drop(slot slots.Slot) int { return s.DropIf(slot, func() bool { return true }) }

// DropIf is Drop if allowed returns true. It calls allowed under the slot's lock; allowed
// must not wait.
func (s *Store) DropIf(slot slots.Slot, allowed func() bool) int {
	n, _ := s.drop(slot, untilFree, nil, allowed)
	return n
}

// TryDropIf is DropIf that gives up waiting for a slot as [Store.TryUpdate] does.
func (s *Store) TryDropIf(slot slots.Slot, done <-chan struct{}, allowed func() bool) (int, error) {
	return s.drop(slot, untilBusy, done, allowed)
}

func (s *Store) drop(slot slots.Slot, how waitLimit, done <-chan struct{}, allowed func() bool) (int, error) {
	if s.unused(slot) {
		return 0, nil
	}
	var served []*Waiter
	defer func() { wakeAll(served) }()
	t, lock, err := s.enter(slot, how, done)
	if err != nil {
		return 0, err
	}
	defer s.unlock(slot)
	was := t.sum
	if was.keys == 0 || !allowed() {
		return 0, nil
	}
	t.version++
	t.clear(t.version)
	s.publishCounts(slot, t, was)
	dropped := Op{Kind: OpDrop, Slot: slot, Version: t.version}
	s.commitOne(t, dropped)
	served = s.serveOutside(slot, t, lock, []Op{dropped}, false)
	return was.keys, nil
}

// Clear drops all slots, one after the other; the Sink gets an OpDrop for each that
// was not empty.
func (s *Store) Clear() {
	for slot := range slots.Slot(slots.Count) {
		if s.Count(slot) > 0 {
			s.Drop(slot)
		}
	}
}

// commitOne is publish for one op.
func (s *Store) commitOne(t *table, op Op) {
	ops := [1]Op{op}
	s.publish(op.Slot, t, ops[:], nil)
}

// publish hands ops that were carried out to the Sink, to what watches, and to the dumps
// whose copies they change. The slot's lock is held.
func (s *Store) publish(slot slots.Slot, t *table, ops []Op, origin any) {
	t.countWrites(len(ops))
	s.watchers.tell(slot, ops, origin)
	if t.copying {
		for p := t.precopies; p != nil; p = p.other {
			p.note(ops)
		}
	}
	if s.cfg.Sink != nil && len(ops) > 0 {
		s.cfg.Sink.Commit(slot, ops)
	}
}
