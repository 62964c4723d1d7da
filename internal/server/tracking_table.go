package server

import (
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/slots"
)

// trackingTable remembers which clients have read which keys since those changed last. A
// key is added under its slot's lock, within the transaction that reads it, and taken out
// under the same lock by the one that changes it. So no change falls between.
//
// The table has a mutex of its own for some slots each, because keys also go for other
// reasons: the table is full, the slot has moved away. Transactions on different slots
// seldom meet there.
type trackingTable struct {
	shards [trackingShards]trackingShard
	oneOf  bool         // all keys are of slot 0: outside a cluster
	seed   maphash.Seed // of the hash that spreads keys then

	keys  atomic.Int64
	items atomic.Int64 // pairs of key and client
	bytes atomic.Int64 // about what they take up
}

const (
	trackingShards = 256
	trackedKeySize = 96 // bytes that a key takes up beside its name and its clients: an estimate
)

// trackingShard has the keys of some slots.
type trackingShard struct {
	mu    sync.Mutex
	slots map[slots.Slot]map[string]trackedBy
	_     [40]byte // its own cache line
}

// trackedBy are the clients that have read a key, by their numbers.
type trackedBy []*tracked

func (t *trackingTable) init(standalone bool) { t.oneOf, t.seed = standalone, maphash.MakeSeed() }

func (t *trackingTable) shard(slot slots.Slot, key []byte) *trackingShard {
	if t.oneOf {
		return &t.shards[maphash.Bytes(t.seed, key)%trackingShards]
	}
	return &t.shards[slot%trackingShards]
}

// add remembers that c has read a key, and reports whether that is new.
func (t *trackingTable) add(slot slots.Slot, key []byte, c *tracked) bool {
	sh := t.shard(slot, key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	keys := sh.slots[slot]
	if keys == nil {
		if sh.slots == nil {
			sh.slots = make(map[slots.Slot]map[string]trackedBy)
		}
		keys = make(map[string]trackedBy)
		sh.slots[slot] = keys
	}
	list, known := keys[string(key)]
	at, found := list.find(c.id)
	if found {
		return false
	}
	was := list.size()
	if known && len(list) == cap(list) {
		before := len(list)
		list = list.alive()
		t.items.Add(int64(len(list) - before))
		at, _ = list.find(c.id)
	}
	list = slices.Insert(list, at, c)
	keys[string(key)] = list
	t.items.Add(1)
	if !known {
		t.keys.Add(1)
		was = -trackedKeySize - int64(len(key))
	}
	t.bytes.Add(list.size() - was)
	return true
}

// remove forgets a key and returns the clients that have read it.
func (t *trackingTable) remove(slot slots.Slot, key []byte) trackedBy {
	sh := t.shard(slot, key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	list, known := sh.slots[slot][string(key)]
	if known {
		t.removeLocked(sh, slot, string(key), list)
	}
	return list
}

func (t *trackingTable) removeLocked(sh *trackingShard, slot slots.Slot, key string, list trackedBy) {
	keys := sh.slots[slot]
	delete(keys, key)
	if len(keys) == 0 {
		delete(sh.slots, slot)
	}
	t.count(key, list, -1)
}

// count changes the totals by n times a key.
func (t *trackingTable) count(key string, list trackedBy, n int64) {
	t.keys.Add(n)
	t.items.Add(n * int64(len(list)))
	t.bytes.Add(n * (trackedKeySize + int64(len(key)) + list.size()))
}

// removeSlot forgets the keys of a slot and returns them.
func (t *trackingTable) removeSlot(slot slots.Slot) map[string]trackedBy {
	if t.oneOf {
		all := make(map[string]trackedBy)
		for i := range t.shards {
			for key, list := range t.removeSlotOf(&t.shards[i], slot) {
				all[key] = list
			}
		}
		return all
	}
	return t.removeSlotOf(t.shard(slot, nil), slot)
}

func (t *trackingTable) removeSlotOf(sh *trackingShard, slot slots.Slot) map[string]trackedBy {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	keys := sh.slots[slot]
	for key, list := range keys {
		t.count(key, list, -1)
	}
	delete(sh.slots, slot)
	return keys
}

// clear forgets all keys.
func (t *trackingTable) clear() {
	for i := range t.shards {
		sh := &t.shards[i]
		sh.mu.Lock()
		for _, keys := range sh.slots {
			for key, list := range keys {
				t.count(key, list, -1)
			}
		}
		sh.slots = nil
		sh.mu.Unlock()
	}
}

// removeAny forgets a random key; ok is false if there is none.
func (t *trackingTable) removeAny() (key string, list trackedBy, ok bool) {
	from := rand.IntN(trackingShards)
	for i := range t.shards {
		if key, list, ok = t.removeAnyOf(&t.shards[(from+i)%trackingShards]); ok {
			return key, list, true
		}
	}
	return "", nil, false
}

func (t *trackingTable) removeAnyOf(sh *trackingShard) (string, trackedBy, bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for slot, keys := range sh.slots {
		for key, list := range keys { // begins somewhere
			t.removeLocked(sh, slot, key, list)
			return key, list, true
		}
	}
	return "", nil, false
}

// sweep forgets the clients of one shard that are gone, and the keys that nobody else has
// read.
func (t *trackingTable) sweep(i int) {
	sh := &t.shards[i%trackingShards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for slot, keys := range sh.slots {
		for key, list := range keys {
			if left := list.alive(); len(left) == 0 {
				t.removeLocked(sh, slot, key, list)
			} else if len(left) < len(list) {
				t.count(key, list, -1)
				t.count(key, left, 1)
				keys[key] = left
			}
		}
	}
}

func (r trackedBy) find(id int64) (at int, found bool) {
	return slices.BinarySearchFunc(r, id, func(c *tracked, id int64) int { return int(c.id - id) })
}

// alive returns those that are still connected: r itself if that is all of them.
func (r trackedBy) alive() trackedBy {
	gone := func(c *tracked) bool { return c.session.Load() == nil }
	if !slices.ContainsFunc(r, gone) {
		return r
	}
	return slices.DeleteFunc(slices.Clone(r), gone)
}

func (r trackedBy) size() int64 { return int64(cap(r)) * 8 }
