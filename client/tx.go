package client

import (
	"time"
	"unsafe"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Tx is a transaction on the keys of one slot. It is valid only inside the function that
// it was given to, on that function's goroutine. While it lasts, the slot is locked: do
// not wait for anything inside.
//
// It may touch only the keys that the transaction named: others may be on their way to
// another node. A key that was not named cannot be read or set, and touching it makes the
// transaction fail with [ErrUndeclaredKey].
type Tx struct {
	tx    *keyspace.Tx
	slot  slots.Slot // of all keys; standalone stores know only slot 0
	scope *scope
}

// RunTx runs fn as a transaction on keys, all of which must be of slot, inside tx. It is
// for a [Local], and for what else makes a Tx of a store's own transaction. The error is
// fn's, or matches [ErrUndeclaredKey].
func RunTx(tx *keyspace.Tx, slot slots.Slot, keys [][]byte, fn func(Tx) error) error {
	t := Tx{tx: tx, slot: slot, scope: newScope(keys)}
	if err := fn(t); err != nil {
		return err
	}
	return t.scope.err
}

// Now returns the time of the transaction, in milliseconds; it stands still until the
// transaction ends.
func (t Tx) Now() time.Time { return time.UnixMilli(t.tx.Now()) }

// Get returns the value of key. The value is valid only until the transaction's function
// returns: copy what you keep. Reading a key that holds a collection makes the transaction
// fail with keyspace.ErrWrongType.
func (t Tx) Get(key string) (value []byte, ok bool) {
	if !t.scope.has(key) {
		return nil, false
	}
	e, ok := t.tx.Get(bytesOf(key))
	if ok && e.Type != keyspace.String {
		t.scope.fail(keyspace.ErrWrongType)
		return nil, false
	}
	return e.Value, ok
}

// TTL returns how long key will live, 0 for ever, and whether it exists.
func (t Tx) TTL(key string) (ttl time.Duration, ok bool) {
	if !t.scope.has(key) {
		return 0, false
	}
	e, ok := t.tx.Peek(bytesOf(key))
	if !ok || e.ExpireAt == 0 {
		return 0, ok
	}
	return time.Duration(e.ExpireAt-t.tx.Now()) * time.Millisecond, true
}

// Set stores a copy of value under key. A ttl of 0 means for ever; one below a millisecond
// counts as a millisecond. It returns slots.ErrCrossSlot if key is of another slot,
// keyspace.ErrOutOfMemory if there is no room, an error that matches [ErrUndeclaredKey] if
// the transaction did not name key.
func (t Tx) Set(key string, value []byte, ttl time.Duration) error {
	if err := t.mayUse(key); err != nil {
		return err
	}
	k, at := bytesOf(key), t.deadline(ttl)
	if err := t.tx.Put(k, keyspace.String, value, at); err != nil {
		return err
	}
	t.tx.Notify(keyspace.StringEvents, "set", k)
	if at != 0 {
		t.tx.Notify(keyspace.GenericEvents, "expire", k)
	}
	return nil
}

// Expire sets how long key will live, 0 for ever; a negative ttl deletes it. It reports
// whether the key existed.
func (t Tx) Expire(key string, ttl time.Duration) bool {
	if !t.scope.has(key) {
		return false
	}
	if ttl < 0 {
		return t.Delete(key)
	}
	k, at := bytesOf(key), t.deadline(ttl)
	found := t.tx.Expire(k, at)
	switch {
	case found && at == 0:
		t.tx.Notify(keyspace.GenericEvents, "persist", k)
	case found:
		t.tx.Notify(keyspace.GenericEvents, "expire", k)
	}
	return found
}

// Delete removes key and reports whether it was there.
func (t Tx) Delete(key string) bool {
	k := bytesOf(key)
	deleted := t.scope.has(key) && t.tx.Delete(k)
	if deleted {
		t.tx.Notify(keyspace.GenericEvents, "del", k)
	}
	return deleted
}

func (t Tx) deadline(ttl time.Duration) int64 {
	if ttl <= 0 {
		return 0
	}
	return t.tx.Now() + max(1, ttl.Milliseconds())
}

// bytesOf lends a string's bytes to code that only reads them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
