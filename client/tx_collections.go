package client

import (
	"iter"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// mayUse returns an error if a transaction may not touch key.
func (t Tx) mayUse(key string) error {
	if slots.OfString(key) != t.slot {
		return slots.ErrCrossSlot
	}
	if !t.scope.has(key) {
		return t.scope.err
	}
	return nil
}

// Hash is a hash inside a transaction: fields with values. A key that is not there is an
// empty one. Values that it returns are valid until the hash changes or the transaction's
// function returns; what it is given is copied. A field may expire by itself.
type Hash struct {
	ref keyspace.HashRef
	of  collectionOf
}

// Hash returns the hash of key. The error is keyspace.ErrWrongType if key holds something
// else, slots.ErrCrossSlot if it is of another slot, or matches [ErrUndeclaredKey].
func (t Tx) Hash(key string) (Hash, error) {
	if err := t.mayUse(key); err != nil {
		return Hash{}, err
	}
	ref, err := t.tx.Hash(bytesOf(key))
	return Hash{ref, collectionOf{t, key, keyspace.HashEvents}}, err
}

// Len returns the number of fields.
func (h Hash) Len() int { return h.ref.Len() }

// Get returns the value of a field.
func (h Hash) Get(field string) (value []byte, ok bool) { return h.ref.Get(bytesOf(field)) }

// Set makes a field value, for ever. It returns keyspace.ErrOutOfMemory if there is no
// room.
func (h Hash) Set(field string, value []byte) error {
	_, err := h.ref.Set(bytesOf(field), value)
	return h.of.changed("hset", err)
}

// SetTTL is Set for a field that expires; a ttl below a millisecond counts as one, 0 means
// for ever.
func (h Hash) SetTTL(field string, value []byte, ttl time.Duration) error {
	_, err := h.ref.SetUntil(bytesOf(field), value, h.of.tx.deadline(ttl))
	return h.of.changed("hset", err)
}

// Delete removes a field and reports whether it was there. The last one takes the key with
// it.
func (h Hash) Delete(field string) bool {
	return tellTaken(h.of, "hdel", h.ref.Delete(bytesOf(field)), h.ref)
}

// All yields the fields with their values: of a small hash in the order in which they
// came, otherwise in none. The hash must not change meanwhile.
func (h Hash) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for field, value := range h.ref.All() {
			if !yield(string(field), value) {
				return
			}
		}
	}
}

// Set is a set inside a transaction. A key that is not there is an empty one.
type Set struct {
	ref keyspace.SetRef
	of  collectionOf
}

// SetOf returns the set of key. The errors are those of [Tx.Hash].
func (t Tx) SetOf(key string) (Set, error) {
	if err := t.mayUse(key); err != nil {
		return Set{}, err
	}
	ref, err := t.tx.Set(bytesOf(key))
	return Set{ref, collectionOf{t, key, keyspace.SetEvents}}, err
}

// Len returns the number of members.
func (s Set) Len() int { return s.ref.Len() }

// Has reports whether member is in the set.
func (s Set) Has(member string) bool { return s.ref.Has(bytesOf(member)) }

// Add adds a member and reports whether it is new. The error is keyspace.ErrOutOfMemory if
// there is no room.
func (s Set) Add(member string) (added bool, err error) {
	if added, err = s.ref.Add(bytesOf(member)); added {
		err = s.of.changed("sadd", err)
	}
	return added, err
}

// Remove removes a member and reports whether it was there. The last one takes the key
// with it.
func (s Set) Remove(member string) bool {
	return tellTaken(s.of, "srem", s.ref.Remove(bytesOf(member)), s.ref)
}

// All yields the members in no particular order. The set must not change meanwhile.
func (s Set) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for member := range s.ref.All() {
			if !yield(string(member)) {
				return
			}
		}
	}
}

// ZSet is a sorted set inside a transaction: members with scores, in the order of the
// scores, and among equal ones of the members' bytes. A key that is not there is an empty
// one.
type ZSet struct {
	ref keyspace.ZSetRef
	of  collectionOf
}

// ZSet returns the sorted set of key. The errors are those of [Tx.Hash].
func (t Tx) ZSet(key string) (ZSet, error) {
	if err := t.mayUse(key); err != nil {
		return ZSet{}, err
	}
	ref, err := t.tx.ZSet(bytesOf(key))
	return ZSet{ref, collectionOf{t, key, keyspace.ZSetEvents}}, err
}

// Len returns the number of members.
func (z ZSet) Len() int { return z.ref.Len() }

// Score returns a member's score.
func (z ZSet) Score(member string) (score float64, ok bool) { return z.ref.Score(bytesOf(member)) }

// Set gives a member a score. The error is keyspace.ErrOutOfMemory if there is no room, or
// says that the score is not a number.
func (z ZSet) Set(member string, score float64) error {
	_, err := z.ref.Set(bytesOf(member), score)
	return z.of.changed("zadd", err)
}

// Add adds delta to a member's score, 0 if it is not there, and returns the sum. The errors
// are those of Set.
func (z ZSet) Add(member string, delta float64) (score float64, err error) {
	score, _ = z.Score(member)
	score += delta
	return score, z.Set(member, score)
}

// Remove removes a member and reports whether it was there. The last one takes the key
// with it.
func (z ZSet) Remove(member string) bool {
	return tellTaken(z.of, "zrem", z.ref.Remove(bytesOf(member)), z.ref)
}

// Rank returns how many members come before a member, in ascending order.
func (z ZSet) Rank(member string) (rank int, ok bool) { return z.ref.Rank(bytesOf(member)) }

// From yields the members with their scores from a rank on in ascending order; 0 is the
// lowest. The set must not change meanwhile.
func (z ZSet) From(rank int) iter.Seq2[string, float64] { return named(z.ref.From(rank)) }

// Down yields the members from the highest rank, less the given number, in descending
// order: Down(0) begins with the highest score. The set must not change meanwhile.
func (z ZSet) Down(skip int) iter.Seq2[string, float64] { return named(z.ref.Down(z.Len() - 1 - skip)) }

func named(ranks iter.Seq2[[]byte, float64]) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for member, score := range ranks {
			if !yield(string(member), score) {
				return
			}
		}
	}
}

// List is a list inside a transaction: elements in an order, counted from 0. A key that is
// not there is an empty one.
type List struct {
	ref keyspace.ListRef
	of  collectionOf
}

// List returns the list of key. The errors are those of [Tx.Hash].
func (t Tx) List(key string) (List, error) {
	if err := t.mayUse(key); err != nil {
		return List{}, err
	}
	ref, err := t.tx.List(bytesOf(key))
	return List{ref, collectionOf{t, key, keyspace.ListEvents}}, err
}

// Len returns the number of elements.
func (l List) Len() int { return l.ref.Len() }

// At returns element i; ok is false if there is none. The element is valid until the list
// changes.
func (l List) At(i int) (value []byte, ok bool) { return l.ref.At(i) }

// PushFront adds an element before the first one. The error is keyspace.ErrOutOfMemory if
// there is no room.
func (l List) PushFront(value []byte) error { return l.of.changed("lpush", l.ref.PushFront(value)) }

// PushBack adds an element after the last one. The error is that of PushFront.
func (l List) PushBack(value []byte) error { return l.of.changed("rpush", l.ref.PushBack(value)) }

// PopFront removes the first element and returns it; ok is false if there is none. The
// last one takes the key with it.
func (l List) PopFront() (value []byte, ok bool) {
	value, ok = l.ref.PopFront()
	return value, tellTaken(l.of, "lpop", ok, l.ref)
}

// PopBack removes the last element and returns it, as PopFront does.
func (l List) PopBack() (value []byte, ok bool) {
	value, ok = l.ref.PopBack()
	return value, tellTaken(l.of, "rpop", ok, l.ref)
}

// Remove removes the elements [from, to); those that are not there are passed over.
func (l List) Remove(from, to int) {
	from, to = max(from, 0), min(to, l.Len())
	l.ref.Remove(from, to)
	tellTaken(l.of, "lrem", from < to, l.ref)
}

// All yields the elements with their numbers. The list must not change meanwhile.
func (l List) All() iter.Seq2[int, []byte] { return l.ref.From(0) }
