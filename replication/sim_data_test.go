package replication

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Keys of the simulation: some of each type by their name, which a rename or copy changes,
// so that each key has every type in time.
const simKeys = 12

// simWrite makes random changes in a transaction, as commands would. An error rolls all of
// them back.
func simWrite(r *rand.Rand, tx *keyspace.Tx) (err error) {
	for range 1 + r.IntN(3) {
		key, other := simKey(r), simKey(r)
		switch r.IntN(16) {
		case 0, 1:
			tx.Delete(key)
		case 2:
			tx.Expire(key, 1<<50+int64(r.IntN(3)))
		case 3:
			_, err = tx.Rename(key, other)
		case 4:
			_, err = tx.Copy(key, other)
		case 5, 6:
			err = tx.Put(key, keyspace.String, simValue(r), 0)
		case 7:
			if s, wrong := tx.String(key); wrong == nil {
				err = tx.SetRange(key, r.IntN(s.Len()+50), simValue(r))
			}
		default:
			err = simParts(r, tx, key)
		}
		if err != nil {
			return err
		}
	}
	if r.IntN(10) == 0 {
		return fmt.Errorf("a transaction that fails")
	}
	return nil
}

func simKey(r *rand.Rand) []byte { return []byte{'k', byte('0' + r.IntN(simKeys))} }

func simValue(r *rand.Rand) []byte {
	value := bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(30))
	if r.IntN(40) == 0 {
		value = bytes.Repeat(value, 200)
	}
	return value
}

// simParts changes parts of a collection: seldom so many that it becomes a large one.
func simParts(r *rand.Rand, tx *keyspace.Tx, key []byte) error {
	n := 1 + r.IntN(4)
	if r.IntN(30) == 0 {
		n = 150
	}
	typ := []keyspace.Type{keyspace.List, keyspace.Set, keyspace.ZSet, keyspace.Hash, keyspace.Stream}[r.IntN(5)]
	if e, ok := tx.Peek(key); ok {
		typ = e.Type
	}
	for i := range n {
		part := fmt.Appendf(nil, "%d", r.IntN(8))
		if n > 4 {
			part = fmt.Appendf(nil, "a part with a long name %d", i)
		}
		cut := n <= 4 && r.IntN(5) < 2
		var err error
		switch typ {
		case keyspace.Hash:
			err = simHash(r, tx, key, part, cut)
		case keyspace.Set:
			err = simSet(tx, key, part, cut)
		case keyspace.ZSet:
			err = simZSet(r, tx, key, part, cut)
		case keyspace.List:
			err = simList(r, tx, key, part, cut)
		case keyspace.Stream:
			err = simStream(r, tx, key, part, cut)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func simHash(r *rand.Rand, tx *keyspace.Tx, key, field []byte, cut bool) error {
	h, err := tx.Hash(key)
	if err != nil {
		return err
	}
	switch {
	case cut:
		h.Delete(field)
	case r.IntN(6) == 0:
		_, err = h.Expire(field, 1<<50+int64(r.IntN(3)))
	default:
		_, err = h.Set(field, simValue(r))
	}
	return err
}

func simSet(tx *keyspace.Tx, key, member []byte, cut bool) error {
	s, err := tx.Set(key)
	if err != nil || cut {
		if err == nil {
			s.Remove(member)
		}
		return err
	}
	_, err = s.Add(member)
	return err
}

func simZSet(r *rand.Rand, tx *keyspace.Tx, key, member []byte, cut bool) error {
	z, err := tx.ZSet(key)
	if err != nil || cut {
		if err == nil {
			z.Remove(member)
		}
		return err
	}
	_, err = z.Set(member, float64(r.IntN(100)))
	return err
}

func simList(r *rand.Rand, tx *keyspace.Tx, key, element []byte, cut bool) error {
	l, err := tx.List(key)
	n := l.Len()
	switch {
	case err != nil:
		return err
	case cut && n > 0 && r.IntN(3) == 0:
		from := r.IntN(n)
		l.Remove(from, from+1+r.IntN(n-from))
	case cut && r.IntN(2) == 0:
		l.PopFront()
	case cut:
		l.PopBack()
	case n > 0 && r.IntN(4) == 0:
		return l.Set(r.IntN(n), element)
	case r.IntN(3) == 0:
		return l.PushFront(element)
	case r.IntN(2) == 0:
		return l.Insert(r.IntN(n+1), element)
	default:
		return l.PushBack(element)
	}
	return nil
}

// simContent returns what a slot holds, element by element, in an order of its own.
func simContent(s *keyspace.Store, slot slots.Slot) (lines []string) {
	s.View(slot, func(tx *keyspace.Tx) error {
		for key, e := range tx.All() {
			lines = append(lines, fmt.Sprintf("%q is a %v until %d: %s", key, e.Type, e.ExpireAt, simRead(tx, key, e)))
		}
		return nil
	})
	slices.Sort(lines)
	return lines
}

func simRead(tx *keyspace.Tx, key []byte, e keyspace.Entry) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch e.Type {
	case keyspace.String:
		return fmt.Sprintf("%q", e.Value)
	case keyspace.Hash:
		h, _ := tx.Hash(key)
		for field, value := range h.All() {
			at, _ := h.ExpireAt(field)
			add("%q=%q until %d", field, value, at)
		}
	case keyspace.Set:
		s, _ := tx.Set(key)
		for member := range s.All() {
			add("%q", member)
		}
	case keyspace.ZSet:
		z, _ := tx.ZSet(key)
		for member, score := range z.All() {
			add("%q=%v", member, score)
		}
		return fmt.Sprint(parts) // in order
	case keyspace.List:
		l, _ := tx.List(key)
		for element := range l.All() {
			add("%q", element)
		}
		return fmt.Sprint(parts) // in order
	case keyspace.Stream:
		snapshot, _ := tx.Snapshot(key)
		snapshot.Parts(func(part, value []byte, _ int64) bool { add("%x=%x", part, value); return true })
		return fmt.Sprint(parts) // in order
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}
