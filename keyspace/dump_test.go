package keyspace

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// records is a Sink that keeps each commit, as a stream does.
type records struct{ list [][]byte }

func (r *records) Commit(_ slots.Slot, ops []Op) {
	var b []byte
	for i := range ops {
		b = AppendOp(b, &ops[i])
	}
	r.list = append(r.list, b)
}

func applyRecord(t *testing.T, s *Store, b []byte) {
	t.Helper()
	for len(b) > 0 {
		op, rest, err := DecodeOp(b)
		if err == nil {
			err = s.Apply(op)
		}
		if err != nil {
			t.Fatal(err)
		}
		b = rest
	}
}

// syncRun is a full sync of one slot by a sender that reads the stream and the slot in
// turn, while the master is written.
type syncRun struct {
	t       *testing.T
	seed    uint64
	rnd     *rand.Rand
	log     records
	master  *Store
	replica *Store
	model   plainModel
}

func (r *syncRun) write() {
	next := r.model.clone()
	fail := r.rnd.IntN(8) == 0
	r.master.Update(1, func(tx *Tx) error {
		for range 1 + r.rnd.IntN(4) {
			next.step(r.t, r.rnd, tx)
		}
		if fail {
			return errors.New("failed")
		}
		return nil
	})
	if !fail {
		r.model = next
	}
}

// sync brings the replica to the master's state, from the stream's end on.
func (r *syncRun) sync() {
	r.replica = newStore(Config{}, r.seed)
	r.replica.SetPassive(true)
	sent := len(r.log.list)
	for range r.rnd.IntN(4) {
		r.write()
	}
	passing, done := true, false // the slot's records of before its dump may be passed over
	var at DumpCursor
	for !done || sent < len(r.log.list) {
		switch r.rnd.IntN(3) {
		case 0:
			if !done {
				r.write()
			}
		case 1:
			if sent < len(r.log.list) {
				if passing = passing && r.rnd.IntN(4) > 0; !passing {
					applyRecord(r.t, r.replica, r.log.list[sent])
				}
				sent++
			}
		case 2:
			if done {
				break
			}
			passing = false
			var batch []byte
			var err error
			at, done, err = r.master.Dump(1, at, 1+r.rnd.IntN(60), func(op Op) error {
				batch = AppendOp(batch, &op)
				return nil
			})
			if err != nil {
				r.t.Fatal(err)
			}
			applyRecord(r.t, r.replica, batch)
		}
	}
}

func (r *syncRun) check() {
	var have, want []string
	for s, list := range map[*Store]*[]string{r.master: &want, r.replica: &have} {
		s.View(1, func(tx *Tx) error {
			for key, e := range tx.All() {
				*list = append(*list, fmt.Sprintf("%s: type %d, expires at %d", key, e.Type, e.ExpireAt))
			}
			for key, c := range content(tx) {
				*list = append(*list, fmt.Sprintf("%s is %v", key, c))
			}
			return nil
		})
		slices.Sort(*list)
		checkStore(r.t, s)
	}
	if !slices.Equal(have, want) {
		r.t.Fatalf("seed %d: the replica has\n%q\nthe master\n%q", r.seed, have, want)
	}
}

// TestDumpUnderWrites makes full syncs at random moments, with small batches, while
// collections are written, emptied, replaced, copied and renamed. Then the replica follows
// the stream.
func TestDumpUnderWrites(t *testing.T) {
	for seed := range uint64(testSeeds(t, 120)) {
		r := &syncRun{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 9)), model: plainModel{}}
		r.master = newStore(Config{Sink: &r.log}, seed)
		for range 3 {
			for range r.rnd.IntN(20) {
				r.write()
			}
			r.sync()
			r.check()
			sent := len(r.log.list)
			for range 5 {
				r.write()
			}
			for _, b := range r.log.list[sent:] {
				applyRecord(t, r.replica, b)
			}
			r.check()
		}
	}
}

// TestDumpEnds replaces a collection by a copy of another between any two batches, which
// takes no time, while its dump takes many batches.
func TestDumpEnds(t *testing.T) {
	s := newStore(Config{}, 1)
	update := func(fn func(tx *Tx) error) {
		t.Helper()
		if err := s.Update(1, fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *Tx) error {
		i, err := tx.open([]byte("a"), plain)
		for n := 0; n < 2000 && err == nil; n++ {
			_, err = tx.setPart(i, fmt.Append(nil, n), []byte("v"), 0)
		}
		return err
	})
	var at DumpCursor
	calls := 0
	for done := false; !done; calls++ {
		if calls > 2000 {
			t.Fatal("the dump does not end")
		}
		update(func(tx *Tx) error { _, err := tx.Copy([]byte("a"), []byte("b")); return err })
		at, done, _ = s.Dump(1, at, 100, func(Op) error { return nil })
	}
	t.Logf("it took %d calls", calls)
}

// TestDumpAfterManyTransfers makes more copies than the slot keeps in mind during a dump.
func TestDumpAfterManyTransfers(t *testing.T) {
	r := &syncRun{t: t, rnd: rand.New(rand.NewPCG(1, 9)), model: plainModel{}}
	r.master = newStore(Config{Sink: &r.log}, 1)
	for len(r.model) < 4 {
		r.write()
	}
	r.replica = newStore(Config{}, 2)
	sent := len(r.log.list)
	var at DumpCursor
	for n, done := 0, false; !done; n++ {
		var err error
		if at, done, err = r.master.Dump(1, at, 50, r.replica.Apply); err != nil {
			t.Fatal(err)
		}
		for i := 0; n == 1 && i < 2*keepTransfers; i++ {
			r.write()
		}
		for ; sent < len(r.log.list); sent++ {
			applyRecord(t, r.replica, r.log.list[sent])
		}
	}
	r.check()
}

// TestDumpSkipsParts passes over the parts of one of two large collections.
func TestDumpSkipsParts(t *testing.T) {
	s := newStore(Config{}, 1)
	s.Update(1, func(tx *Tx) error {
		for _, key := range []string{"a", "b", "c"} {
			i, _ := tx.open([]byte(key), plain)
			for n := range 50 {
				tx.setPart(i, fmt.Append(nil, n), []byte("v"), 0)
			}
		}
		return tx.Put([]byte("s"), String, []byte("v"), 0)
	})
	puts, parts := 0, 0
	for at, done := (DumpCursor{}), false; !done; {
		var err error
		at, done, err = s.Dump(1, at, 1+puts, func(op Op) error {
			switch {
			case op.Kind == OpPart:
				parts++
			case op.Kind == OpPut && string(op.Key) != "b":
				puts++
				return SkipParts
			default:
				puts++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if puts != 4 || parts != 50 {
		t.Errorf("there are %d keys and %d parts, want 4 and 50", puts, parts)
	}
}
