package keyspace

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrWrongType refuses an operation on a key that holds a value of another type. Its text
// is the error reply of the Redis protocol.
var ErrWrongType = errors.New("WRONGTYPE Operation against a key holding the wrong kind of value")

// A collection is a key with parts: a hash's fields, a set's members, a sorted set's
// members with scores, a list's elements under position numbers. A small one is packed:
// one byte string without pointers, which is the value of an entry in the arena. A large
// one is an object beside the arena. Both hold the same parts, and Ops speak of parts, so
// a store may keep packed what another has made an object of.

// form is how collections of one Type are packed. It has no state. packed may be nil,
// which is an empty collection.
type form interface {
	// get returns a part; value aliases packed. expireAt is in Unix milliseconds, 0 = never.
	get(packed, part []byte) (value []byte, expireAt int64, ok bool)
	// set makes part value, in place or by append, and returns the packed form after it.
	set(packed, part, value []byte, expireAt int64) []byte
	// cut removes a part in place.
	cut(packed, part []byte) ([]byte, bool)
	// size returns the number of parts.
	size(packed []byte) int
	// due returns when the first part expires, never if none does.
	due(packed []byte) int64
	// each visits the parts in their order until visit returns false.
	each(packed []byte, visit func(part, value []byte, expireAt int64) bool)
	// fits reports whether the collection may stay packed.
	fits(packed []byte) bool
	// grow returns an object with the same parts; it does not alias packed.
	grow(packed []byte) object
	// check returns an error if packed, which came from outside, is not in this form. What
	// passes is safe for all functions above.
	check(packed []byte) error
}

// partChecker is a form that does not take every part and value.
type partChecker interface {
	// checkPart returns an error if a part or its value, which came from outside, is not as
	// the form has them.
	checkPart(part, value []byte) error
}

// checkPart returns an error if a part or its value, which came from outside, is not as the
// type has them.
func checkPart(typ Type, part, value []byte) error {
	if c, ok := formOf(typ).(partChecker); ok {
		if err := c.checkPart(part, value); err != nil {
			return fmt.Errorf("keyspace: part of a %v: %w", typ, err)
		}
	}
	return nil
}

// object is a large collection. It is changed in place, under the slot's lock.
type object interface {
	form() form
	// get returns a part; value aliases the object until its next change.
	get(part []byte) (value []byte, expireAt int64, ok bool)
	// set makes part value; both are copied.
	set(part, value []byte, expireAt int64) error
	cut(part []byte) bool
	// size returns the number of parts.
	size() int
	// bytes returns the memory in use.
	bytes() int64
	// due returns when the first part expires; it may be too early, never too late.
	due() int64
	// walk visits parts from a cursor on, nil at first, until visit returns false: it stops
	// before that part. A part that is there from the first call to the last is visited at
	// least once, whatever changes between the calls. done means that the end was reached.
	walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (next partCursor, done bool)
	// clone returns a copy that shares pages with the object: a page is copied by the first
	// change on either side.
	clone() object
}

// collection is the object of an entry, and what belongs to it.
type collection struct {
	object
	counted int64 // bytes that the segment's accounts have for it
	// base is the version at which the object began. Ops of before are in it already or
	// spoke of an earlier value of the key.
	base uint64
}

// partsDue returns when the first part expires; it may be too early, never too late.
func (r *record) partsDue() int64 {
	f := formOf(r.typ)
	switch {
	case f == nil:
		return never
	case r.coll != nil:
		return r.coll.due()
	}
	return f.due(r.value)
}

// floor returns the version up to which an entry contains all that has happened to it.
func (r *record) floor() uint64 {
	if r.coll != nil {
		return r.coll.base
	}
	return r.version
}

// collectionAt returns the collection of the entry at position at, nil if it is none or
// packed.
func (s *segment) collectionAt(at int) *collection {
	b := s.arena.at(cellRef(s.index.cells[at]))
	if h := parseHead(b); h.flags&flagLarge != 0 {
		return s.larges.list[h.value].coll
	}
	return nil
}

// recount brings the accounts up to date with the collection of the entry at position at.
func (t *table) recount(s *segment, at int) {
	coll := s.collectionAt(at)
	t.leave(s)
	now := coll.bytes()
	s.larges.bytes += int(now - coll.counted)
	coll.counted = now
	if due := coll.due(); due != never {
		s.arena.at(cellRef(s.index.cells[at]))[0] |= flagDue
		s.due = min(s.due, due)
	}
	t.enter(s)
}

// amend changes expiry and version of an entry where they are, if their widths allow it.
func (t *table) amend(s *segment, at int, expireAt int64, version uint64) bool {
	b := s.arena.at(cellRef(s.index.cells[at]))
	h := parseHead(b)
	if h.flags&flagWide != 0 || version>>narrow != 0 || (h.flags&flagExpires != 0) != (expireAt != 0) {
		return false
	}
	putVersion(b, version)
	if expireAt != 0 {
		binary.LittleEndian.PutUint64(b[h.keyAt()-8:], uint64(expireAt))
		s.due = min(s.due, expireAt)
		t.due = min(t.due, expireAt)
	}
	return true
}

// partCursor is a place in an object's order of iteration, which only the object
// understands; nil is the start.
type partCursor []byte

// forms are the forms of all types; a type without one has no parts.
var forms [8]form

// formOf returns the form of a type of collections, nil if it is none.
func formOf(typ Type) form {
	if typ == String || int(typ) >= len(forms) {
		return nil
	}
	return forms[typ]
}
