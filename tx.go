package slotmesh

import (
	"context"
	"errors"
	"time"
	"unsafe"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// ErrNotFound says that a key is not there, or has expired.
var ErrNotFound = errors.New("slotmesh: key not found")

// Tx is a transaction on the keys of one slot. It is valid only inside the
// function it was given to, on that function's goroutine. While it lasts, the slot is
// locked: do not wait for anything inside.
//
// It may touch only the keys that the transaction named: the others may be on their way
// to another node. One that it did not name is not there, cannot be set, and makes the
// transaction fail with [ErrUndeclaredKey].
type Tx struct {
	tx    *keyspace.Tx
	slot  slots.Slot // of all keys; standalone stores know only slot 0
	scope *scope     // nil: the caller of fn is ourselves
}

// Now returns the time of the transaction, in milliseconds; it stands still until the
// transaction ends.
func (t Tx) Now() time.Time { return time.UnixMilli(t.tx.Now()) }

// Get returns the value of key, which is valid only until the transaction's
// function returns: copy what you keep.
func (t Tx) Get(key string) (value []byte, ok bool) {
	if !t.scope.has(key) {
		return nil, false
	}
	e, ok := t.tx.Get(bytesOf(key))
	return e.Value, ok
}

// TTL returns how long key has still to live, 0 if for ever.
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

// Set stores a copy of value under key; a ttl of 0 means for ever, a shorter one
// than a millisecond counts as one. It returns slots.ErrCrossSlot if key is of
// another slot, keyspace.ErrOutOfMemory if there is no room.
func (t Tx) Set(key string, value []byte, ttl time.Duration) error {
	if slots.OfString(key) != t.slot {
		return slots.ErrCrossSlot
	}
	if !t.scope.has(key) {
		return t.scope.err
	}
	return t.tx.Put(bytesOf(key), keyspace.String, value, t.deadline(ttl))
}

// Expire sets how long key has still to live, 0 for ever; a negative ttl deletes
// it. It reports whether the key was there.
func (t Tx) Expire(key string, ttl time.Duration) bool {
	if !t.scope.has(key) {
		return false
	}
	if ttl < 0 {
		return t.tx.Delete(bytesOf(key))
	}
	return t.tx.Expire(bytesOf(key), t.deadline(ttl))
}

// Delete removes key and reports whether it was there.
func (t Tx) Delete(key string) bool { return t.scope.has(key) && t.tx.Delete(bytesOf(key)) }

func (t Tx) deadline(ttl time.Duration) int64 {
	if ttl <= 0 {
		return 0
	}
	return t.tx.Now() + max(1, ttl.Milliseconds())
}

// View runs fn with read access to keys, which must be of one slot (slots.ErrCrossSlot).
// It returns a *slots.MovedError or another error of package slots if this node may not
// serve the slot now, ctx's if that has ended, otherwise fn's error.
func (n *Node) View(ctx context.Context, keys []string, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a, slot := n.access(keys)
	return n.engine.View(&a, func(tx *keyspace.Tx) error { return runTx(tx, slot, a.Keys, fn) })
}

// Update is View with write access: fn's changes happen all or, if it returns an
// error, not at all. While one of the keys is on its way to another node, or writes are
// paused, it waits, at most until ctx ends.
func (n *Node) Update(ctx context.Context, keys []string, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a, slot := n.access(keys)
	a.Done = ctx.Done()
	was := n.before()
	err := n.engine.Update(&a, func(tx *keyspace.Tx) error { return runTx(tx, slot, a.Keys, fn) })
	return n.written(ctx, was, slot, err)
}

// Get returns a copy of the value of key, ErrNotFound if there is none, or
// the error of View.
func (n *Node) Get(ctx context.Context, key string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	keys, slot := [1][]byte{bytesOf(key)}, slots.OfString(key)
	a := engine.Access{Slot: n.tableOf(slot), Keys: keys[:]}
	var value []byte
	err := n.engine.View(&a, func(tx *keyspace.Tx) error {
		e, ok := tx.Get(keys[0])
		if !ok {
			return ErrNotFound
		}
		value = append(make([]byte, 0, len(e.Value)), e.Value...)
		return nil
	})
	return value, err
}

// Set stores a copy of value under key; ttl 0 means for ever.
func (n *Node) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return n.updateOne(ctx, key, func(tx Tx) error { return tx.Set(key, value, ttl) })
}

// Delete removes key and reports whether it was there.
func (n *Node) Delete(ctx context.Context, key string) (deleted bool, err error) {
	err = n.updateOne(ctx, key, func(tx Tx) error {
		deleted = tx.Delete(key)
		return nil
	})
	return deleted, err
}

// Expire sets how long key has still to live, 0 for ever; a negative ttl deletes
// it. It reports whether the key was there.
func (n *Node) Expire(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	err = n.updateOne(ctx, key, func(tx Tx) error {
		found = tx.Expire(key, ttl)
		return nil
	})
	return found, err
}

// TTL returns how long key has still to live, 0 if for ever, ErrNotFound
// if it is not there.
func (n *Node) TTL(ctx context.Context, key string) (ttl time.Duration, err error) {
	err = n.View(ctx, []string{key}, func(tx Tx) error {
		var ok bool
		if ttl, ok = tx.TTL(key); !ok {
			return ErrNotFound
		}
		return nil
	})
	return ttl, err
}

func (n *Node) updateOne(ctx context.Context, key string, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	keys, slot := [1][]byte{bytesOf(key)}, slots.OfString(key)
	a := engine.Access{Slot: n.tableOf(slot), Keys: keys[:], Done: ctx.Done()}
	was := n.before()
	err := n.engine.Update(&a, func(tx *keyspace.Tx) error { return fn(Tx{tx: tx, slot: slot}) })
	return n.written(ctx, was, slot, err)
}

// written ends a write: it waits for replicas where that was asked for. A wait cut short by
// ctx gives ctx's error.
func (n *Node) written(ctx context.Context, was before, slot slots.Slot, err error) error {
	switch {
	case err == nil:
		return n.awaitAcks(ctx, was, slot)
	case err == slots.ErrTryAgain && ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

func (n *Node) access(keys []string) (engine.Access, slots.Slot) {
	var a engine.Access
	if len(keys) == 0 {
		return a, 0
	}
	slot := slots.OfString(keys[0])
	a.Slot = n.tableOf(slot)
	a.Keys = make([][]byte, len(keys))
	for i, key := range keys {
		a.Keys[i] = bytesOf(key)
		a.CrossSlot = a.CrossSlot || slots.OfString(key) != slot
	}
	return a, slot
}

// tableOf returns the slot of the store that holds a slot's keys: outside a
// cluster all keys live together, so that any of them can share a command.
func (n *Node) tableOf(slot slots.Slot) slots.Slot {
	if n.cfg.Standalone {
		return 0
	}
	return slot
}

// bytesOf lends a string's bytes to code that only reads them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
