package migrate

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestPayload loads slots in batches, cuts the batches into parts, puts these together at
// another store, and is committed: all is there once, nothing here.
func TestPayload(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	from, to := keyspace.New(keyspace.Config{}), keyspace.New(keyspace.Config{})
	e := NewEngine(from)
	want := make(map[string][]byte)
	for slot := range slots.Slot(4) {
		for i := range 50 {
			value := make([]byte, r.IntN(3000))
			if i%10 == 0 {
				value = make([]byte, inlineValue-1+i)
			}
			for j := range value {
				value[j] = byte(r.Uint32())
			}
			want[key(slot, i)] = value
			from.Update(slot, func(tx *keyspace.Tx) error {
				return tx.Put([]byte(key(slot, i)), keyspace.String, value, 0)
			})
		}
	}
	order := []slots.Slot{0, 1, 2, 3}
	var fleet []*payload
	for at := (position{}); at.index < len(order); {
		c, next, _, _, err := load(e, time.Now(), order, at, 10_000, nil)
		if err != nil {
			t.Fatal(err)
		}
		at = next
		fleet = append(fleet, c)
	}
	if c, _, found, _, _ := load(e, time.Now(), order, position{}, 1<<30, nil); c.keys != 0 || found != len(want) {
		t.Fatalf("keys in flight were taken again: %d of %d", c.keys, found)
	}
	for _, c := range fleet {
		var blob []byte
		for uint64(len(blob)) < c.size {
			blob = c.appendPart(blob, uint64(len(blob)), min(uint64(1+r.IntN(5000)), c.size-uint64(len(blob))))
		}
		for range 2 { // twice: a batch that comes again changes nothing
			if _, err := importBatch(NewEngine(to), blob, false, func(slots.Slot) bool { return true }); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.commit(e, true, nil); err != nil {
			t.Fatal(err)
		}
	}
	if from.Len() != 0 || to.Len() != len(want) {
		t.Fatalf("%d keys left, %d arrived, %d sent", from.Len(), to.Len(), len(want))
	}
	for slot := range slots.Slot(4) {
		to.View(slot, func(tx *keyspace.Tx) error {
			for k, e := range tx.All() {
				if !bytes.Equal(e.Value, want[string(k)]) {
					t.Errorf("%s arrived with %d bytes, not %d", k, len(e.Value), len(want[string(k)]))
				}
			}
			return nil
		})
	}
}

// TestALargeValueTravelsAlone: no other key is in flight for as long as it takes, and
// none is left out because of it.
func TestALargeValueTravelsAlone(t *testing.T) {
	const budget = inlineValue / 4
	s := keyspace.New(keyspace.Config{})
	e := NewEngine(s)
	s.Update(0, func(tx *keyspace.Tx) error {
		for i := range 300 {
			size := 10
			if i%100 == 0 {
				size = inlineValue + budget
			}
			if err := tx.Put([]byte(key(0, i)), keyspace.String, make([]byte, size), 0); err != nil {
				return err
			}
		}
		return nil
	})
	large := 0
	for rounds := 0; s.Len() > 0; rounds++ {
		if rounds > 300 {
			t.Fatalf("%d keys are left after %d batches", s.Len(), rounds)
		}
		for at := (position{}); at.index == 0; {
			c, next, _, _, err := load(e, time.Now(), []slots.Slot{0}, at, budget, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.long) > 0 {
				large++
				if c.keys > 1 {
					t.Fatalf("a batch holds %d keys beside a large value", c.keys-1)
				}
			}
			if err := c.commit(e, true, nil); err != nil {
				t.Fatal(err)
			}
			at = next
		}
	}
	if large != 3 {
		t.Errorf("%d of 3 large values travelled", large)
	}
}

// TestGrownAllocatesWhatArrived: the room for a batch at most doubles, and ends at its
// size.
func TestGrownAllocatesWhatArrived(t *testing.T) {
	for _, size := range []uint64{1, 100, 5 << 20, 5<<20 + 17, 1 << 23} {
		var b []byte
		for n := uint64(0); n < size; {
			part := min(size-n, partSize)
			n += part
			b = append(grown(b, n, size), bytes.Repeat([]byte{byte(n / partSize)}, int(part))...)
			if c := uint64(cap(b)); c > 3*n && c > copyStep {
				t.Fatalf("%d bytes are held for %d of %d", c, n, size)
			}
		}
		if uint64(len(b)) != size || uint64(cap(b)) != size && size > keepBlob {
			t.Fatalf("%d bytes of %d, room for %d", len(b), size, cap(b))
		}
		for i, x := range b {
			if end := min(size, uint64(i/partSize+1)*partSize); x != byte(end/partSize) {
				t.Fatalf("byte %d of %d is %d", i, size, x)
			}
		}
	}
}

// TestImportUndoesABatchThatItRefuses: what a refused batch brought must not stay, it would
// come back to life when the source deletes its own copy.
func TestImportUndoesABatchThatItRefuses(t *testing.T) {
	s := keyspace.New(keyspace.Config{})
	var blob []byte
	for slot := range slots.Slot(2) {
		op := keyspace.Op{Kind: keyspace.OpPut, Slot: slot, Key: []byte("k"), Value: []byte("v"), Version: 5}
		blob = keyspace.AppendOp(blob, &op)
	}
	if _, err := importBatch(NewEngine(s), blob, false,
		func(slot slots.Slot) bool { return slot == 0 }); err == nil || s.Len() != 0 {
		t.Fatalf("a batch with a slot that does not come here: %v, %d keys", err, s.Len())
	}
	drop := keyspace.AppendOp(nil, &keyspace.Op{Kind: keyspace.OpDrop, Slot: 0, Version: 9})
	if _, err := importBatch(NewEngine(s), drop, false, func(slots.Slot) bool { return true }); err == nil {
		t.Fatal("a batch that drops a slot was taken")
	}
}

func TestImportKeepsWhatIsNewer(t *testing.T) {
	s := keyspace.New(keyspace.Config{})
	mine := keyspace.Op{Kind: keyspace.OpPut, Slot: 0, Key: []byte("k"), Value: []byte("mine"), Version: 7}
	if err := s.Apply(mine); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		version uint64
		onlyNew bool
		want    string
	}{{6, false, "mine"}, {7, false, "mine"}, {8, true, "mine"}, {8, false, "sent"}} {
		sent := keyspace.Op{Kind: keyspace.OpPut, Slot: 0, Key: []byte("k"), Value: []byte("sent"), Version: c.version}
		if _, err := importBatch(NewEngine(s), keyspace.AppendOp(nil, &sent), c.onlyNew,
			func(slots.Slot) bool { return true }); err != nil {
			t.Fatal(err)
		}
		s.View(0, func(tx *keyspace.Tx) error {
			if e, _ := tx.Peek([]byte("k")); string(e.Value) != c.want {
				t.Errorf("version %d, only new %v: %q, want %q", c.version, c.onlyNew, e.Value, c.want)
			}
			return nil
		})
	}
}

func FuzzImportBatch(f *testing.F) {
	op := keyspace.Op{Kind: keyspace.OpPut, Slot: 3, Key: []byte("k"), Value: []byte("v"), Version: 5}
	f.Add(keyspace.AppendOp(nil, &op))
	f.Fuzz(func(t *testing.T, blob []byte) {
		s := keyspace.New(keyspace.Config{})
		if _, err := importBatch(NewEngine(s), blob, false,
			func(slot slots.Slot) bool { return slot < 8 }); err != nil && s.Len() != 0 {
			t.Fatalf("%v, but %d keys stay", err, s.Len())
		}
	})
}
