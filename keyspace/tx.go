package keyspace

import (
	"iter"

	"github.com/slotmesh/slotmesh/slots"
)

// Entry is a key's value and what belongs to it.
type Entry struct {
	Type     Type
	Value    []byte // aliases the store: read only, valid until the transaction's function returns
	ExpireAt int64  // Unix milliseconds, 0 = never
	Version  uint64 // changes with each change of the key
}

// Tx is a transaction on one slot. It is valid only inside the function it was given to,
// and only on that function's goroutine.
//
// Writes are staged: reads of the same transaction see them, and the tables change when
// the function has returned nil. So a failed transaction leaves nothing to undo, and a
// Value that was read does not change while the transaction writes, even to the same key.
type Tx struct {
	store    *Store
	table    *table
	lock     *slotLock
	hold     *Hold // nil: the transaction keeps the mutex
	slot     slots.Slot
	writable bool
	full     bool               // nothing is left to evict
	exceed   bool               // see Exceed
	mode     uint32             // policy, passive and classes of events, see settings
	now      int64              // 0 = not asked for yet
	score    [zsetScoreLen]byte // on its way into the store
	staging

	opened      []opened             // collections that were looked at
	openedByKey map[string]int       // their numbers, kept once there are more than manyOpened
	undos       []undo               // in order
	position    [2][positionLen]byte // the part of a list's element that a call is about; here it needs no memory
	part        []byte               // the same for a part of a stream, kept for the next transaction
	partValue   []byte               // and its value
	serving

	origin  any     // see SetOrigin
	inParts inParts // see Carry
}

// Slot returns the slot the transaction is on.
func (tx *Tx) Slot() slots.Slot { return tx.slot }

// Now returns the time of the transaction in Unix milliseconds; it stands still until
// the transaction ends.
func (tx *Tx) Now() int64 {
	if tx.now == 0 {
		tx.now = tx.store.tick()
	}
	return tx.now
}

// Len returns the number of keys in the slot, with those that expired but have not been
// removed yet.
func (tx *Tx) Len() int { return tx.table.sum.keys + tx.grownKeys }

// Get returns the entry of key and counts as a use of it. An expired key is not there.
func (tx *Tx) Get(key []byte) (Entry, bool) {
	hash := tx.store.hash(key)
	if len(tx.ops) == 0 { // the shortest way for the most frequent call
		if at, b, h := tx.locate(hash, key); at >= 0 {
			expireAt := h.expireAt(b)
			if expireAt == 0 || expireAt > tx.Now() {
				version := h.version(b)
				tx.hit()
				tx.use(b, version)
				return Entry{Type: h.typ(b), Value: tx.value(hash, b, h), ExpireAt: expireAt, Version: version}, true
			}
			rec := tx.recordAt(hash, b, h)
			tx.lapsed(&rec)
		}
		tx.table.misses++
		return Entry{}, false
	}
	rec, ok := tx.find(hash, key)
	if !ok {
		tx.table.misses++
		return Entry{}, false
	}
	tx.hit()
	return rec.entry(), true
}

// value returns the value of the entry at the beginning of b.
func (tx *Tx) value(hash uint64, b []byte, h head) []byte {
	if h.flags&flagLarge == 0 {
		return h.valueIn(b)
	}
	g := &tx.table.segment(hash).larges.list[h.value]
	if text := g.coll.text(); text != nil {
		return text.contiguous()
	}
	return g.value
}

func (tx *Tx) hit() {
	if tx.lock.hits++; tx.lock.hits == 0 {
		tx.table.wraps++
	}
}

// Peek is Get, but does not count as a use, a hit or a miss.
func (tx *Tx) Peek(key []byte) (Entry, bool) {
	rec, ok := tx.find(tx.store.hash(key), key)
	if !ok {
		return Entry{}, false
	}
	return rec.entry(), true
}

// Version returns a number that changes whenever key changes, goes or comes back. For a
// key that is not there it may also change when another key of the slot goes. See
// also [Tx.ChangedSince].
func (tx *Tx) Version(key []byte) uint64 {
	hash := tx.store.hash(key)
	if rec, ok := tx.find(hash, key); ok {
		return rec.version
	}
	if i := tx.staged(hash, key); i >= 0 {
		return tx.ops[i].Version
	}
	return tx.table.segment(hash).deleted
}

// Size returns the bytes of memory that key takes up, 0 if it is not there.
func (tx *Tx) Size(key []byte) int64 {
	rec, ok := tx.find(tx.store.hash(key), key)
	if !ok {
		return 0
	}
	return rec.footprint()
}

// Put stores value under key; expireAt is in Unix milliseconds, 0 for never. key and
// value are copied. It returns ErrOutOfMemory if the memory limit is reached and
// nothing may be evicted.
func (tx *Tx) Put(key []byte, typ Type, value []byte, expireAt int64) error {
	tx.mustWrite()
	return tx.put(tx.store.hash(key), key, typ, value, expireAt, copied)
}

func (tx *Tx) put(hash uint64, key []byte, typ Type, value []byte, expireAt int64, how lending) error {
	if tx.mode&eventMask != 0 {
		tx.noteNew(hash, key)
	}
	at, segment, fresh := -1, (*segment)(nil), false
	there, size := false, int64(0) // the key, and what it takes up now
	if o := tx.dirtied(hash, key); o != nil {
		var rec record
		if rec, there = o.record(); there {
			size = rec.footprint()
		}
	} else if i := tx.staged(hash, key); i >= 0 {
		if tx.ops[i].Kind != OpDelete {
			rec, _ := tx.stagedRecord(i)
			there, size = true, rec.footprint()
		}
	} else {
		var b []byte
		var h head
		at, b, h = tx.locate(hash, key)
		segment = tx.table.segment(hash)
		there, fresh = at >= 0, at < 0
		if there {
			size = segment.footprintAt(b, h)
		}
		if there && len(tx.ops) == 0 && h.flags&(flagLarge|flagExpires) == 0 {
			tx.entry = b[:h.size()]
		}
	}
	growth := footprint(len(key), len(value), expireAt) - size
	if err := tx.room(segment, growth); err != nil {
		return err
	}
	tx.grownBytes += growth
	if !there {
		tx.grownKeys++
	}
	if len(tx.ops) == 0 {
		tx.first, tx.firstAt = segment, at
	}
	tx.stage(OpPut, typ, key, value, expireAt, hash, how).fresh = fresh
	tx.outdate(hash, key)
	return nil
}

// Expire sets when key expires, in Unix milliseconds, 0 for never. It reports whether
// the key is there.
func (tx *Tx) Expire(key []byte, expireAt int64) bool {
	tx.mustWrite()
	hash := tx.store.hash(key)
	if _, ok := tx.find(hash, key); !ok {
		return false
	}
	tx.stage(OpExpire, String, key, nil, expireAt, hash, copied)
	if i := tx.findOpened(hash, key); i >= 0 {
		tx.opened[i].expireAt, tx.opened[i].version = expireAt, tx.version
	}
	return true
}

// Delete removes key and reports whether it was there.
func (tx *Tx) Delete(key []byte) bool {
	tx.mustWrite()
	hash := tx.store.hash(key)
	rec, ok := tx.find(hash, key)
	if !ok {
		return false
	}
	tx.grownKeys--
	tx.grownBytes -= rec.footprint()
	tx.stage(OpDelete, String, key, nil, 0, hash, copied)
	tx.outdate(hash, key)
	return true
}

// All yields the keys of the slot in no particular order. The transaction may write while
// it runs; keys that it adds meanwhile are not yielded. Key and Value alias the store.
func (tx *Tx) All() iter.Seq2[[]byte, Entry] {
	return func(yield func([]byte, Entry) bool) {
		before, opened := len(tx.ops), len(tx.opened)
		stopped := false
		tx.table.walk(0, tx.store.hash, func(s *segment, cell uint32) verdict {
			key := s.key(cellRef(cell))
			if rec, ok := tx.find(tx.store.hash(key), key); ok && !yield(key, rec.entry()) {
				stopped = true
				return again
			}
			return more
		})
		for i := 0; i < before && !stopped; i++ {
			if tx.plans[i].fresh {
				if rec, ok := tx.find(tx.plans[i].hash, tx.ops[i].Key); ok {
					stopped = !yield(tx.ops[i].Key, rec.entry())
				}
			}
		}
		for i := 0; i < opened && !stopped; i++ {
			if tx.opened[i].created {
				if rec, ok := tx.find(tx.opened[i].hash, tx.opened[i].key); ok {
					stopped = !yield(tx.opened[i].key, rec.entry())
				}
			}
		}
	}
}

// find returns key as the transaction sees it.
func (tx *Tx) find(hash uint64, key []byte) (record, bool) {
	if o := tx.dirtied(hash, key); o != nil {
		rec, ok := o.record()
		return rec, ok && (rec.expireAt == 0 || rec.expireAt > tx.Now())
	}
	if i := tx.staged(hash, key); i >= 0 {
		return tx.stagedRecord(i)
	}
	at, b, h := tx.locate(hash, key)
	if at < 0 {
		return record{}, false
	}
	rec := tx.recordAt(hash, b, h)
	if tx.lapsed(&rec) {
		return record{}, false
	}
	return rec, true
}

// recordAt decodes what locate found. It reads the table only if it must, because that is
// another cache line.
func (tx *Tx) recordAt(hash uint64, b []byte, h head) record {
	if h.flags&flagLarge == 0 {
		return recordIn(b, h)
	}
	return tx.table.segment(hash).recordAt(b, h)
}

// stagedRecord returns the entry of its key as the staged op i makes it.
func (tx *Tx) stagedRecord(i int) (record, bool) {
	op, n := &tx.ops[i], &tx.plans[i]
	var rec record
	switch op.Kind {
	default: // gone, or an opened collection has replaced it
		return record{}, false
	case OpPut:
		rec = record{typ: op.Type, key: op.Key, value: op.Value, access: newAccess(tx.policy(), tx.store.clock.Load())}
	case OpExpire:
		if before := tx.stagedBefore(i); before >= 0 {
			rec, _ = tx.stagedRecord(before)
		} else if s, at := tx.table.find(n.hash, op.Key); at >= 0 {
			rec = s.record(cellRef(s.index.cells[at]))
		}
	}
	rec.expireAt, rec.version = op.ExpireAt, op.Version
	if n.hasAccess {
		rec.access = n.access
	}
	return rec, rec.expireAt == 0 || rec.expireAt > tx.Now()
}

// lapsed reports whether rec has expired. If this node decides about expiry, its
// removal is staged, so that replicas hear of it.
func (tx *Tx) lapsed(rec *record) bool {
	if rec.expireAt == 0 || rec.expireAt > tx.Now() {
		return false
	}
	if tx.mode&passiveMode == 0 {
		tx.grownKeys--
		tx.grownBytes -= rec.footprint()
		tx.Notify(ExpiredEvents, "expired", rec.key)
		tx.stage(OpDelete, String, rec.key, nil, 0, tx.store.hash(rec.key), copied).lapse = true
	}
	return true
}

// room returns an error if there is no room for growth more bytes. s is the segment that
// they would go to, if that is known.
func (tx *Tx) room(s *segment, growth int64) error {
	if tx.full && !tx.exceed {
		used, limit := tx.store.memory.Load()+tx.grownBytes, tx.store.limit.Load()
		if limit > 0 && max(used, used+growth) > limit {
			return ErrOutOfMemory
		}
	}
	if s != nil && (s.depth == prefixBits || s.stuck > 2) && int64(s.live)+tx.grownBytes+growth > arenaLimit/2 {
		return errFlood
	}
	return nil
}

// Short reports whether the memory limit is exceeded and nothing may be evicted.
func (tx *Tx) Short() bool {
	limit := tx.store.limit.Load()
	return tx.full && limit > 0 && tx.store.memory.Load()+tx.grownBytes > limit
}

// Exceed says whether the transaction's writes may exceed the memory limit from now on:
// for what must not stop half-way.
func (tx *Tx) Exceed(may bool) { tx.exceed = may }

func (tx *Tx) policy() Policy { return Policy(tx.mode & policyMask) }

func (tx *Tx) mustWrite() {
	if !tx.writable {
		panic("keyspace: write in a View transaction")
	}
}

func (r *record) entry() Entry {
	if text := r.coll.text(); text != nil {
		return Entry{Type: String, Value: text.contiguous(), ExpireAt: r.expireAt, Version: r.version}
	}
	return r.bare()
}

// bare is entry without the value of a long string that was changed in part.
func (r *record) bare() Entry {
	return Entry{Type: r.typ, Value: r.value, ExpireAt: r.expireAt, Version: r.version}
}

// footprintAt is the footprint of the entry that stands at the beginning of b.
func (s *segment) footprintAt(b []byte, h head) int64 {
	if h.flags&flagLarge == 0 {
		return int64(h.size()) + indexShare
	}
	rec := s.recordAt(b, h)
	return rec.footprint()
}

// footprint estimates the memory of the entry, with a collection's.
func (r *record) footprint() int64 {
	n := footprint(len(r.key), len(r.value), r.expireAt)
	if r.coll != nil {
		n += largeOverhead + r.coll.bytes()
	}
	return n
}

// footprint estimates the memory of an entry: what it takes in the arena (or
// outside) and its share of the index.
func footprint(key, value int, expireAt int64) int64 {
	rec := record{expireAt: expireAt}
	if isLarge(key, value) {
		n := lengthsAt + 4 + fixedLen(flagExpires) + largeOverhead + value
		return int64(n+key) + indexShare
	}
	rec.shape()
	return int64(lengthsAt+varintLen(key)+varintLen(value)+fixedLen(rec.flags)+key+value) + indexShare
}

const indexShare = 5 // bytes of the index per entry, on average
