package slotmesh

import (
	"context"
	"errors"
	"time"
	"unsafe"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Local is the part of the keys that one node serves: those of its own slots. For a key
// of another slot its methods return a *slots.MovedError that names the owner, or another
// error of package slots, as a Redis Cluster node answers MOVED. The methods of [Node] of
// the same names find the owner instead.
//
// It is for programs that route requests themselves, or that want to know what this one
// node holds. It is safe for concurrent use.
type Local struct{ node *Node }

// Local returns the keys that this node serves. It costs nothing, ends with the node, and
// may be had any number of times.
func (n *Node) Local() Local { return Local{n} }

// View runs fn with read access to keys, which must be of one slot (slots.ErrCrossSlot).
// It returns a *slots.MovedError or another error of package slots if this node may not
// serve the slot now, ctx's if that has ended, otherwise fn's error.
func (l Local) View(ctx context.Context, keys []string, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a, slot := l.access(keys)
	return l.node.engine.View(&a, func(tx *keyspace.Tx) error { return client.RunTx(tx, slot, a.Keys, fn) })
}

// Update is View with write access: fn's changes happen all or, if it returns an
// error, not at all. While one of the keys is on its way to another node, or writes are
// paused, it waits, at most until ctx ends.
func (l Local) Update(ctx context.Context, keys []string, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a, slot := l.access(keys)
	a.Done = ctx.Done()
	was := l.node.shard.Acks.Before()
	err := l.node.engine.Update(&a, func(tx *keyspace.Tx) error { return client.RunTx(tx, slot, a.Keys, fn) })
	return l.node.written(ctx, was, slot, err)
}

// Get returns a copy of the value of key, ErrNotFound if there is none, or
// the error of View.
func (l Local) Get(ctx context.Context, key string) ([]byte, error) {
	return l.get(ctx, key, slots.OfString(key))
}

func (l Local) get(ctx context.Context, key string, slot slots.Slot) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	keys := [1][]byte{bytesOf(key)}
	a := engine.Access{Slot: l.node.tableOf(slot), Keys: keys[:]}
	var value []byte
	err := l.node.engine.View(&a, func(tx *keyspace.Tx) error {
		e, ok := tx.Get(keys[0])
		if !ok {
			return ErrNotFound
		}
		if e.Type != keyspace.String {
			return keyspace.ErrWrongType
		}
		value = append(make([]byte, 0, len(e.Value)), e.Value...)
		return nil
	})
	return value, err
}

// Set stores a copy of value under key; a ttl of 0 means for ever, a shorter one than a
// millisecond counts as one.
func (l Local) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return l.updateOne(ctx, key, func(tx *keyspace.Tx, k []byte) error {
		at := expireAt(tx, ttl)
		if err := tx.Put(k, keyspace.String, value, at); err != nil {
			return err
		}
		tx.Notify(keyspace.StringEvents, "set", k)
		if at != 0 {
			tx.Notify(keyspace.GenericEvents, "expire", k)
		}
		return nil
	})
}

// Delete removes key and reports whether it was there.
func (l Local) Delete(ctx context.Context, key string) (deleted bool, err error) {
	err = l.updateOne(ctx, key, func(tx *keyspace.Tx, k []byte) error {
		if deleted = tx.Delete(k); deleted {
			tx.Notify(keyspace.GenericEvents, "del", k)
		}
		return nil
	})
	return deleted, err
}

// Expire sets how long key has still to live, 0 for ever; a negative ttl deletes
// it. It reports whether the key was there.
func (l Local) Expire(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	if ttl < 0 {
		return l.Delete(ctx, key)
	}
	err = l.updateOne(ctx, key, func(tx *keyspace.Tx, k []byte) error {
		at := expireAt(tx, ttl)
		switch found = tx.Expire(k, at); {
		case found && at == 0:
			tx.Notify(keyspace.GenericEvents, "persist", k)
		case found:
			tx.Notify(keyspace.GenericEvents, "expire", k)
		}
		return nil
	})
	return found, err
}

// TTL returns how long key has still to live, 0 if for ever, ErrNotFound
// if it is not there.
func (l Local) TTL(ctx context.Context, key string) (ttl time.Duration, err error) {
	err = l.View(ctx, []string{key}, func(tx Tx) error {
		var ok bool
		if ttl, ok = tx.TTL(key); !ok {
			return ErrNotFound
		}
		return nil
	})
	return ttl, err
}

// Do runs a command, built in or the host's, for keys that this node serves. Arguments
// and reply are as for [client.Router.Do].
func (l Local) Do(ctx context.Context, command string, args ...any) (any, error) {
	r, err := client.NewRequest(command, args...)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.Sync = client.SyncOf(ctx)
	b, err := l.node.answer(ctx, (*peer.Request)(r), nil)
	if err != nil {
		return nil, causeOf(ctx, err)
	}
	reply, err := client.DecodeReply(b)
	if err != nil {
		return nil, err
	}
	return reply.Value(), nil
}

// Eval runs a script on keys that this node serves, as [client.Router.Eval].
func (l Local) Eval(ctx context.Context, s client.Script, keys []string, args ...any) (any, error) {
	return s.Run(ctx, l.Do, keys, args...)
}

// causeOf returns ctx's error in place of the one that a wait cut short by ctx gives.
func causeOf(ctx context.Context, err error) error {
	if errors.Is(err, slots.ErrTryAgain) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// updateOne runs fn as a transaction on one key.
func (l Local) updateOne(ctx context.Context, key string, fn func(tx *keyspace.Tx, key []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	keys, slot := [1][]byte{bytesOf(key)}, slots.OfString(key)
	a := engine.Access{Slot: l.node.tableOf(slot), Keys: keys[:], Done: ctx.Done()}
	was := l.node.shard.Acks.Before()
	err := l.node.engine.Update(&a, func(tx *keyspace.Tx) error { return fn(tx, keys[0]) })
	return l.node.written(ctx, was, slot, err)
}

// expireAt returns when a key expires that is to live for ttl from the transaction on, in
// milliseconds since 1970; 0 for never.
func expireAt(tx *keyspace.Tx, ttl time.Duration) int64 {
	if ttl <= 0 {
		return 0
	}
	return tx.Now() + max(1, ttl.Milliseconds())
}

// access says what a transaction on keys needs.
func (l Local) access(keys []string) (engine.Access, slots.Slot) {
	var a engine.Access
	if len(keys) == 0 {
		return a, 0
	}
	slot := slots.OfString(keys[0])
	a.Slot = l.node.tableOf(slot)
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

// written ends a write: it waits for the log on disk where each write has to be there, for
// other nodes that keep copies, and for replicas where
// that was asked for. A wait cut short by ctx gives ctx's error.
func (n *Node) written(ctx context.Context, was shard.Before, slot slots.Slot, err error) error {
	switch {
	case err == nil:
		if err := n.shard.Log.Await(ctx, true); err != nil {
			return err
		}
		if err := n.copies.Await(ctx, n.copies.Mark(n.tableOf(slot))); err != nil {
			return err
		}
		return n.awaitAcks(ctx, was, slot)
	case err == slots.ErrTryAgain && ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// bytesOf lends a string's bytes to code that only reads them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
