package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// The keys of a slot have types by their number, and some change it now and then. What is
// stored is compared in print.

// write changes a key as a client does, and returns what it is then.
func (w *world) write(tx *keyspace.Tx, k string) (string, error) {
	w.value++
	short := strconv.Itoa(w.value)
	v := short + strings.Repeat(".", w.r.IntN(60))
	key, kind := []byte(k), k[strings.IndexByte(k, ':')+1]
	if w.r.IntN(10) == 0 {
		tx.Delete(key) // what follows is another key of that name
		kind = '0' + byte(w.r.IntN(simKeys))
	}
	have, there := tx.Peek(key)
	if there {
		kind = kindOf(have)
	}
	var err error
	switch kind {
	case '2':
		err = writeHash(w, tx, key, short, !there)
	case '3':
		err = writeHash(w, tx, key, short, false)
	case '4':
		var set keyspace.SetRef
		if set, err = tx.Set(key); err == nil {
			_, err = set.Add([]byte(short))
		}
	case '1':
		err = writeList(w, tx, key, short, !there)
	case '6':
		err = writeStream(w, tx, key, short, !there)
	case '5':
		var z keyspace.ZSetRef
		if z, err = tx.ZSet(key); err == nil {
			_, err = z.Set([]byte(short), float64(w.value%7))
		}
	default:
		if w.r.IntN(8) == 0 {
			v += strings.Repeat("-", keyspace.LargeValue)
		}
		err = tx.Put(key, keyspace.String, []byte(v), 0)
	}
	return render(tx, key), err
}

// kindOf returns the kind that writes go on with.
func kindOf(e keyspace.Entry) byte {
	switch {
	case e.Type == keyspace.Hash:
		return '3'
	case e.Type == keyspace.Set:
		return '4'
	case e.Type == keyspace.List:
		return '1'
	case e.Type == keyspace.ZSet:
		return '5'
	case e.Type == keyspace.Stream:
		return '6'
	}
	return '0'
}

// writeHash changes some fields. One of the first write makes the hash large, and goes.
func writeHash(w *world, tx *keyspace.Tx, key []byte, v string, large bool) error {
	h, err := tx.Hash(key)
	if err != nil {
		return err
	}
	if large {
		if _, err := h.Set([]byte("filler"), make([]byte, keyspace.LargeValue)); err != nil {
			return err
		}
	}
	for i := range 1 + w.r.IntN(4) {
		field := fmt.Appendf(nil, "f%d", w.r.IntN(9))
		if i > 0 && w.r.IntN(3) == 0 && h.Len() > 2 {
			h.Delete(field)
		} else if _, err := h.Set(field, []byte(v)); err != nil {
			return err
		}
	}
	h.Delete([]byte("filler"))
	return nil
}

// writeList pushes and pops, and cuts ranges. One of the first write makes the list large.
func writeList(w *world, tx *keyspace.Tx, key []byte, v string, large bool) error {
	l, err := tx.List(key)
	if err != nil {
		return err
	}
	for range 1 + w.r.IntN(4) {
		if err := l.PushBack([]byte(v)); err != nil {
			return err
		}
	}
	switch {
	case large && w.r.IntN(2) == 0:
		for range 3 { // longer than any packed list
			err = errors.Join(err, l.PushFront(make([]byte, keyspace.LargeValue)))
		}
		l.Remove(0, 3)
	case w.r.IntN(3) == 0:
		l.Remove(0, w.r.IntN(l.Len()))
	case w.r.IntN(3) == 0:
		err = l.Insert(w.r.IntN(l.Len()), []byte(v+"i"))
	}
	return err
}

// render returns a value in print, "" if there is none.
func render(tx *keyspace.Tx, key []byte) string {
	e, _ := tx.Peek(key)
	var parts []string
	switch e.Type {
	case keyspace.Hash:
		h, _ := tx.Hash(key)
		for field, value := range h.All() {
			parts = append(parts, string(field)+"="+string(value))
		}
	case keyspace.Set:
		set, _ := tx.Set(key)
		for member := range set.All() {
			parts = append(parts, string(member))
		}
	case keyspace.ZSet:
		z, _ := tx.ZSet(key)
		for member, score := range z.All() {
			parts = append(parts, fmt.Sprint(string(member), score))
		}
	case keyspace.List:
		l, _ := tx.List(key)
		for v := range l.All() {
			parts = append(parts, string(v))
		}
		return "list " + strings.Join(parts, " ")
	case keyspace.Stream:
		snapshot, _ := tx.Snapshot(key)
		snapshot.Parts(func(part, value []byte, _ int64) bool {
			parts = append(parts, fmt.Sprintf("%x=%x", part, value))
			return true
		})
		return "stream " + strings.Join(parts, " ")
	default:
		return string(e.Value)
	}
	slices.Sort(parts)
	return e.Type.String() + " " + strings.Join(parts, " ")
}

// dumped returns what a store has of a slot, that which is staged included.
func dumped(s *keyspace.Store, slot slots.Slot) (ops []keyspace.Op) {
	var at keyspace.DumpCursor
	for done := false; !done; {
		at, done, _ = s.Dump(slot, at, 1<<20, func(op keyspace.Op) error {
			op.Key, op.Part, op.Value = bytes.Clone(op.Key), bytes.Clone(op.Part), bytes.Clone(op.Value)
			ops = append(ops, op)
			return nil
		})
	}
	return ops
}
