package keyspace

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func contents(s *Store, slot slots.Slot) string {
	var list []string
	s.View(slot, func(tx *Tx) error {
		for key, e := range tx.All() {
			list = append(list, fmt.Sprintf("%s=%.10s@%d#%d", key, e.Value, e.ExpireAt, e.Version))
		}
		return nil
	})
	return strings.Join(list, " ")
}

func TestApplyingAgainChangesNothing(t *testing.T) {
	const later = 99_999_999_999_999
	ops := []Op{
		{Kind: OpPut, Slot: 7, Key: []byte("a"), Value: []byte("1"), Version: 1},
		{Kind: OpPut, Slot: 7, Key: []byte("b"), Value: []byte("2"), Version: 2, ExpireAt: later},
		{Kind: OpPut, Slot: 7, Key: []byte("big"), Value: make([]byte, 5000), Version: 3},
		{Kind: OpExpire, Slot: 7, Key: []byte("a"), ExpireAt: later, Version: 4},
		{Kind: OpExpire, Slot: 7, Key: []byte("big"), ExpireAt: later, Version: 5},
		{Kind: OpPut, Slot: 7, Key: []byte("b"), Value: []byte("3"), Version: 1 << 33},
	}
	s := newStore(Config{}, 1)
	if err := s.ApplyAll(ops); err != nil {
		t.Fatal(err)
	}
	want := contents(s, 7)
	for i, op := range ops {
		if err := s.Apply(op); err != nil {
			t.Fatal(err)
		}
		if got := contents(s, 7); got != want {
			t.Fatalf("op %d again made %q of %q", i, got, want)
		}
	}
	if err := s.Apply(Op{Kind: OpDelete, Slot: 7, Key: []byte("b"), Version: 2}); err != nil || contents(s, 7) != want {
		t.Fatalf("a delete older than the key removed it: %v, %q", err, contents(s, 7))
	}
	if err := s.Apply(Op{Kind: OpDrop, Slot: 7, Version: 4}); err != nil || s.Count(7) != 2 {
		t.Fatalf("a drop older than two of three keys left %q", contents(s, 7))
	}
	if err := s.Apply(Op{Kind: OpDrop, Slot: 7, Version: 1 << 34}); err != nil || s.Count(7) != 0 || s.Memory() != 0 {
		t.Fatalf("a drop left %d keys, %d bytes: %v", s.Count(7), s.Memory(), err)
	}
	checkStore(t, s)
}

func TestNewOwnerGoesOnWhereTheOpsEnded(t *testing.T) {
	s := newStore(Config{}, 1)
	s.Apply(Op{Kind: OpPut, Slot: 7, Key: []byte("a"), Version: 1000})
	s.Update(7, func(tx *Tx) error {
		tx.Put([]byte("b"), String, nil, 0)
		if v := tx.Version([]byte("b")); v != 1001 {
			t.Errorf("version %d after 1000", v)
		}
		return nil
	})
}

func TestImportReachesTheSinkAndApplyDoesNot(t *testing.T) {
	log := &opLog{}
	s := newStore(Config{Sink: log}, 1)
	op := Op{Kind: OpPut, Slot: 7, Key: []byte("a"), Value: []byte("v"), Version: 5}
	if err := s.Apply(op); err != nil || len(log.ops) != 0 {
		t.Fatalf("Apply: %v, %d ops", err, len(log.ops))
	}
	op.Version = 6
	if _, err := s.Import([]Op{op}, false, always); err != nil || len(log.ops) != 1 || !sameOp(log.ops[0], op) {
		t.Fatalf("Import: %v, ops %+v", err, log.ops)
	}
	if n := s.Drop(7); n != 1 || log.count(OpDrop) != 1 || s.Drop(7) != 0 || log.count(OpDrop) != 1 {
		t.Fatalf("Drop returned %d, ops %+v", n, log.ops)
	}
}

func TestApplyRefusesWhatItDoesNotKnow(t *testing.T) {
	s := newStore(Config{}, 1)
	for _, op := range []Op{{Kind: 250, Key: []byte("a")}, {Kind: OpPut, Slot: slots.Count}} {
		if s.Apply(op) == nil {
			t.Errorf("%+v was applied", op)
		}
	}
}

// Bytes are ops, bytes are a model: whatever sequence of ops on strings arrives, the store
// ends as a map would, its accounts are right, and its dump says what the map does. A store
// that gets all of the ops, those that it refuses too, has right accounts and a dump that
// another store takes.
func FuzzOps(f *testing.F) {
	var seed []byte
	for i := range 200 {
		op := Op{Kind: OpKind(1 + i%3), Key: fmt.Appendf(nil, "key%d", i%20), Value: make([]byte, i*13%300),
			ExpireAt: int64(i % 2), Version: uint64(i + 1)}
		seed = AppendOp(seed, &op)
	}
	f.Add(seed)
	seed = nil
	for i, kind := range []OpKind{OpStage, OpStagePart, OpStage, OpStagePart, OpStageCut, OpReveal, OpStage, OpUnstage} {
		op := Op{Kind: kind, Type: Hash, Key: fmt.Appendf(nil, "key%d", i/2%2), Version: uint64(i + 1)}
		if kind == OpStagePart || kind == OpStageCut {
			op.Part = []byte("part")
		}
		seed = AppendOp(seed, &op)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStore(Config{}, 1)
		s.SetPassive(true)
		all := newStore(Config{}, 2)
		all.SetPassive(true)
		model := map[string]Op{}
		for version := uint64(1); len(b) > 0; version++ {
			op, rest, err := DecodeOp(b)
			if err != nil {
				break
			}
			b = rest
			op.Slot, op.Version = 1, version
			all.Apply(op)
			if op.Kind > OpDrop || op.Type != String {
				continue
			}
			if err := s.Apply(op); err != nil {
				t.Fatal(err)
			}
			applyToModel(model, op)
		}
		if s.Count(1) != len(model) {
			t.Fatalf("%d keys, want %d", s.Count(1), len(model))
		}
		_, done, err := s.Dump(1, DumpCursor{}, 1<<40, func(op Op) error {
			if want := model[string(op.Key)]; !sameOp(want, op) {
				return fmt.Errorf("dumped %+v, want %+v", op, want)
			}
			return nil
		})
		if err != nil || !done {
			t.Fatal(err, done)
		}
		checkStore(t, s)
		checkStore(t, all)
		if _, _, err := all.Dump(1, DumpCursor{}, 1<<40, newStore(Config{}, 3).Apply); err != nil {
			t.Fatal(err)
		}
	})
}

func applyToModel(model map[string]Op, op Op) {
	switch op.Kind {
	case OpPut:
		model[string(op.Key)] = op
	case OpExpire:
		if was, ok := model[string(op.Key)]; ok {
			was.ExpireAt, was.Version = op.ExpireAt, op.Version
			model[string(op.Key)] = was
		}
	case OpDelete:
		delete(model, string(op.Key))
	case OpDrop:
		clear(model)
	}
}
