package keyspace

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// hashSetRun changes hashes and sets of a store at random, in transactions of which some
// fail, and compares it and one that follows it with a model.
type hashSetRun struct {
	t     *testing.T
	make  partMaker
	now   time.Time
	store *Store
	model map[string]*partModel
}

func newHashSetRun(t *testing.T, seed uint64) (r *hashSetRun, replica *Store) {
	r = &hashSetRun{t: t, now: time.UnixMilli(1000), model: map[string]*partModel{}}
	r.make = partMaker{rnd: rand.New(rand.NewPCG(seed, 9)), typ: []Type{Hash, Set}[seed%2], text: seed%4 == 3,
		most: []int{5, 60, 1500}[seed%3]}
	clock := func() time.Time { return r.now }
	replica = newStore(Config{Now: clock}, seed)
	replica.SetPassive(true)
	r.store = newStore(Config{Now: clock, Sink: follower{t, replica}}, seed+1)
	return r, replica
}

func (r *hashSetRun) live(v partValue) bool { return v.expireAt == 0 || v.expireAt > r.now.UnixMilli() }

// value is partMaker.value with an expiry that is about now.
func (r *hashSetRun) value() (value []byte, expireAt int64) {
	value, expireAt = r.make.value()
	if expireAt != 0 {
		expireAt += r.now.UnixMilli() - 200
	}
	return value, expireAt
}

// step makes a random change in a transaction and in the model.
func (r *hashSetRun) step(tx *Tx, model map[string]*partModel) {
	key := fmt.Sprint("key:", r.make.rnd.IntN(3))
	m := model[key]
	if m == nil {
		m = newPartModel()
		model[key] = m
	}
	if r.make.rnd.IntN(200) == 0 {
		tx.Delete([]byte(key))
		*m = *newPartModel()
	}
	part := r.make.part()
	was, had := m.parts[string(part)]
	had = had && r.live(was)
	if r.make.typ == Set {
		r.stepSet(tx, key, m, part, had)
		return
	}
	h, err := tx.Hash([]byte(key))
	if err != nil {
		r.t.Fatal(err)
	}
	value, expireAt := r.value()
	switch r.make.rnd.IntN(7) {
	case 0, 1, 2:
		added, err := h.SetUntil(part, value, expireAt)
		if err != nil || added == had {
			r.t.Fatalf("SetUntil %q: %v, %v", part, added, err)
		}
		m.set(part, value, expireAt)
	case 3, 4:
		if got := h.Delete(part); got != had {
			r.t.Fatalf("Delete %q: %v", part, got)
		}
		m.cut(part)
	case 5:
		if ok, err := h.Expire(part, expireAt); err != nil || ok != had {
			r.t.Fatalf("Expire %q: %v, %v", part, ok, err)
		}
		if had {
			m.set(part, []byte(was.value), expireAt)
		}
	case 6:
		value, ok := h.Get(part)
		at, _ := h.ExpireAt(part)
		if ok != had || ok && (string(value) != was.value || at != was.expireAt) {
			r.t.Fatalf("Get %q: %.20q until %d, %v, want %.20q until %d, %v", part, value, at, ok, was.value, was.expireAt,
				had)
		}
	}
}

func (r *hashSetRun) stepSet(tx *Tx, key string, m *partModel, part []byte, had bool) {
	s, err := tx.Set([]byte(key))
	if err != nil {
		r.t.Fatal(err)
	}
	if s.Has(part) != had {
		r.t.Fatalf("Has %q is not %v", part, had)
	}
	if r.make.rnd.IntN(2) == 0 {
		if added, err := s.Add(part); err != nil || added == had {
			r.t.Fatalf("Add %q: %v, %v", part, added, err)
		}
		m.set(part, nil, 0)
		return
	}
	if got := s.Remove(part); got != had {
		r.t.Fatalf("Remove %q: %v", part, got)
	}
	m.cut(part)
}

// compare compares what a transaction sees with the model.
func (r *hashSetRun) compare(tx *Tx, model map[string]*partModel) {
	r.t.Helper()
	for key, m := range model {
		seen, scanned, size, random := r.read(tx, []byte(key))
		want := map[string]string{}
		for part, v := range m.parts {
			if r.live(v) {
				want[part] = v.value
			}
		}
		if !maps.Equal(seen, want) || !maps.Equal(scanned, want) {
			r.t.Fatalf("%s has %d parts, %d by Scan, want %d", key, len(seen), len(scanned), len(want))
		}
		if _, ok := want[random]; len(want) > 0 && !ok || size < len(want) || size > len(m.parts) {
			r.t.Fatalf("%s has Len %d, Random %q; want %d parts", key, size, random, len(want))
		}
	}
}

func (r *hashSetRun) read(tx *Tx, key []byte) (seen, scanned map[string]string, size int, random string) {
	seen, scanned = map[string]string{}, map[string]string{}
	if r.make.typ == Set {
		s, err := tx.Set(key)
		if err != nil {
			r.t.Fatal(err)
		}
		for member := range s.All() {
			seen[string(member)] = ""
		}
		for at, first := uint64(0), true; at != 0 || first; first = false {
			at = s.Scan(at, 20, func(member []byte) { scanned[string(member)] = "" })
		}
		member, _ := s.Random(r.make.rnd.Uint64)
		return seen, scanned, s.Len(), string(member)
	}
	h, err := tx.Hash(key)
	if err != nil {
		r.t.Fatal(err)
	}
	for field, value := range h.All() {
		seen[string(field)] = string(value)
	}
	for at, first := uint64(0), true; at != 0 || first; first = false {
		at = h.Scan(at, 20, func(field, value []byte) { scanned[string(field)] = string(value) })
	}
	field, _, _ := h.Random(r.make.rnd.Uint64)
	return seen, scanned, h.Len(), string(field)
}

func TestHashesAndSetsDoWhatMapsDo(t *testing.T) {
	for seed := range testSeeds(t, 24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r, replica := newHashSetRun(t, uint64(seed))
			for range 150 {
				r.transaction()
				if r.make.rnd.IntN(10) == 0 {
					r.expire()
				}
				if r.make.rnd.IntN(3) == 0 {
					r.now = r.now.Add(time.Duration(r.make.rnd.IntN(100)) * time.Millisecond)
				}
			}
			for _, s := range []*Store{r.store, replica} {
				checkStore(t, s)
				s.View(1, func(tx *Tx) error { r.compare(tx, r.model); return nil })
			}
			r.store.Clear()
			if r.store.Memory() != 0 || replica.Memory() != 0 {
				t.Fatalf("%d and %d bytes are left", r.store.Memory(), replica.Memory())
			}
		})
	}
}

func (r *hashSetRun) transaction() {
	failed := errors.New("failed")
	next := map[string]*partModel{}
	for key, m := range r.model {
		next[key] = m.clone()
	}
	fail := r.make.rnd.IntN(4) == 0
	err := r.store.Update(1, func(tx *Tx) error {
		for range 1 + r.make.rnd.IntN(40) {
			r.step(tx, next)
		}
		if r.make.rnd.IntN(8) == 0 {
			r.compare(tx, next)
		}
		if fail {
			return failed
		}
		return nil
	})
	switch {
	case (err == failed) != fail:
		r.t.Fatal(err)
	case !fail:
		r.model = next
	}
}

// expire lets active expiry remove all that has expired.
func (r *hashSetRun) expire() {
	r.store.ExpireStep(time.Hour)
	r.store.View(1, func(tx *Tx) error {
		for key, m := range r.model {
			for part, v := range m.parts {
				if !r.live(v) {
					m.cut([]byte(part))
				}
			}
			if _, ok := tx.Peek([]byte(key)); ok != (len(m.parts) > 0) {
				r.t.Fatalf("%s is a key: %v, with %d parts", key, ok, len(m.parts))
			}
		}
		r.compare(tx, r.model)
		return nil
	})
}

// firstLapse returns when the first part of a collection expires, exactly.
func firstLapse(rec *record) int64 {
	if rec.coll == nil {
		return rec.partsDue()
	}
	due := int64(never)
	rec.coll.walk(nil, func(_, _ []byte, expireAt int64) bool {
		if expireAt != 0 {
			due = min(due, expireAt)
		}
		return true
	})
	return due
}

// TestAllYieldsWhatStaysWhileItsLoopWrites deletes and sets fields in the loop, so that
// segments split, merge and move together under it.
func TestAllYieldsWhatStaysWhileItsLoopWrites(t *testing.T) {
	for _, fields := range []int{20, 3000} {
		s := New(Config{})
		s.Update(1, func(tx *Tx) error {
			h, _ := tx.Hash([]byte("key"))
			for i := range fields {
				h.Set(fmt.Appendf(nil, "field:%d", i), []byte("value"))
			}
			return nil
		})
		s.Update(1, func(tx *Tx) error {
			h, _ := tx.Hash([]byte("key"))
			seen := map[string]int{}
			n := 0
			for field, value := range h.All() {
				if string(value) == "value" {
					seen[string(field)]++
				}
				name := string(field)
				switch n++; {
				case n > 10*fields:
					t.Fatal("All does not end")
				case n%3 == 0:
					h.Delete([]byte(name))
				case n%3 == 1:
					h.Set(fmt.Appendf(nil, "more:%d", n), []byte("new"))
				default:
					h.SetUntil([]byte(name), []byte("value"), 1<<50) // its bytes move
				}
			}
			for i := range fields {
				if c := seen[fmt.Sprint("field:", i)]; c != 1 {
					t.Fatalf("field %d of %d was yielded %d times", i, fields, c)
				}
			}
			return nil
		})
	}
}

func TestWrongType(t *testing.T) {
	s := New(Config{})
	s.Update(1, func(tx *Tx) error {
		h, _ := tx.Hash([]byte("hash"))
		h.Set([]byte("f"), []byte("v"))
		if _, err := tx.Set([]byte("hash")); !errors.Is(err, ErrWrongType) {
			t.Errorf("Set of a hash: %v", err)
		}
		h.Delete([]byte("f"))
		if set, err := tx.Set([]byte("hash")); err != nil || set.Len() != 0 {
			t.Errorf("Set of an emptied hash: %v", err)
		}
		return nil
	})
	if s.Len() != 0 {
		t.Errorf("an emptied hash is a key")
	}
}
