package engine

import (
	"bytes"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Export is some keys of one slot that MIGRATE sends to another server (docs/spec.md
// §8.3). They are in flight, so writes to them wait until the export ends.
type Export struct {
	Items []Item // the keys that are here

	engine   *Engine
	slot     slots.Slot
	inFlight uint64
	done     <-chan struct{}
}

// Item is a key that is shipped. Nothing in it may be changed.
type Item struct {
	Key      []byte
	Type     keyspace.Type
	Value    []byte            // of a String
	Parts    keyspace.Snapshot // of a collection
	Encoding string            // of a collection: the name that Redis would use
	ExpireAt int64             // Unix milliseconds, 0 = never
}

// TTL returns how long the item has to live at now, in the form that RESTORE takes:
// milliseconds, at least 1, or 0 for ever.
func (it *Item) TTL(now time.Time) int64 {
	if it.ExpireAt == 0 {
		return 0
	}
	return max(1, it.ExpireAt-now.UnixMilli())
}

// Export puts those of a's keys that are here in flight, in their order. It first waits
// for keys that another export holds, and for the end of a pause. It does not ask whether
// this node owns the slot: MIGRATE moves what is here. The error is slots.ErrTryAgain if
// waiting is of no use or a.Done ended it, that of the veto (see SetVeto), or that of a
// script that has the slot. The caller must Commit the export.
func (e *Engine) Export(a *Access) (*Export, error) {
	for {
		s := &Export{engine: e, slot: a.Slot, inFlight: e.NewID(), done: a.Done}
		var ended <-chan struct{}
		err := e.store.TryView(a.Slot, a.Done, func(tx *keyspace.Tx) (err error) {
			if ended, err = e.Wait(a.Slot, a.Keys); ended != nil || err != nil {
				return err
			}
			if ended = e.pauses.wait(); ended != nil {
				return nil
			}
			if err := e.Vetoed(); err != nil {
				return err
			}
			s.freezeLocked(tx, a.Keys)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if ended == nil {
			return s, nil
		}
		select {
		case <-ended:
		case <-a.Done:
			return nil, slots.ErrTryAgain
		}
	}
}

// freezeLocked takes each key once, however often it is named.
func (s *Export) freezeLocked(tx *keyspace.Tx, keys [][]byte) {
	frozen := make(map[string]struct{})
	for _, key := range keys {
		entry, ok := tx.Peek(key)
		if !ok {
			continue
		}
		if _, again := frozen[string(key)]; again {
			continue
		}
		frozen[string(key)] = struct{}{}
		s.engine.Freeze(s.slot, s.inFlight, key)
		item := Item{Key: bytes.Clone(key), Type: entry.Type, ExpireAt: entry.ExpireAt}
		if entry.Type != keyspace.String {
			item.Parts, _ = tx.Snapshot(key)
			item.Encoding, _ = tx.Encoding(key)
		} else if item.Value = entry.Value; len(item.Value) <= keyspace.LargeValue {
			item.Value = bytes.Clone(item.Value) // a longer one the store never changes in place
		}
		s.Items = append(s.Items, item)
	}
}

// Commit ends the export. In one step it deletes the keys of moved, which the other
// server has acknowledged, and lets the waiting writes go on. See Engine.Commit.
func (s *Export) Commit(moved [][]byte) error {
	return s.engine.Commit(s.slot, s.inFlight, moved, s.done)
}
