package keyspace

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// watchFunc is what [Store.Watch] takes.
type watchFunc func(slot slots.Slot, ops []Op, origin any)

// watchers are the functions that hear of changes. While there are none, a commit costs one
// load more.
type watchers struct {
	mu   sync.Mutex // guards changes of list
	list atomic.Pointer[[]*watchFunc]
}

// Watch makes watch hear of every change of a key, whatever made it: a transaction,
// expiry, eviction, a drop, an applied or imported op, a full sync that was put in place.
// There may be several such functions. stop takes this one out again; it may still be
// running on other goroutines when stop returns.
//
// watch is called under the slot's lock, before the Sink: a transaction on the slot sees
// either the store before the change, and watch is called later, or what the change has
// made. watch must not block, must not call the store, and must not keep ops or what they
// point to. What an op changes is told by [Op.Changes]. watch may hear of an op that was
// stale and changed nothing. Of a slot whose content was replaced as a whole, it hears one
// OpDrop.
//
// origin is what the transaction said by [Tx.SetOrigin], nil of all other changes.
func (s *Store) Watch(watch func(slot slots.Slot, ops []Op, origin any)) (stop func()) {
	w, added := &s.watchers, new(watchFunc)
	*added = watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change(func(list []*watchFunc) []*watchFunc { return append(list, added) })
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.change(func(list []*watchFunc) []*watchFunc {
			return slices.DeleteFunc(list, func(f *watchFunc) bool { return f == added })
		})
	}
}

// change replaces the list by what changed makes of a copy. w.mu is held.
func (w *watchers) change(changed func([]*watchFunc) []*watchFunc) {
	var list []*watchFunc
	if now := w.list.Load(); now != nil {
		list = slices.Clone(*now)
	}
	if list = changed(list); len(list) == 0 {
		w.list.Store(nil)
		return
	}
	w.list.Store(&list)
}

// tell calls the watching functions. The slot's lock is held.
func (w *watchers) tell(slot slots.Slot, ops []Op, origin any) {
	list := w.list.Load()
	if list == nil || len(ops) == 0 {
		return
	}
	for _, watch := range *list {
		(*watch)(slot, ops, origin)
	}
}

// SetOrigin says on whose behalf the transaction makes its changes, for [Store.Watch]. What
// waiters do when it serves them has the same origin.
func (tx *Tx) SetOrigin(origin any) { tx.origin = origin }

// Changed reports whether the transaction has changed key so far.
func (tx *Tx) Changed(key []byte) bool {
	if len(tx.ops) == 0 {
		return false
	}
	hash := tx.store.hash(key)
	return tx.dirtied(hash, key) != nil || tx.staged(hash, key) >= 0
}

// Changes returns the keys that op changes, nil for none; all says that it may change any
// key of its slot.
func (op *Op) Changes() (key, other []byte, all bool) {
	switch op.Kind {
	case OpDrop:
		return nil, nil, true
	case OpCopy:
		return op.Part, nil, false
	case OpMove:
		return op.Key, op.Part, false
	case OpStage, OpStagePart, OpStageCut, OpUnstage:
		return nil, nil, false
	}
	return op.Key, nil, false
}
