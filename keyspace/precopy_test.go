package keyspace

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// imports brings what a Precopy emits to another store, batch by batch and on the wire.
type imports struct {
	t     *testing.T
	to    *Store
	batch []Op
}

func (g *imports) emit(op *Op) {
	clone, _, err := DecodeOp(AppendOp(nil, op))
	if err != nil {
		g.t.Fatalf("DecodeOp of a %v: %v", op.Kind, err)
	}
	g.batch = append(g.batch, clone)
}

func (g *imports) flush() error {
	_, err := g.to.Import(g.batch, false, func() bool { return true })
	g.batch = nil
	return err
}

// plainContents returns what all clients of a store see of a slot.
func plainContents(s *Store, slot slots.Slot) (m plainModel) {
	s.View(slot, func(tx *Tx) error { m = content(tx); return nil })
	return m
}

// TestPrecopy copies a key while it, and others, are changed, renamed, copied over and
// deleted at random. Until the copy is done the target shows nothing; then it has what the
// source had when the key was frozen, and so has the target's replica. If the key is gone,
// nothing is left at the target.
func TestPrecopy(t *testing.T) {
	outcomes := map[PrecopyState]int{}
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		s, replica := newStore(Config{}, 1), newStore(Config{}, 2)
		replica.SetPassive(true)
		target := newStore(Config{Sink: follower{t, replica}}, 3)
		model := plainModel{}
		const key = "k1"
		update := func(step func(tx *Tx)) {
			if err := s.Update(1, func(tx *Tx) error { step(tx); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		isStream, budget := seed%4 >= 2, 40
		if isStream {
			budget = 1000
		}
		update(func(tx *Tx) {
			if isStream {
				for range 15 {
					model.stepStream(t, rnd, tx, key)
				}
				return
			}
			i, _ := tx.open([]byte(key), plain)
			model[key] = map[string]string{}
			for n := range 12 + rnd.IntN(30) {
				part := fmt.Sprintf("p%d", n)
				tx.setPart(i, []byte(part), []byte("first"), 0)
				model[key][part] = "first"
			}
		})
		p := s.Precopy(1, []byte(key))
		in := &imports{t: t, to: target}
		state, outrun := PrecopyGoes, rnd.IntN(8) == 0
		if outrun {
			p.dirty.limit = 4 * dirtyOverhead
		}
		var freeze func() bool
		for state == PrecopyGoes || state == PrecopyHeld {
			left := 0
			if state, left = p.Next(1+rnd.IntN(budget), freeze, in.emit); state == PrecopyHeld && len(in.batch) > 0 {
				t.Fatalf("seed %d: it emits ops of a key that could not be frozen", seed)
			}
			if err := in.flush(); err != nil {
				t.Fatalf("seed %d: import: %v", seed, err)
			}
			if got := plainContents(target, 1); state != PrecopyDone && (len(got) > 0 || target.Len() > 0 || replica.Len() > 0) {
				t.Fatalf("seed %d: the target shows %v before the key is complete", seed, got)
			}
			switch {
			case freeze != nil && rnd.IntN(3) > 0:
				freeze = func() bool { return true }
			case freeze == nil && left < 200 && rnd.IntN(2) == 0:
				freeze = func() bool { return false }
			case freeze == nil:
				steady := seed%2 == 0 // only parts change: the copy comes to its end
				for range rnd.IntN(5) {
					update(func(tx *Tx) {
						if steady && isStream {
							model.stepStream(t, rnd, tx, key)
						} else if steady {
							i, _ := tx.open([]byte(key), plain)
							model.stepPart(rnd, tx, i, key)
						} else {
							model.step(t, rnd, tx)
						}
					})
				}
			}
		}
		p.End()
		outcomes[state]++
		want := plainModel{}
		if state == PrecopyDone {
			want[key] = model[key]
		} else {
			target.Update(1, func(tx *Tx) error { tx.Unstage([]byte(key)); return nil })
		}
		for i, store := range []*Store{replica, target} {
			name := [...]string{"replica", "target"}[i]
			if got := plainContents(store, 1); !got.equal(want) {
				t.Fatalf("seed %d: %s has %v, want %v", seed, name, got, want)
			}
			set := store.Staged()
			if !set.Empty() || store.staged.Load() != 0 {
				t.Fatalf("seed %d: %s: something is staged still", seed, name)
			}
			store.Clear()
			if store.Memory() != 0 {
				t.Fatalf("seed %d: %s: %d bytes are left", seed, name, store.Memory())
			}
		}
		if s.lock(1).precopies != nil {
			t.Fatal("the store still follows the key")
		}
		s.unlock(1)
	}
	for _, state := range []PrecopyState{PrecopyDone, PrecopyEnded, PrecopyOutrun} {
		if outcomes[state] == 0 {
			t.Errorf("no run ended in state %d: %v", state, outcomes)
		}
	}
}

// stepPart changes one part of a collection that never becomes empty.
func (m plainModel) stepPart(rnd *rand.Rand, tx *Tx, i int, key string) {
	part, value := fmt.Sprintf("p%d", 1+rnd.IntN(60)), fmt.Sprintf("v%d", rnd.IntN(1000))
	if rnd.IntN(3) == 0 {
		tx.cutPart(i, []byte(part))
		delete(m[key], part)
		return
	}
	tx.setPart(i, []byte(part), []byte(value), 0)
	m[key][part] = value
}

// TestStagedIsNoKey checks that a staged key can be neither read nor counted, beside a key
// of the same name that goes its own way; that it outlives the deletion of the last key,
// and comes along when the store is adopted.
func TestStagedIsNoKey(t *testing.T) {
	s := newStore(Config{}, 1)
	in := &imports{t: t, to: s}
	in.emit(&Op{Kind: OpStage, Type: plain, Slot: 1, Key: []byte("k"), Version: 7})
	in.emit(&Op{Kind: OpStagePart, Type: plain, Slot: 1, Key: []byte("k"), Part: []byte("p"), Value: []byte("v"),
		Version: 7})
	if err := in.flush(); err != nil {
		t.Fatal(err)
	}
	staged := s.Memory()
	if staged == 0 || s.Len() != 0 || len(s.Keys(1, 10)) != 0 || s.Count(1) != 0 {
		t.Fatalf("%d bytes, %d keys", staged, s.Len())
	}
	s.Update(1, func(tx *Tx) error { return tx.Put([]byte("k"), String, []byte("of its own"), 0) })
	s.Update(1, func(tx *Tx) error { tx.Delete([]byte("k")); return nil })
	if s.Memory() != staged {
		t.Fatalf("%d bytes after a key of the same name came and went, %d before", s.Memory(), staged)
	}
	next := newStore(Config{}, 2)
	stage := next.Stage()
	imports := &imports{t: t, to: stage, batch: []Op{{Kind: OpStage, Type: plain, Slot: 1, Key: []byte("k"), Version: 7},
		{Kind: OpStagePart, Slot: 1, Key: []byte("k"), Part: []byte("p"), Value: []byte("v")}}}
	if err := imports.flush(); err != nil {
		t.Fatal(err)
	}
	next.Adopt(stage)
	if next.Memory() != staged || stage.Memory() != 0 {
		t.Fatalf("%d bytes were adopted, %d are left; want %d and 0", next.Memory(), stage.Memory(), staged)
	}
	for _, store := range []*Store{s, next} {
		reveal := Op{Kind: OpReveal, Slot: 1, Key: []byte("k"), Version: 9}
		if _, err := store.Import([]Op{reveal}, false, func() bool { return true }); err != nil {
			t.Fatal(err)
		}
		want := plainModel{"k": {"p": "v"}}
		if got := plainContents(store, 1); !got.equal(want) || store.Len() != 1 {
			t.Fatalf("%v after the end, want %v", got, want)
		}
		// It comes again: what is here stays.
		if _, err := store.Import([]Op{reveal}, false, func() bool { return true }); err != nil {
			t.Fatal(err)
		}
		if got := plainContents(store, 1); !got.equal(want) {
			t.Fatalf("%v after the end has come twice", got)
		}
	}
}

// TestImportWithoutBeginning checks that parts and the end of a key whose beginning is not
// here are refused, and leave nothing.
func TestImportWithoutBeginning(t *testing.T) {
	for _, kind := range []OpKind{OpStagePart, OpStageCut, OpReveal} {
		s := newStore(Config{}, 1)
		op := Op{Kind: kind, Type: plain, Slot: 1, Key: []byte("k"), Part: []byte("p"), Version: 3}
		if _, err := s.Import([]Op{op}, false, func() bool { return true }); !errors.Is(err, ErrNotStaged) {
			t.Errorf("%v: %v, want ErrNotStaged", kind, err)
		}
		if err := s.Apply(op); err != nil {
			t.Errorf("%v: Apply: %v; a replica passes it over", kind, err)
		}
		if s.Len() != 0 || s.Memory() != 0 {
			t.Errorf("%v: %d keys, %d bytes", kind, s.Len(), s.Memory())
		}
	}
	s := newStore(Config{}, 1)
	ops := []Op{{Kind: OpStage, Type: plain, Slot: 1, Key: []byte("k")},
		{Kind: OpReveal, Slot: 1, Key: []byte("k"), Version: 1}}
	if _, err := s.Import(ops, false, func() bool { return true }); !errors.Is(err, ErrNotStaged) {
		t.Errorf("an empty collection becomes a key: %v", err)
	}
	unknown := []Op{{Kind: OpStage, Type: 99, Slot: 1, Key: []byte("k")}}
	if _, err := s.Import(unknown, false, func() bool { return true }); err == nil {
		t.Error("a collection of an unknown type is staged")
	}
}

// TestDirtyParts checks that a part that was set again behind a range comes behind it.
func TestDirtyParts(t *testing.T) {
	d := dirtyParts{limit: 1 << 20}
	for _, op := range []Op{{Kind: OpPart, Part: []byte("b")}, {Kind: OpCut, Part: []byte("a"), Value: []byte("c")},
		{Kind: OpPart, Part: []byte("b")}, {Kind: OpCut, Part: []byte("x")}} {
		op.Type = List
		d.note(&op)
	}
	var got []string
	for !d.empty() {
		if r, name := d.next(); name == nil {
			got = append(got, string(r.first)+"-"+string(r.last))
		} else {
			got = append(got, string(name))
		}
	}
	if want := []string{"a-c", "b", "x"}; fmt.Sprint(got) != fmt.Sprint(want) || d.bytes != 0 {
		t.Errorf("%v and %d bytes are left, want %v and 0", got, d.bytes, want)
	}
	if !maps.Equal(d.known, map[string]struct{}{}) {
		t.Errorf("%v are known still", d.known)
	}
}

// TestFillFromAWalk fills a hash with what the walk of another one yields, in that order,
// as a move within one process does: neither may grow out of its segments.
func TestFillFromAWalk(t *testing.T) {
	from, to := newNested(Hash), newNested(Hash)
	const fields = 50_000
	for i := range fields {
		from.mustSet(fmt.Appendf(nil, "field:%d", i), []byte("a value of 20 bytes."), 0)
	}
	_, done := from.walk(nil, func(part, value []byte, expireAt int64) bool {
		to.mustSet(part, value, expireAt)
		return true
	})
	if !done || to.size() != fields {
		t.Errorf("%d of %d fields", to.size(), fields)
	}
	if from, to := from.bytes(), to.bytes(); to > from*5/4 {
		t.Errorf("%d bytes, %d where it came from", to, from)
	}
}

// A key that became small before its copy began has nothing to copy until it is frozen: who
// copies it must not wait for less.
func TestPrecopyOfASmallKey(t *testing.T) {
	s := newStore(Config{}, 1)
	err := s.Update(1, func(tx *Tx) error { return tx.Put([]byte("k"), String, []byte("value"), 0) })
	if err != nil {
		t.Fatal(err)
	}
	p := s.Precopy(1, []byte("k"))
	defer p.End()
	var ops kinds
	emit := func(op *Op) { ops = append(ops, op.Kind) }
	if state, left := p.Next(100, nil, emit); state != PrecopyGoes || left != 0 || len(ops) > 0 {
		t.Errorf("before it is frozen: %v, %d bytes left, %v", state, left, ops)
	}
	if state, _ := p.Next(100, func() bool { return true }, emit); state != PrecopyDone || len(ops) != 1 {
		t.Errorf("frozen: %v, %v", state, ops)
	}
}
