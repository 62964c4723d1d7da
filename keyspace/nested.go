package keyspace

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
	"unsafe"
)

// nested is a large hash or set: a table of its own, as each slot has one, with the fields
// (or members) for keys. Versions and access bits stay 0.
//
// Clones share segments. The table's version is the number of its present owner, and a
// segment's deleted that of the owner who may change it: all others copy the segment
// first. A clone and its original both get new numbers, which nobody had before, so
// cloning copies the directory and touches no segment.
type nested struct {
	table      table
	hash       func(part []byte) uint64 // the object's and its clones' own, see partHash
	typ        Type
	ints       bool   // of a set: there have been no members but integers
	expireNext uint32 // the prefix where active expiry goes on
	most       int    // parts there have been, see Encodings
	longest    int    // bytes of a name or a value there has been
}

// nestedOverhead is the memory of a nested besides what its table counts.
const nestedOverhead = int64(unsafe.Sizeof(nested{}))

var owners atomic.Uint64 // numbers given out

// partHash returns a hash of parts with a secret, since clients choose names of parts, too.
// Each object has one of its own: a walk goes by the hash, so an object that is filled from
// another one's walk would get all that is in front first, and could not split that.
func partHash() func(part []byte) uint64 {
	seed := maphash.MakeSeed()
	return func(part []byte) uint64 {
		return maphash.Comparable(seed, unsafe.String(unsafe.SliceData(part), len(part)))
	}
}

func newNested(typ Type) *nested {
	n := &nested{typ: typ, hash: partHash(), ints: typ == Set}
	n.table.version = owners.Add(1)
	n.table.clear(n.table.version)
	return n
}

func (n *nested) form() form { return forms[n.typ] }

func (n *nested) get(part []byte) (value []byte, expireAt int64, ok bool) {
	hash := n.hash(part)
	_, b, h := n.table.segment(hash).locate(tagOf(hash), part)
	switch {
	case b == nil:
		return nil, 0, false
	case h.flags&flagLarge == 0:
		return h.valueIn(b), h.expireAt(b), true
	}
	return n.table.segment(hash).larges.list[h.value].value, h.expireAt(b), true
}

// set must not be given a part or a value that lies in the object, whose bytes move.
func (n *nested) set(part, value []byte, expireAt int64) error {
	if n.typ == Set { // a member has no value, and does not expire
		value, expireAt = nil, 0
	}
	hash := n.hash(part)
	s, at := n.find(hash, part)
	rec := record{key: part, value: value, expireAt: expireAt}
	if isLarge(len(part), len(value)) {
		rec.key, rec.value = slices.Clone(part), slices.Clone(value)
	}
	if !n.table.put(s, at, hash, &rec, n.hash) {
		return errFlood
	}
	n.most = max(n.most, n.table.sum.keys)
	n.longest = max(n.longest, len(part), len(value))
	if n.ints {
		_, n.ints = parseInt(part)
	}
	return nil
}

// mustSet is set for parts that fit: those of a packed collection.
func (n *nested) mustSet(part, value []byte, expireAt int64) {
	if err := n.set(part, value, expireAt); err != nil {
		panic(err)
	}
}

func (n *nested) cut(part []byte) bool {
	hash := n.hash(part)
	if n.table.segment(hash).find(tagOf(hash), part) < 0 {
		return false
	}
	s, at := n.find(hash, part)
	n.table.remove(s, at, n.table.version)
	return true
}

// find is table.find for a change: it returns a segment that is the table's own.
func (n *nested) find(hash uint64, part []byte) (s *segment, at int) {
	s = n.table.segment(hash)
	if s.deleted != n.table.version {
		s = n.own(s)
	}
	return s, s.find(tagOf(hash), part)
}

// own puts a copy of a shared segment in its place.
func (n *nested) own(s *segment) *segment {
	t := &n.table
	c := s.clone()
	c.deleted = t.version
	t.leave(s)
	t.point(c)
	if t.depth == 0 {
		c = &t.one
	}
	t.enter(c)
	return c
}

func (n *nested) size() int    { return n.table.sum.keys }
func (n *nested) bytes() int64 { return n.table.sum.bytes + nestedOverhead }
func (n *nested) due() int64   { return n.table.due }

func (n *nested) clone() object {
	c := *n
	c.table.dir = slices.Clone(n.table.dir)
	c.table.version, n.table.version = owners.Add(1), owners.Add(1)
	return &c
}

// clone returns a copy that shares no bytes with s but those of large values, which do not
// change.
func (s *segment) clone() *segment {
	c := *s
	c.index.cells = slices.Clone(s.index.cells)
	c.arena = s.arena.clone()
	if s.larges != nil {
		c.larges = &larges{list: slices.Clone(s.larges.list), free: slices.Clone(s.larges.free), bytes: s.larges.bytes}
	}
	return &c
}

// clone copies the pages, with their room to grow.
func (a *arena) clone() arena {
	c := arena{used: a.used}
	if a.first == nil {
		return c
	}
	c.first = c.clonePage(a.first)
	if len(a.pages) > 0 {
		c.pages = make([][]byte, len(a.pages))
		for i, page := range a.pages {
			c.pages[i] = c.clonePage(page)
		}
	}
	return c
}

func (a *arena) clonePage(page []byte) []byte { return append(a.newPage(cap(page), 0), page...) }
