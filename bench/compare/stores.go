package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"unsafe"

	"github.com/allegro/bigcache/v3"
	"github.com/cespare/xxhash/v2"
	"github.com/coocood/freecache"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/maypok86/otter/v2"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// store is what all contenders can do. get reads the value where it is if the contender
// can do that, and returns its length; put keeps a copy of value.
type store interface {
	get(key string) int
	put(key string, value []byte)
	delete(key string)
	close()
}

const (
	keySize   = 16
	valueSize = 100
)

// contenders makes each store for n entries. The first is ours, the second is the peer
// that the targets name.
var contenders = []struct {
	name string
	make func(n int) store
}{
	{"slotmesh keyspace", func(int) store { return &ours{store: keyspace.New(keyspace.Config{})} }},
	{"256-shard mutex map", func(int) store { return newShardedMap() }},
	{"slotmesh Node", func(int) store { return newNodeStore() }},
	{"sync.Map", func(int) store { return &syncMap{} }},
	{"xsync.Map", func(n int) store { return xsyncMap{xsync.NewMap[string, []byte](xsync.WithPresize(n))} }},
	{"otter", func(n int) store { return newOtter(n) }},
	{"ristretto", func(n int) store { return newRistretto(n) }},
	{"bigcache", func(n int) store { return newBigcache(n) }},
	{"freecache", func(n int) store { return freeCache{freecache.NewCache(n * 200)} }},
}

// keyList is keys in one piece of memory without pointers, so that going through them
// costs the same for all, and little, and the garbage collector has nothing to do with
// them.
type keyList string

// len returns how many keys there are.
func (l keyList) len() int { return len(l) / keySize }

// at returns the key number i.
func (l keyList) at(i int) string { return string(l[i*keySize : (i+1)*keySize]) }

// keys returns the same n keys for each seed, but in another order. Who reads in the
// order in which it wrote reads memory in the order of its allocation, as no program
// does.
func keys(n int, seed uint64) keyList {
	rnd := rand.New(rand.NewPCG(seed, 0))
	var text strings.Builder
	text.Grow(n * keySize)
	const digits = "0123456789abcdef"
	for _, i := range rnd.Perm(n) {
		id := [keySize]byte{'k', 'e', 'y', ':', '0', '0', '0', '0', '0'}
		for at := keySize - 1; at > 8; at-- {
			id[at] = digits[i&15]
			i >>= 4
		}
		text.Write(id[:])
	}
	return keyList(text.String())
}

type ours struct{ store *keyspace.Store }

func (o *ours) get(key string) (n int) {
	k := bytesOf(key)
	o.store.View(slots.OfString(key), func(tx *keyspace.Tx) error {
		e, _ := tx.Get(k)
		n = len(e.Value)
		return nil
	})
	return n
}

func (o *ours) put(key string, value []byte) {
	k := bytesOf(key)
	err := o.store.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
		return tx.Put(k, keyspace.String, value, 0)
	})
	if err != nil {
		panic(err)
	}
}

func (o *ours) delete(key string) {
	k := bytesOf(key)
	o.store.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
		tx.Delete(k)
		return nil
	})
}

func (o *ours) close() {}

// bytesOf lends a string's bytes to who only reads them, as Node does.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// nodeStore is a serving node of a cluster of one.
type nodeStore struct{ node *slotmesh.Node }

func newNodeStore() nodeStore {
	node, err := slotmesh.New(slotmesh.Config{})
	if err == nil {
		err = node.Start(context.Background())
	}
	if err == nil {
		err = slotmesh.Create(context.Background(), node)
	}
	if err != nil {
		panic(err)
	}
	return nodeStore{node}
}

func (s nodeStore) get(key string) int {
	value, _ := s.node.Get(context.Background(), key)
	return len(value)
}

func (s nodeStore) put(key string, value []byte) {
	if err := s.node.Set(context.Background(), key, value, 0); err != nil {
		panic(err)
	}
}

func (s nodeStore) delete(key string) { s.node.Delete(context.Background(), key) }
func (s nodeStore) close()            { s.node.Close() }

type shardedMap [256]struct {
	mu sync.Mutex
	m  map[string][]byte
	_  [48]byte
}

func newShardedMap() *shardedMap {
	s := &shardedMap{}
	for i := range s {
		s[i].m = make(map[string][]byte)
	}
	return s
}

func (s *shardedMap) get(key string) int {
	shard := &s[xxhash.Sum64String(key)%256]
	shard.mu.Lock()
	n := len(shard.m[key])
	shard.mu.Unlock()
	return n
}

func (s *shardedMap) put(key string, value []byte) {
	shard := &s[xxhash.Sum64String(key)%256]
	value = append([]byte(nil), value...)
	shard.mu.Lock()
	if _, ok := shard.m[key]; !ok {
		key = strings.Clone(key)
	}
	shard.m[key] = value
	shard.mu.Unlock()
}

func (s *shardedMap) delete(key string) {
	shard := &s[xxhash.Sum64String(key)%256]
	shard.mu.Lock()
	delete(shard.m, key)
	shard.mu.Unlock()
}

func (s *shardedMap) close() {}

type syncMap struct{ sync.Map }

func (s *syncMap) get(key string) int {
	v, ok := s.Load(key)
	if !ok {
		return 0
	}
	return len(v.([]byte))
}

func (s *syncMap) put(key string, value []byte) {
	s.Store(strings.Clone(key), append([]byte(nil), value...))
}

func (s *syncMap) delete(key string) { s.Delete(key) }
func (s *syncMap) close()            {}

type xsyncMap struct{ m *xsync.Map[string, []byte] }

func (s xsyncMap) get(key string) int {
	v, _ := s.m.Load(key)
	return len(v)
}

func (s xsyncMap) put(key string, value []byte) {
	s.m.Store(strings.Clone(key), append([]byte(nil), value...))
}

func (s xsyncMap) delete(key string) { s.m.Delete(key) }
func (s xsyncMap) close()            {}

type otterCache struct{ c *otter.Cache[string, []byte] }

func newOtter(n int) store {
	return otterCache{otter.Must(&otter.Options[string, []byte]{MaximumSize: n + n/10})}
}

func (s otterCache) get(key string) int {
	v, _ := s.c.GetIfPresent(key)
	return len(v)
}

func (s otterCache) put(key string, value []byte) {
	s.c.Set(strings.Clone(key), append([]byte(nil), value...))
}

func (s otterCache) delete(key string) { s.c.Invalidate(key) }
func (s otterCache) close()            { s.c.StopAllGoroutines() }

type ristrettoCache struct {
	c *ristretto.Cache[string, []byte]
}

func newRistretto(n int) store {
	c, err := ristretto.NewCache(&ristretto.Config[string, []byte]{NumCounters: int64(10 * n), MaxCost: int64(2 * n),
		BufferItems: 64})
	if err != nil {
		panic(err)
	}
	return ristrettoCache{c}
}

func (s ristrettoCache) get(key string) int {
	v, _ := s.c.Get(key)
	return len(v)
}

func (s ristrettoCache) put(key string, value []byte) {
	s.c.Set(strings.Clone(key), append([]byte(nil), value...), 1)
}

func (s ristrettoCache) delete(key string) { s.c.Del(key) }
func (s ristrettoCache) close()            { s.c.Close() }

type bigCache struct{ c *bigcache.BigCache }

func newBigcache(n int) store {
	cfg := bigcache.DefaultConfig(1 << 40)
	cfg.CleanWindow, cfg.Verbose, cfg.MaxEntriesInWindow, cfg.MaxEntrySize = 0, false, n, 140
	c, err := bigcache.New(context.Background(), cfg)
	if err != nil {
		panic(err)
	}
	return bigCache{c}
}

func (s bigCache) get(key string) int {
	v, _ := s.c.Get(key)
	return len(v)
}

func (s bigCache) put(key string, value []byte) { s.c.Set(key, value) }
func (s bigCache) delete(key string)            { s.c.Delete(key) }
func (s bigCache) close()                       { s.c.Close() }

type freeCache struct{ c *freecache.Cache }

func (s freeCache) get(key string) int {
	n := 0
	s.c.GetFn([]byte(key), func(v []byte) error { n = len(v); return nil })
	return n
}

func (s freeCache) put(key string, value []byte) { s.c.Set([]byte(key), value, 0) }
func (s freeCache) delete(key string)            { s.c.Del([]byte(key)) }
func (s freeCache) close()                       {}
