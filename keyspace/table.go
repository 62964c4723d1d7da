package keyspace

import (
	"errors"
	"sync/atomic"
)

var errFlood = errors.New("keyspace: too many keys have the same hash, the key cannot be stored")

// prefixBits is how many bits of a hash a directory may use: 2^20 segments of 64 KiB
// are more than a machine has.
const prefixBits = 20

// dirEntry is the bytes that a directory takes for each of its entries.
const dirEntry = 8

func tagOf(hash uint64) uint32 { return uint32(hash) & (tagCount - 1) }

// table holds one slot: one segment, or a directory of segments indexed by the first bits
// of the hash. It fills four cache lines; a value that is overwritten in place needs the
// first one. Its lock line guards it.
type table struct {
	depth      uint8
	copying    bool   // precopies has one
	writeWraps uint16 // of writes
	writes     uint32 // see SlotStats
	version    uint64 // of the last change
	due        int64  // no entry expires before
	sum        totals
	waiters    *waiters // nil: nobody waits

	one segment    // the only segment, while depth is 0
	dir []*segment // 1<<depth of them, while depth is not 0

	misses, expired uint64      // see Stats
	wraps           uint32      // of the lock line's hits
	deepest         uint32      // segments whose depth is the directory's
	staged          *stagedKeys // nil: there are none
	precopies       *Precopy    // a list of those that go on
}

// seen is what is read without the slot's lock, as of the last commit: it is written under
// the lock, by Store.publishCounts.
type seen struct {
	keys     atomic.Int64
	bytes    atomic.Int64 // of memory in use
	expiring atomic.Int64 // of them, with an expiry
	due      atomic.Int64 // no entry expires before
}

// totals are the counts of a segment or of all segments of a slot.
type totals struct {
	keys     int
	expiring int   // of them, with an expiry
	bytes    int64 // of memory in use
	held     int64 // of memory reserved
}

// segment returns the segment of a hash.
func (t *table) segment(hash uint64) *segment {
	if t.depth == 0 {
		return &t.one
	}
	return t.dir[hash>>(64-t.depth)]
}

// segmentAt returns the segment that holds the hashes that begin with prefix.
func (t *table) segmentAt(prefix uint32) *segment {
	return t.segment(uint64(prefix) << (64 - prefixBits))
}

// find returns the place of key: at is -1 if it is not there.
func (t *table) find(hash uint64, key []byte) (s *segment, at int) {
	s = t.segment(hash)
	return s, s.find(tagOf(hash), key)
}

// leave subtracts s from the totals; every change of s happens between leave and enter.
func (t *table) leave(s *segment) {
	t.sum.keys -= int(s.index.n)
	t.sum.expiring -= int(s.volatiles)
	t.sum.bytes -= s.bytes()
	t.sum.held -= s.held()
}

func (t *table) enter(s *segment) {
	t.sum.keys += int(s.index.n)
	t.sum.expiring += int(s.volatiles)
	t.sum.bytes += s.bytes()
	t.sum.held += s.held()
	t.due = min(t.due, s.due)
}

// put stores rec under hash; s and at are what find returned. It returns false if
// segment.put does.
func (t *table) put(s *segment, at int, hash uint64, rec *record, rehash func([]byte) uint64) bool {
	if t.sum.keys == 0 {
		t.enter(s) // an empty slot's segment does not count
	}
	for at < 0 && s.full() && s.depth < prefixBits && t.split(s, rehash) {
		s = t.segment(hash)
	}
	rec.shape()
	t.leave(s)
	ok := s.put(at, tagOf(hash), rec)
	if !ok {
		s.compact()
		ok = s.put(at, tagOf(hash), rec)
	}
	if s.wasteful() {
		s.compact()
	}
	t.enter(s)
	return ok
}

// remove removes the entry at position at of s; version is that of the removal.
func (t *table) remove(s *segment, at int, version uint64) {
	t.leave(s)
	s.remove(at)
	s.deleted = version
	wasteful := s.hollow() || s.index.n == 0
	t.enter(s)
	switch {
	case t.sum.keys == 0:
		t.clear(version)
	case wasteful && !t.mergeWithBuddy(s):
		t.leave(s)
		s.compact()
		t.enter(s)
	}
}

// clear drops all keys in constant time; the garbage collector does the rest. What is
// staged stays.
func (t *table) clear(version uint64) {
	t.one = segment{deleted: version, due: never}
	t.dir, t.depth, t.deepest = nil, 0, 0
	t.sum = totals{bytes: t.staged.size(), held: t.staged.size()}
	t.due = never
}

// split replaces s by its halves, and doubles the directory if s has its depth. If a split
// would separate nothing, split does nothing and returns false: otherwise the directory
// would double again and again for nothing.
func (t *table) split(s *segment, rehash func([]byte) uint64) bool {
	low, high, ok := s.split(rehash)
	if !ok {
		s.stuck++
		return false
	}
	t.leave(s)
	t.enter(low)
	t.enter(high)
	if low.depth > t.depth {
		t.double()
	}
	t.point(low)
	t.point(high)
	if low.depth == t.depth {
		t.deepest += 2
	}
	return true
}

// setDir replaces the directory, whose memory counts as the segments' does.
func (t *table) setDir(dir []*segment) {
	grown := int64(len(dir)-len(t.dir)) * dirEntry
	t.sum.bytes += grown
	t.sum.held += grown
	t.dir = dir
}

// double makes a directory of twice the length. The copying is 8 bytes per 500 keys or so.
func (t *table) double() {
	dir := make([]*segment, 2<<t.depth)
	for i := range dir {
		dir[i] = t.segment(uint64(i) << (63 - t.depth))
	}
	if t.depth == 0 {
		t.one = segment{} // split already: what its halves did not take is in the way
	}
	t.setDir(dir)
	t.depth, t.deepest = t.depth+1, 0
}

// point makes the directory point to s wherever a hash leads to it.
func (t *table) point(s *segment) {
	if t.depth == 0 {
		t.one = *s
		return
	}
	first := s.prefix >> (prefixBits - t.depth)
	for i := range uint32(1) << (t.depth - s.depth) {
		t.dir[first+i] = s
	}
}

// mergeWithBuddy merges s with the other half of the split it came from, if both are small
// now, and halves the directory while no segment needs its depth.
func (t *table) mergeWithBuddy(s *segment) bool {
	if s.depth == 0 {
		return false
	}
	bit := uint32(1) << (prefixBits - s.depth)
	low, high := t.segmentAt(s.prefix&^bit), t.segmentAt(s.prefix|bit)
	if !mergeable(low, high) {
		return false
	}
	one := merge(low, high)
	t.leave(low)
	t.leave(high)
	t.enter(one)
	if low.depth == t.depth {
		t.deepest -= 2
	}
	t.point(one)
	for t.depth > 0 && t.deepest == 0 {
		t.halve()
	}
	return true
}

func (t *table) halve() {
	t.depth--
	if t.depth == 0 {
		t.one = *t.dir[0]
		t.setDir(nil)
		return
	}
	dir := make([]*segment, 1<<t.depth)
	for i := range dir {
		dir[i] = t.dir[2*i]
		if dir[i].depth == t.depth {
			t.deepest++
		}
	}
	t.setDir(dir)
}
