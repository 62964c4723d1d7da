package keyspace

import "bytes"

// staging collects the writes of a transaction.
type staging struct {
	ops        []Op       // in order
	plans      []plan     // one for each op
	latest     lastStaged // the last op of each hash, kept once there are more than fewOps
	events     []Event    // in order
	buf        []byte     // holds small keys and values that are not lent
	first      *segment   // where the first op's key was when it was staged …
	firstAt    int        // … which no op before it can have changed
	entry      []byte     // of the entry that the first op replaces, if its bytes are all there is to change
	version    uint64     // of the last op
	ranges     bool       // an op changes a range of a small string
	grownKeys  int
	grownBytes int64
}

// plan is what an op needs for its commit. It has no pointers: there may be very many.
type plan struct {
	hash      uint64
	earlier   int32 // the op before it with the same hash, -1 = none, kept with latest
	access    uint32
	hasAccess bool
	fresh     bool // the key was neither in the table nor staged
	lapse     bool // a removal because of expiry
	// changed is how many bytes of a small string differ, from the byte from on. 0: the key
	// is put as a whole.
	from, changed uint16
}

// lending says what staging does with the key and the value that it is given.
type lending uint8

const (
	copied lending = iota
	lent           // they stay as they are until the transaction has ended
	given          // a large value is kept by the store; all else is copied
)

const (
	fewOps  = 16        // up to here a linear search is fastest
	keepOps = 1 << 10   // longest list of ops kept for the next transaction
	keepBuf = 64 << 10  // greatest buffer kept for the next transaction
	maxBuf  = 256 << 10 // greatest buffer for small keys and values; then comes another one
)

// staged returns the last op on key, -1 if there is none.
func (g *staging) staged(hash uint64, key []byte) int {
	i := len(g.ops) - 1
	if i >= fewOps {
		i = g.latest.find(g.plans, hash)
	}
	return g.search(i, hash, key)
}

// stagedBefore returns the op before i on the same key, -1 if there is none.
func (g *staging) stagedBefore(i int) int {
	before := i - 1
	if len(g.ops) > fewOps {
		before = int(g.plans[i].earlier)
	}
	return g.search(before, g.plans[i].hash, g.ops[i].Key)
}

func (g *staging) search(i int, hash uint64, key []byte) int {
	for linked := len(g.ops) > fewOps; i >= 0; {
		if g.plans[i].hash == hash && bytes.Equal(g.ops[i].Key, key) {
			return i
		}
		if linked {
			i = int(g.plans[i].earlier)
		} else {
			i--
		}
	}
	return -1
}

// stage appends an op and returns its plan, in which the caller may add to the hash. Both
// are filled in place: copying a struct that has just been written makes a processor wait
// for the writes.
func (tx *Tx) stage(kind OpKind, typ Type, key, value []byte, expireAt int64, hash uint64, how lending) *plan {
	g := &tx.staging
	if len(g.ops) == 0 {
		g.version = tx.table.version
	}
	g.version++
	g.ops, g.plans = append(g.ops, Op{}), append(g.plans, plan{})
	op, n := &g.ops[len(g.ops)-1], &g.plans[len(g.plans)-1]
	op.Kind, op.Slot, op.Type, op.ExpireAt, op.Version = kind, tx.slot, typ, expireAt, g.version
	n.hash = hash
	switch {
	case kind == OpPut && isLarge(len(key), len(value)):
		op.Key, op.Value = g.keepLarge(key, value, how)
	case how == lent:
		op.Key, op.Value = key, value
	default:
		op.Key, op.Value = g.copy(key), g.copy(value)
	}
	switch {
	case len(g.ops) == fewOps+1:
		for i := range g.ops {
			g.link(i)
		}
	case len(g.ops) > fewOps:
		g.link(len(g.ops) - 1)
	}
	return n
}

// keepLarge is copy for a large entry, whose value the store keeps.
func (g *staging) keepLarge(key, value []byte, how lending) (k, v []byte) {
	if how != given || len(value) <= LargeValue {
		value = append(make([]byte, 0, len(value)), value...)
	}
	if len(key) > maxKey {
		return bytes.Clone(key), value
	}
	return g.copy(key), value
}

func (g *staging) link(i int) { g.plans[i].earlier = g.latest.set(g.plans, i) }

// copy returns a copy of b that lives until reset. A full buffer is replaced by a new one;
// the slices that point into it keep it alive.
func (g *staging) copy(b []byte) []byte {
	return append(g.reserve(len(b)), b...)
}

// reserve returns an empty slice with room for n bytes that live until reset.
func (g *staging) reserve(n int) []byte {
	if cap(g.buf)-len(g.buf) < n {
		g.buf = make([]byte, 0, max(min(2*cap(g.buf), maxBuf), n, 512))
	}
	start := len(g.buf)
	g.buf = g.buf[:start+n]
	return g.buf[start:start:len(g.buf)]
}

// giveBack returns what was put in the slice that was reserved last, without the rest of its
// room, which is there for the next one.
func (g *staging) giveBack(b []byte) []byte {
	g.buf = g.buf[:len(g.buf)-(cap(b)-len(b))]
	return b[:len(b):len(b)]
}

// reset forgets everything but small buffers.
func (g *staging) reset() {
	if len(g.ops) == 0 && g.latest.cells == nil && len(g.events) == 0 {
		return
	}
	clear(g.events)
	g.events = g.events[:0]
	if cap(g.ops) > keepOps {
		g.ops, g.plans = nil, nil
	}
	clear(g.ops)
	clear(g.plans)
	g.ops, g.plans, g.buf = g.ops[:0], g.plans[:0], g.buf[:0]
	if cap(g.buf) > keepBuf {
		g.buf = nil
	}
	g.latest, g.first, g.entry = lastStaged{}, nil, nil
	g.grownKeys, g.grownBytes, g.ranges = 0, 0, false
}
