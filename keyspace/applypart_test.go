package keyspace

import (
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/keyspace/stream"
	"github.com/slotmesh/slotmesh/slots"
)

// kinds is a Sink that keeps the kinds of the Ops.
type kinds []OpKind

func (k *kinds) Commit(_ slots.Slot, ops []Op) {
	for i := range ops {
		*k = append(*k, ops[i].Kind)
	}
}

// TestCutLeavesTheKey plays what a replica may see during a full sync: of a key with an
// expiry, whose other parts are still to come, the only part goes and comes back.
func TestCutLeavesTheKey(t *testing.T) {
	s := newStore(Config{}, 1)
	s.SetPassive(true)
	key, part := []byte("k"), []byte("p")
	for _, op := range []Op{
		{Kind: OpPut, Type: plain, Key: key, ExpireAt: 1e15, Version: 5},
		{Kind: OpPart, Type: plain, Key: key, Part: part, Value: []byte("v"), Version: 5},
		{Kind: OpCut, Key: key, Part: part, Version: 6},
		{Kind: OpPart, Type: plain, Key: key, Part: part, Value: []byte("w"), Version: 7},
	} {
		if err := s.Apply(op); err != nil {
			t.Fatal(err)
		}
	}
	s.View(0, func(tx *Tx) error {
		if e, ok := tx.Get(key); !ok || e.ExpireAt != 1e15 || e.Type != plain {
			t.Errorf("the key is there: %v, with %+v", ok, e)
		}
		return nil
	})
}

// TestCutOfARangeFindsAnEarlierType plays what a replica may see during a full sync: a key
// became a stream by a copy, which was passed over because what was copied is newer here.
func TestCutOfARangeFindsAnEarlierType(t *testing.T) {
	s := newStore(Config{}, 1)
	s.SetPassive(true)
	key, other := []byte("k"), []byte("other")
	for _, op := range []Op{
		{Kind: OpPut, Type: plain, Key: key, Version: 1},
		{Kind: OpPart, Type: plain, Key: key, Part: []byte("p"), Value: []byte("v"), Version: 1},
		{Kind: OpPut, Type: Stream, Key: other, Version: 9},
		{Kind: OpCopy, Key: other, Part: key, Version: 5},
		{Kind: OpCut, Key: key, Part: appendEntryPart(nil, stream.ID{}), Value: appendEntryPart(nil, stream.ID{Ms: 1}),
			Version: 6},
	} {
		if err := s.Apply(op); err != nil {
			t.Fatal(err)
		}
	}
	if got := plainContents(s, 0); got["k"]["p"] != "v" {
		t.Errorf("the key of before is %v", got["k"])
	}
}

// TestLastPartDeletesTheKey checks that a cut of the last part says that the key is gone.
func TestLastPartDeletesTheKey(t *testing.T) {
	var got kinds
	s := newStore(Config{Sink: &got}, 1)
	err := s.Update(0, func(tx *Tx) error {
		i, err := tx.open([]byte("k"), plain)
		if err != nil {
			return err
		}
		for _, part := range []string{"a", "b"} {
			if _, err := tx.setPart(i, []byte(part), []byte("v"), 0); err != nil {
				return err
			}
		}
		for _, part := range []string{"a", "b"} {
			if !tx.cutPart(i, []byte(part)) {
				t.Errorf("part %s is not there", part)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := (kinds{OpPart, OpPart, OpCut, OpDelete}); !slices.Equal(got, want) || s.Count(0) != 0 {
		t.Errorf("the ops are %v, want %v; %d keys are left", got, want, s.Count(0))
	}
}

// TestTransferOfASmallOne applies a COPY and a RENAME whose source is packed here, although
// the store that they come from has it as an object.
func TestTransferOfASmallOne(t *testing.T) {
	s := newStore(Config{}, 1)
	for _, op := range []Op{
		{Kind: OpPart, Type: plain, Key: []byte("a"), Part: []byte("p"), Value: []byte("v"), Version: 1},
		{Kind: OpCopy, Key: []byte("a"), Part: []byte("b"), ExpireAt: 1e15, Version: 2},
		{Kind: OpMove, Key: []byte("a"), Part: []byte("c"), Version: 3},
		{Kind: OpMove, Key: []byte("a"), Part: []byte("c"), Version: 3},
	} {
		if err := s.Apply(op); err != nil {
			t.Fatal(err)
		}
	}
	s.View(0, func(tx *Tx) error {
		one := map[string]string{"p": "v"}
		if got, want := content(tx), (plainModel{"b": one, "c": one}); !got.equal(want) {
			t.Errorf("there is %v, want %v", got, want)
		}
		if e, _ := tx.Get([]byte("b")); e.ExpireAt != 1e15 {
			t.Errorf("the copy expires at %d", e.ExpireAt)
		}
		return nil
	})
}
