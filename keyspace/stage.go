package keyspace

import (
	"bytes"
	"slices"
)

// staging collects the writes of a transaction.
type staging struct {
	ops        []Op             // in order; key and value are the staging's own
	notes      []note           // one for each op
	latest     map[uint64]int32 // hash → its last op, kept once there are more than fewOps
	buf        []byte           // holds small keys and values
	place      []byte           // of the entry that the first op replaces, if its bytes are all there is to change
	version    uint64           // of the last op
	owned      bool             // a big value to be staged is the store's already
	grownKeys  int
	grownBytes int64
}

// note is what an op needs for its commit.
type note struct {
	hash      uint64
	segment   *segment // where the key was when staged; only the first op may rely on it
	at        int
	earlier   int32 // the op before it with the same hash, -1 = none, kept with latest
	access    uint32
	hasAccess bool
	fresh     bool // the key was neither in the table nor staged
	lapse     bool // a removal because of expiry
}

const (
	fewOps  = 16        // up to here a linear search is fastest
	keepBuf = 64 << 10  // greatest buffer kept for the next transaction
	maxBuf  = 256 << 10 // greatest buffer for small keys and values; then comes another one
)

// Expect says that n writes will follow, which saves the transaction from making room for them step by step.
func (tx *Tx) Expect(n int) {
	g := &tx.staging
	if n <= fewOps || len(g.ops) > 0 {
		return
	}
	g.ops, g.notes = slices.Grow(g.ops, n), slices.Grow(g.notes, n)
	g.latest = make(map[uint64]int32, n)
}

// staged returns the last op on key, -1 if there is none.
func (g *staging) staged(hash uint64, key []byte) int {
	i := len(g.ops) - 1
	if i >= fewOps {
		last, ok := g.latest[hash]
		if !ok {
			return -1
		}
		i = int(last)
	}
	return g.search(i, hash, key)
}

// stagedBefore returns the op before i on the same key, -1 if there is none.
func (g *staging) stagedBefore(i int) int {
	before := i - 1
	if len(g.ops) > fewOps {
		before = int(g.notes[i].earlier)
	}
	return g.search(before, g.notes[i].hash, g.ops[i].Key)
}

func (g *staging) search(i int, hash uint64, key []byte) int {
	for linked := len(g.ops) > fewOps; i >= 0; {
		if g.notes[i].hash == hash && bytes.Equal(g.ops[i].Key, key) {
			return i
		}
		if linked {
			i = int(g.notes[i].earlier)
		} else {
			i--
		}
	}
	return -1
}

// stage appends an op, with copies of its key and value, and returns its note, in which the caller may add to the hash.
// Both are filled in where they are: to copy a struct that has just been written makes a processor wait for the writes.
func (tx *Tx) stage(kind OpKind, typ Type, key, value []byte, expireAt int64, hash uint64) *note {
	g := &tx.staging
	if len(g.ops) == 0 {
		g.version = tx.table.version
	}
	g.version++
	g.ops, g.notes = append(g.ops, Op{}), append(g.notes, note{})
	op, n := &g.ops[len(g.ops)-1], &g.notes[len(g.notes)-1]
	op.Kind, op.Slot, op.Type, op.ExpireAt, op.Version = kind, tx.slot, typ, expireAt, g.version
	n.hash, n.at = hash, -1
	if kind == OpPut && isBig(len(key), len(value)) {
		op.Key, op.Value = g.keepBig(key, value)
	} else {
		op.Key, op.Value = g.copy(key), g.copy(value)
	}
	switch {
	case len(g.ops) == fewOps+1:
		if g.latest == nil {
			g.latest = make(map[uint64]int32)
		}
		for i := range g.ops {
			g.link(i)
		}
	case len(g.ops) > fewOps:
		g.link(len(g.ops) - 1)
	}
	return n
}

// keepBig is copy for a big entry.
func (g *staging) keepBig(key, value []byte) (k, v []byte) {
	if !g.owned || len(value) <= BigValue {
		value = append(make([]byte, 0, len(value)), value...)
	}
	if len(key) > maxKey {
		return bytes.Clone(key), value
	}
	return g.copy(key), value
}

func (g *staging) link(i int) {
	g.notes[i].earlier = -1
	if last, ok := g.latest[g.notes[i].hash]; ok {
		g.notes[i].earlier = last
	}
	g.latest[g.notes[i].hash] = int32(i)
}

// copy returns a copy of b that lives until reset. A full buffer is left to those who
// point into it.
func (g *staging) copy(b []byte) []byte {
	if cap(g.buf)-len(g.buf) < len(b) {
		g.buf = make([]byte, 0, max(min(2*cap(g.buf), maxBuf), len(b), 512))
	}
	start := len(g.buf)
	g.buf = append(g.buf, b...)
	return g.buf[start:len(g.buf):len(g.buf)]
}

// reset forgets everything but small buffers.
func (g *staging) reset() {
	if len(g.ops) == 0 && g.latest == nil {
		return
	}
	clear(g.ops)
	clear(g.notes)
	g.ops, g.notes, g.buf, g.place = g.ops[:0], g.notes[:0], g.buf[:0], nil
	if cap(g.buf) > keepBuf {
		g.buf = nil
	}
	if cap(g.ops) > 1024 {
		g.ops, g.notes = nil, nil
	}
	g.latest = nil
	g.grownKeys, g.grownBytes = 0, 0
}
