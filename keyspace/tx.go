package keyspace

import (
	"bytes"

	"github.com/slotmesh/slotmesh/slots"
)

// Entry is a key's value and what belongs to it.
type Entry struct {
	Type     Type
	Value    []byte // aliases the store: valid until the transaction's function returns
	ExpireAt int64  // Unix milliseconds, 0 = never
	Version  uint64 // grows with each change of the key within its slot
}

// Tx is a transaction on one slot. It is valid only inside the function it
// was given to, and only on that function's goroutine.
type Tx struct {
	store    *Store
	table    *slotTable
	slot     slots.Slot
	writable bool
	now      int64
	undo     []undo
	ops      []Op
	done     bool
}

type undo struct {
	key string
	old *entry
}

func (t *slotTable) begin(s *Store, slot slots.Slot, writable bool) *Tx {
	t.tx = Tx{store: s, table: t, slot: slot, writable: writable, now: s.cfg.Now().UnixMilli(), undo: t.tx.undo[:0], ops: t.tx.ops[:0]}
	return &t.tx
}

func (tx *Tx) commit() {
	tx.done = true
	if tx.store.cfg.Sink != nil && len(tx.ops) > 0 {
		tx.store.cfg.Sink.Commit(tx.slot, tx.ops)
	}
}

func (tx *Tx) end() {
	if tx.done {
		return
	}
	for i := len(tx.undo) - 1; i >= 0; i-- {
		u := tx.undo[i]
		if u.old == nil {
			delete(tx.table.entries, u.key)
		} else {
			tx.table.entries[u.key] = u.old
		}
	}
}

// Slot returns the slot the transaction is on.
func (tx *Tx) Slot() slots.Slot { return tx.slot }

// Now returns the time of the transaction in Unix milliseconds; it stands
// still until the transaction ends.
func (tx *Tx) Now() int64 { return tx.now }

// Len returns the number of keys in the slot.
func (tx *Tx) Len() int { return len(tx.table.entries) }

// Get returns the entry of key and counts as a use of it. An expired key is
// not there.
func (tx *Tx) Get(key []byte) (Entry, bool) { return tx.Peek(key) }

// Peek is Get, but does not count as a use.
func (tx *Tx) Peek(key []byte) (Entry, bool) {
	e := tx.table.entries[string(key)]
	if e == nil || (e.ExpireAt != 0 && e.ExpireAt <= tx.now) {
		return Entry{}, false
	}
	return e.Entry, true
}

// Version returns a number that changes whenever key changes; for a key that is
// not there, whenever a key of the slot is removed. WATCH compares it.
func (tx *Tx) Version(key []byte) uint64 {
	if e, ok := tx.Peek(key); ok {
		return e.Version
	}
	return tx.table.deleted
}

// Put stores value under key; expireAt is in Unix milliseconds, 0 for never. key
// and value are copied. It returns ErrOutOfMemory if the memory limit is reached
// and nothing may be evicted.
func (tx *Tx) Put(key []byte, typ Type, value []byte, expireAt int64) error {
	tx.mustWrite()
	tx.set(string(key), &entry{Entry{Type: typ, Value: bytes.Clone(value), ExpireAt: expireAt, Version: tx.nextVersion()}})
	tx.ops = append(tx.ops, Op{Kind: OpPut, Type: typ, Slot: tx.slot, Key: key, Value: value, ExpireAt: expireAt, Version: tx.table.version})
	return nil
}

// Expire sets when key expires, in Unix milliseconds, 0 for never. It reports
// whether the key is there.
func (tx *Tx) Expire(key []byte, expireAt int64) bool {
	tx.mustWrite()
	e, ok := tx.Peek(key)
	if !ok {
		return false
	}
	e.ExpireAt, e.Version = expireAt, tx.nextVersion()
	tx.set(string(key), &entry{e})
	tx.ops = append(tx.ops, Op{Kind: OpExpire, Slot: tx.slot, Key: key, ExpireAt: expireAt, Version: e.Version})
	return true
}

// Delete removes key and reports whether it was there.
func (tx *Tx) Delete(key []byte) bool {
	tx.mustWrite()
	_, ok := tx.Peek(key)
	if !ok {
		return false
	}
	tx.undo = append(tx.undo, undo{string(key), tx.table.entries[string(key)]})
	delete(tx.table.entries, string(key))
	tx.table.deleted = tx.nextVersion()
	tx.ops = append(tx.ops, Op{Kind: OpDelete, Slot: tx.slot, Key: key, Version: tx.table.version})
	return true
}

func (tx *Tx) nextVersion() uint64 {
	tx.table.version++
	return tx.table.version
}

func (tx *Tx) set(key string, e *entry) {
	if tx.table.entries == nil {
		tx.table.entries = make(map[string]*entry)
	}
	tx.undo = append(tx.undo, undo{key, tx.table.entries[key]})
	tx.table.entries[key] = e
}

func (tx *Tx) mustWrite() {
	if !tx.writable {
		panic("keyspace: write in a View transaction")
	}
}

func (t *slotTable) apply(s *Store, op Op) {
	t.version = max(t.version, op.Version)
	switch op.Kind {
	case OpPut:
		if t.entries == nil {
			t.entries = make(map[string]*entry)
		}
		t.entries[string(op.Key)] = &entry{Entry{op.Type, bytes.Clone(op.Value), op.ExpireAt, op.Version}}
	case OpExpire:
		if e := t.entries[string(op.Key)]; e != nil {
			e.ExpireAt, e.Version = op.ExpireAt, op.Version
		}
	case OpDelete:
		delete(t.entries, string(op.Key))
	case OpDrop:
		t.entries = nil
	}
}
