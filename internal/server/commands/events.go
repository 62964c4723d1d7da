package commands

import "github.com/slotmesh/slotmesh/keyspace"

// Each command tells what it has done to its keys, by the events of Redis 7.0.15 and in
// their order: clients that subscribe to keyspace notifications learn it. The store adds
// those that are not about a command: expired, evicted, new.

// sized is a collection in a transaction.
type sized interface{ Len() int }

// missed tells that a key that was to be read is not there. Redis does not tell it of a key
// that was to be written.
func missed(tx *keyspace.Tx, key []byte) { tx.Notify(keyspace.MissEvents, "keymiss", key) }

// notify tells an event of keys of any type.
func notify(tx *keyspace.Tx, event string, key []byte) { tx.Notify(keyspace.GenericEvents, event, key) }

// peek finds a key that a command reads, without counting as a use.
func peek(tx *keyspace.Tx, key []byte) (keyspace.Entry, bool) {
	e, ok := tx.Peek(key)
	if !ok {
		missed(tx, key)
	}
	return e, ok
}

// readHash returns the hash of a key that a command reads; readSet, readList and readZSet
// are the same for other types.
func readHash(tx *keyspace.Tx, key []byte) (keyspace.HashRef, error) {
	h, err := tx.Hash(key)
	if tx.Notifies(keyspace.MissEvents) && err == nil && h.Len() == 0 {
		missed(tx, key)
	}
	return h, err
}

func readSet(tx *keyspace.Tx, key []byte) (keyspace.SetRef, error) {
	s, err := tx.Set(key)
	if tx.Notifies(keyspace.MissEvents) && err == nil && s.Len() == 0 {
		missed(tx, key)
	}
	return s, err
}

func readList(tx *keyspace.Tx, key []byte) (keyspace.ListRef, error) {
	l, err := tx.List(key)
	if tx.Notifies(keyspace.MissEvents) && err == nil && l.Len() == 0 {
		missed(tx, key)
	}
	return l, err
}

func readZSet(tx *keyspace.Tx, key []byte) (keyspace.ZSetRef, error) {
	z, err := tx.ZSet(key)
	if tx.Notifies(keyspace.MissEvents) && err == nil && z.Len() == 0 {
		missed(tx, key)
	}
	return z, err
}

// readStream tells of a miss only if there is no key: a stream may be without entries.
func readStream(tx *keyspace.Tx, key []byte) (keyspace.StreamRef, error) {
	s, err := tx.Stream(key)
	if tx.Notifies(keyspace.MissEvents) && err == nil && !s.Exists() {
		missed(tx, key)
	}
	return s, err
}

// notifyTaken tells that parts of a key are gone, by an event of its class, and that the key
// is if they were the last ones.
func notifyTaken[C sized](tx *keyspace.Tx, class keyspace.EventClass, event string, key []byte, left C) {
	if tx.Notifies(class | keyspace.GenericEvents) {
		notifyLeft(tx, class, event, key, left.Len())
	}
}

func notifyLeft(tx *keyspace.Tx, class keyspace.EventClass, event string, key []byte, left int) {
	tx.Notify(class, event, key)
	if left == 0 {
		notify(tx, "del", key)
	}
}

// putResult makes key what a *STORE command has computed, or removes it if that is empty.
func putResult(tx *keyspace.Tx, key []byte, result *keyspace.Collection, class keyspace.EventClass,
	event string) error {
	if result.Len() == 0 {
		if tx.Delete(key) {
			notify(tx, "del", key)
		}
		return nil
	}
	if err := tx.PutCollection(key, result, 0); err != nil {
		return err
	}
	tx.Notify(class, event, key)
	return nil
}
