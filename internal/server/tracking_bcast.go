package server

import (
	"bytes"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/keyspace"
)

// broadcasts are the clients that are told of all changed keys with a prefix.
type broadcasts struct {
	any atomic.Bool // there are some

	mu       sync.RWMutex // guards what follows
	prefixes map[string]map[*tracked]struct{}
	lengths  []int // of the prefixes, each once, in ascending order
	of       map[*tracked][]string
}

// add makes a client hear of keys with the prefixes, beside those of before.
func (b *broadcasts) add(c *tracked, prefixes []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.prefixes == nil {
		b.prefixes, b.of = make(map[string]map[*tracked]struct{}), make(map[*tracked][]string)
	}
	for _, prefix := range prefixes {
		clients := b.prefixes[prefix]
		if clients == nil {
			clients = make(map[*tracked]struct{})
			b.prefixes[prefix] = clients
			b.measure()
		}
		if _, has := clients[c]; !has {
			clients[c] = struct{}{}
			b.of[c] = append(b.of[c], prefix)
		}
	}
	b.any.Store(true)
}

// remove makes a client hear of nothing.
func (b *broadcasts) remove(c *tracked) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, prefix := range b.of[c] {
		clients := b.prefixes[prefix]
		if delete(clients, c); len(clients) == 0 {
			delete(b.prefixes, prefix)
			b.measure()
		}
	}
	delete(b.of, c)
	b.any.Store(len(b.of) > 0)
}

// measure sets lengths. b.mu is held.
func (b *broadcasts) measure() {
	b.lengths = b.lengths[:0]
	for prefix := range b.prefixes {
		if at, has := slices.BinarySearch(b.lengths, len(prefix)); !has {
			b.lengths = slices.Insert(b.lengths, at, len(prefix))
		}
	}
}

// prefixesOf returns the prefixes of a client, sorted.
func (b *broadcasts) prefixesOf(c *tracked) []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Sorted(slices.Values(b.of[c]))
}

// count returns how many prefixes there are.
func (b *broadcasts) count() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.prefixes)
}

// changed tells the clients of what one transaction has changed: in one message for each
// prefix, with the keys in order.
func (b *broadcasts) changed(ops []keyspace.Op, by *session) {
	if key := onlyKey(ops); key != nil {
		b.tell([][]byte{key}, by)
		return
	}
	var keys [][]byte
	for i := range ops {
		key, other, _ := ops[i].Changes()
		for _, k := range [...][]byte{key, other} {
			if k != nil && (len(keys) == 0 || !bytes.Equal(k, keys[len(keys)-1])) {
				keys = append(keys, k)
			}
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	b.tell(slices.CompactFunc(keys, bytes.Equal), by)
}

// onlyKey returns the key that ops change if it is one op on one key, nil if not.
func onlyKey(ops []keyspace.Op) []byte {
	if len(ops) != 1 {
		return nil
	}
	key, other, _ := ops[0].Changes()
	if other != nil {
		return nil
	}
	return key
}

func (b *broadcasts) tell(keys [][]byte, by *session) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if len(keys) == 1 {
		m := &invalidation{keys: keys}
		for _, n := range b.lengths {
			if n <= len(keys[0]) {
				sendAll(b.prefixes[string(keys[0][:n])], m, by)
			}
		}
		return
	}
	with := make(map[string][][]byte)
	for _, key := range keys {
		for _, n := range b.lengths {
			if n > len(key) {
				break
			}
			if _, some := b.prefixes[string(key[:n])]; some {
				with[string(key[:n])] = append(with[string(key[:n])], key)
			}
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(with)) {
		sendAll(b.prefixes[prefix], &invalidation{keys: with[prefix]}, by)
	}
}

// tellAll tells the clients that all keys may have changed.
func (b *broadcasts) tellAll() {
	b.mu.RLock()
	defer b.mu.RUnlock()
	m := &invalidation{all: true}
	for c := range b.of {
		c.send(m)
	}
}

// sendAll tells clients, apart from one that made the change and does not want to hear of
// its own.
func sendAll(clients map[*tracked]struct{}, m *invalidation, by *session) {
	for c := range clients {
		if by == nil || c.mode.Load()&trackNoLoop == 0 || c.session.Load() != by {
			c.send(m)
		}
	}
}
