package keyspace

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// changeList makes a random change to a list and to the slice that says what it should be.
func changeList(t *testing.T, rnd *rand.Rand, l ListRef, model []string) []string {
	v := []byte(fmt.Sprintf("%0*d", rnd.IntN(20), rnd.IntN(100)))
	switch rnd.IntN(60) {
	case 0:
		v = bytes.Repeat(v, 1+rnd.IntN(200))
	case 1:
		v = nil
	}
	n := len(model)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	pop := func(pop func() ([]byte, bool), want string) {
		if v, ok := pop(); !ok || string(v) != want {
			t.Fatalf("popped %.40q, %v, want %.40q", v, ok, want)
		}
	}
	switch kind := rnd.IntN(12); {
	case n == 0 || kind < 3:
		check(l.PushFront(v))
		return slices.Insert(model, 0, string(v))
	case kind < 5:
		check(l.PushBack(v))
		return append(model, string(v))
	case kind < 7:
		i := rnd.IntN(n + 1)
		if rnd.IntN(2) == 0 {
			i = n / 2
		}
		check(l.Insert(i, v))
		return slices.Insert(model, i, string(v))
	case kind == 7:
		i := rnd.IntN(n)
		check(l.Set(i, v))
		model[i] = string(v)
		return model
	case kind == 8:
		pop(l.PopFront, model[0])
		return model[1:]
	case kind == 9:
		pop(l.PopBack, model[n-1])
		return model[:n-1]
	}
	from, to := rnd.IntN(n), rnd.IntN(n)
	if rnd.IntN(8) > 0 {
		to = from + 1 + rnd.IntN(3)
	}
	from, to = min(from, to, n), min(max(from, to), n)
	if rnd.IntN(200) == 0 {
		from, to = 0, n
	}
	l.Remove(from, to)
	return slices.Delete(model, from, to)
}

func compareList(t *testing.T, tx *Tx, rnd *rand.Rand, want []string) {
	t.Helper()
	l, err := tx.List([]byte("l"))
	if err != nil {
		t.Fatal(err)
	}
	if _, there := tx.Get([]byte("l")); there != (len(want) > 0) || l.Len() != len(want) {
		t.Fatalf("%d elements, the key is there: %v; want %d", l.Len(), there, len(want))
	}
	i := 0
	for v := range l.All() {
		if string(v) != want[i] {
			t.Fatalf("element %d is %.40q, want %.40q", i, v, want[i])
		}
		i++
	}
	if i != len(want) {
		t.Fatalf("All yields %d of %d", i, len(want))
	}
	if i == 0 {
		return
	}
	from := rnd.IntN(i)
	if v, ok := l.At(from); !ok || string(v) != want[from] {
		t.Fatalf("At(%d) = %.40q, %v, want %.40q", from, v, ok, want[from])
	}
	count := 0
	for i, v := range l.Down(from) {
		if i != from-count || string(v) != want[i] {
			t.Fatalf("Down yields %d: %.40q, want %.40q", i, v, want[i])
		}
		count++
	}
	for i, is := range l.Matches([]byte(want[from]), 0) {
		if is != (want[i] == want[from]) {
			t.Fatalf("Matches yields %d: %v, element %.40q", i, is, want[i])
		}
	}
	if count != from+1 {
		t.Fatalf("Down yields %d of %d", count, from+1)
	}
}

// TestList changes a list at random, small and large, in transactions of which some fail,
// and compares it, and those of two stores that follow, with a slice.
func TestList(t *testing.T) {
	for seed := range uint64(testSeeds(t, 8)) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		replica := newStore(Config{}, 2)
		replica.SetPassive(true)
		double := newStore(Config{}, 3)
		s := newStore(Config{Sink: carrier{follower{t, replica}, double}}, 1)
		var model []string
		var old Snapshot
		var was []string
		for round := range 60 {
			next := slices.Clone(model)
			fail := rnd.IntN(4) == 0
			err := s.Update(1, func(tx *Tx) error {
				l, err := tx.List([]byte("l"))
				if err != nil {
					t.Fatal(err)
				}
				for range rnd.IntN(10 << (seed % 4 * 2)) {
					next = changeList(t, rnd, l, next)
				}
				compareList(t, tx, rnd, next)
				if fail {
					return errors.New("failed")
				}
				return nil
			})
			if (err != nil) != fail {
				t.Fatal(err)
			}
			if !fail {
				model = next
			}
			for _, store := range []*Store{s, replica, double} {
				_ = store.View(1, func(tx *Tx) error { compareList(t, tx, rnd, model); return nil })
			}
			if round == 30 {
				_ = s.View(1, func(tx *Tx) error { old, _ = tx.Snapshot([]byte("l")); return nil })
				was = slices.Clone(model)
			}
		}
		if l, err := old.List(); len(was) > 0 {
			var now []string
			for _, v := range l.From(0) {
				now = append(now, string(v))
			}
			if err != nil || !slices.Equal(now, was) {
				t.Fatalf("seed %d: a snapshot has changed", seed)
			}
		}
	}
}

// An insertion that finds no free position renumbers; when memory is short, it changes
// nothing at all.
func TestListInsertWithoutMemory(t *testing.T) {
	s := newStore(Config{}, 1)
	key := []byte("l")
	update := func(fn func(l ListRef) error) error {
		return s.Update(1, func(tx *Tx) error {
			l, err := tx.List(key)
			if err != nil {
				return err
			}
			return fn(l)
		})
	}
	n := 2
	err := update(func(l ListRef) error {
		return errors.Join(l.PushBack([]byte("first")), l.PushBack([]byte("last")))
	})
	for err == nil && n < 2000 {
		if n == 1000 {
			s.SetMaxMemory(1)
		}
		if n == 1020 {
			s.SetMaxMemory(0)
		}
		err = update(func(l ListRef) error {
			before := l.Len()
			err := l.Insert(1, []byte("between"))
			if errors.Is(err, ErrOutOfMemory) && l.Len() == before {
				return nil
			}
			return err
		})
		n++
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = update(func(l ListRef) error {
		first, _ := l.At(0)
		last, _ := l.At(l.Len() - 1)
		if l.Len() != 2000-20 || string(first) != "first" || string(last) != "last" {
			t.Errorf("%d elements from %q to %q", l.Len(), first, last)
		}
		return nil
	})
}

func TestListOfAnotherType(t *testing.T) {
	s := newStore(Config{}, 1)
	err := s.Update(1, func(tx *Tx) error {
		if err := tx.Put([]byte("k"), String, []byte("v"), 0); err != nil {
			return err
		}
		_, err := tx.List([]byte("k"))
		return err
	})
	if !errors.Is(err, ErrWrongType) {
		t.Errorf("List of a string: %v", err)
	}
}

// Ops of lists that no store sends are refused or do nothing.
func TestListOpsFromOutside(t *testing.T) {
	s := newStore(Config{}, 1)
	key := []byte("l")
	for _, op := range []Op{
		{Kind: OpPart, Type: List, Slot: 1, Key: key, Part: []byte("short"), Value: []byte("v"), Version: 1},
		{Kind: OpPut, Type: List, Slot: 1, Key: key, Value: []byte{0, 9}, Version: 1},
	} {
		if err := s.Apply(op); err == nil {
			t.Errorf("%v was applied", op)
		}
	}
	if err := s.Apply(Op{Kind: OpPart, Type: List, Slot: 1, Key: key, Part: make([]byte, 8), Version: 2}); err != nil {
		t.Fatal(err)
	}
	for _, op := range []Op{
		{Kind: OpCut, Slot: 1, Key: key, Part: []byte("x"), Version: 3},
		{Kind: OpCut, Slot: 1, Key: key, Part: []byte("x"), Value: []byte("y"), Version: 4},
	} {
		if err := s.Apply(op); err != nil {
			t.Error(err)
		}
	}
	_ = s.View(1, func(tx *Tx) error {
		if l, _ := tx.List(key); l.Len() != 1 {
			t.Errorf("%d elements", l.Len())
		}
		return nil
	})
}
