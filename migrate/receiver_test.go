package migrate

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestNothingComesToASlotThatIsBeingEmptied: keys that arrived in a slot whose keys are
// on their way back to its owner would be left behind here.
func TestNothingComesToASlotThatIsBeingEmptied(t *testing.T) {
	self, source := slots.NodeID{'T'}, slots.NodeID{'S'}
	theirs, mine := slots.NewSet(0, 1), slots.NewSet(5)
	m, err := slots.NewMap(slots.Topology{Self: self, State: slots.OK,
		Nodes:     []slots.Node{{ID: self, Slots: &mine}, {ID: source, Slots: &theirs}},
		Importing: map[slots.Slot]slots.NodeID{0: source, 1: source}})
	if err != nil {
		t.Fatal(err)
	}
	r := NewReceiver(ReceiverConfig{Map: func() *slots.Map { return m },
		Returning: func(slot slots.Slot) bool { return slot == 1 }})
	if err := r.Receive(time.Unix(1000, 0), Message{typ: msgHello, kind: KindMove, source: source, target: self,
		slots: &theirs}); err != nil {
		t.Fatal(err)
	}
	for slot, want := range map[slots.Slot]bool{0: true, 1: false, 2: false, 5: false} {
		if got := r.rights.accept(m, slot, r.cfg.Returning); got != want {
			t.Errorf("takes keys of slot %d: %v", slot, got)
		}
	}
	r.output()
	if err := r.Receive(time.Unix(1000, 0), Message{typ: msgPrepare, n: 7, slots: &theirs}); err != nil {
		t.Fatal(err)
	}
	if out := r.output(); len(out) != 1 || out[0].(Send).Message.typ != msgRefuse {
		t.Errorf("prepare is answered by %+v", out)
	}
	given := slots.NewSet(1)
	if err := r.Receive(time.Unix(1000, 0), Message{typ: msgFinalise, n: 8, slots: &given}); err != nil {
		t.Fatal(err)
	}
	if out := r.output(); len(out) != 1 || out[0].(Send).Message.typ != msgRefuse {
		t.Errorf("the claim of a slot whose keys go back is answered by %+v", out)
	}
}

// TestImportUndoesWhatCameTooLate: the slot changes hands while the batch is being stored.
func TestImportUndoesWhatCameTooLate(t *testing.T) {
	s := keyspace.New(keyspace.Config{})
	e := NewEngine(s)
	newer := keyspace.Op{Kind: keyspace.OpPut, Slot: 1, Key: []byte("newer"), Value: []byte("v"), Version: 9}
	if err := s.Apply(newer); err != nil {
		t.Fatal(err)
	}
	var blob []byte
	for _, key := range []string{"a", "b", "newer"} {
		blob = keyspace.AppendOp(blob, &keyspace.Op{Kind: keyspace.OpPut, Slot: 1, Key: []byte(key), Value: []byte("v"),
			Version: 5})
	}
	asked := 0
	keys, err := importBatch(e, blob, false, func(slots.Slot) bool { asked++; return asked == 1 })
	if err == nil || keys != 0 || s.Len() != 1 || s.Count(1) != 1 {
		t.Errorf("%d keys are stored, %v; %d are here, want the newer one", keys, err, s.Len())
	}
}

// TestImportUndoesWhatComesAgainAndFindsNoRoom: its first answer was lost, so the source
// believes the refusal.
func TestImportUndoesWhatComesAgainAndFindsNoRoom(t *testing.T) {
	s := keyspace.New(keyspace.Config{})
	e := NewEngine(s)
	blob := keyspace.AppendOp(nil, &keyspace.Op{Kind: keyspace.OpPut, Slot: 1, Key: []byte("a"), Version: 5})
	all := func(slots.Slot) bool { return true }
	if keys, err := importBatch(e, blob, false, all); err != nil || keys != 1 {
		t.Fatal(keys, err)
	}
	s.SetMaxMemory(1)
	if _, err := importBatch(e, blob, false, all); err != keyspace.ErrOutOfMemory || s.Len() != 0 {
		t.Errorf("%v, and %d keys are here", err, s.Len())
	}
}

// TestImportFindsRoom: what comes is within the limit of memory, for which the policy
// gives up what it may.
func TestImportFindsRoom(t *testing.T) {
	for _, c := range []struct {
		policy keyspace.Policy
		fits   bool
	}{{keyspace.NoEviction, false}, {keyspace.VolatileLRU, false}, {keyspace.VolatileRandom, false},
		{keyspace.AllKeysLRU, true}, {keyspace.AllKeysRandom, true}} {
		s := keyspace.New(keyspace.Config{Policy: c.policy})
		e := NewEngine(s)
		own := func(i int) keyspace.Op {
			return keyspace.Op{Kind: keyspace.OpPut, Slot: 2, Key: []byte(key(2, i)), Value: make([]byte, 1000), Version: 1}
		}
		for i := range 100 {
			if err := s.Apply(own(i)); err != nil {
				t.Fatal(err)
			}
		}
		s.SetMaxMemory(s.Memory() + 100)
		var blob []byte
		for i := range 50 {
			op := own(i)
			op.Slot = 1
			blob = keyspace.AppendOp(blob, &op)
		}
		_, err := importBatch(e, blob, false, func(slots.Slot) bool { return true })
		if (err == nil) != c.fits || err != nil && (err != keyspace.ErrOutOfMemory || s.Count(1) != 0 || s.Count(2) != 100) {
			t.Errorf("%v: %v, %d keys came, %d are left", c.policy, err, s.Count(1), s.Count(2))
		}
		if s.Memory() > s.MaxMemory()+4096 {
			t.Errorf("%v: %d bytes, of %d", c.policy, s.Memory(), s.MaxMemory())
		}
	}
}
