package keyspace

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

type scored struct {
	member string
	score  float64
}

// zsetModel is a sorted set that is obviously right.
type zsetModel []scored

func (m *zsetModel) set(member string, score float64) (added bool) {
	added = !m.remove(member)
	*m = append(*m, scored{member, score})
	slices.SortFunc(*m, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.member, b.member))
	})
	return added
}

func (m *zsetModel) remove(member string) bool {
	n := len(*m)
	*m = slices.DeleteFunc(*m, func(s scored) bool { return s.member == member })
	return len(*m) < n
}

func randomScore(rnd *rand.Rand, equal bool) float64 {
	odd := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), 1, 1.5, -1, math.MaxFloat64}
	switch {
	case equal:
		return 3
	case rnd.IntN(3) == 0:
		return odd[rnd.IntN(len(odd))]
	}
	return rnd.NormFloat64()
}

// TestZSet changes a sorted set at random, small and large, in transactions of which some
// fail, and compares it, and that of a store that follows, with a model.
func TestZSet(t *testing.T) {
	for seed := range uint64(testSeeds(t, 10)) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		replica := newStore(Config{}, 2)
		replica.SetPassive(true)
		s := newStore(Config{Sink: follower{t, replica}}, 1)
		model, names, equal := zsetModel{}, 30<<(seed%5), seed%2 == 0
		for range 40 {
			next := slices.Clone(model)
			fail := rnd.IntN(5) == 0
			err := s.Update(1, func(tx *Tx) error {
				z, err := tx.ZSet([]byte("z"))
				if err != nil {
					t.Fatal(err)
				}
				for range rnd.IntN(1 + names/4) {
					member := fmt.Sprintf("member%0*d", rnd.IntN(4), rnd.IntN(names))
					if rnd.IntN(3) == 0 {
						if got := z.Remove([]byte(member)); got != next.remove(member) {
							t.Fatalf("seed %d: Remove(%s) = %v", seed, member, got)
						}
						continue
					}
					score := randomScore(rnd, equal)
					added, err := z.Set([]byte(member), score)
					if err != nil || added != next.set(member, score) {
						t.Fatalf("seed %d: Set(%s, %v) = %v, %v", seed, member, score, added, err)
					}
				}
				compareZSet(t, tx, rnd, next, equal)
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
			for _, store := range []*Store{s, replica} {
				_ = store.View(1, func(tx *Tx) error { compareZSet(t, tx, rnd, model, equal); return nil })
			}
		}
	}
}

func compareZSet(t *testing.T, tx *Tx, rnd *rand.Rand, want zsetModel, equal bool) {
	t.Helper()
	z, err := tx.ZSet([]byte("z"))
	if err != nil {
		t.Fatal(err)
	}
	if z.Len() != len(want) {
		t.Fatalf("Len() = %d, want %d", z.Len(), len(want))
	}
	if _, there := tx.Get([]byte("z")); there != (len(want) > 0) {
		t.Fatalf("with %d members the key is there: %v", len(want), there)
	}
	var up, down zsetModel
	from := rnd.IntN(len(want) + 1)
	for member, score := range z.From(from) {
		up = append(up, scored{string(member), score})
	}
	for member, score := range z.Down(from) {
		down = append(down, scored{string(member), score})
	}
	if !slices.Equal(up, want[from:]) {
		t.Fatalf("From(%d): %v, want %v", from, up, want[from:])
	}
	if slices.Reverse(down); len(want) > from && !slices.Equal(down, want[:from+1]) {
		t.Fatalf("Down(%d): %v, want %v", from, down, want[:from+1])
	}
	for i, w := range want {
		if score, ok := z.Score([]byte(w.member)); !ok || math.Float64bits(score) != math.Float64bits(w.score) {
			t.Fatalf("Score(%s) = %v, %v; want %v", w.member, score, ok, w.score)
		}
		if rank, ok := z.Rank([]byte(w.member)); !ok || rank != i {
			t.Fatalf("Rank(%s) = %d, %v; want %d", w.member, rank, ok, i)
		}
	}
	bound, name := randomScore(rnd, equal), fmt.Sprintf("member%d", rnd.IntN(50))
	for _, inclusive := range []bool{false, true} {
		rank := sort.Search(len(want), func(i int) bool {
			return want[i].score > bound || want[i].score == bound && !inclusive
		})
		if got := z.RankOfScore(bound, inclusive); got != rank {
			t.Fatalf("RankOfScore(%v, %v) = %d, want %d", bound, inclusive, got, rank)
		}
		rank = sort.Search(len(want), func(i int) bool {
			return want[i].member > name || want[i].member == name && !inclusive
		})
		if got := z.RankOfMember([]byte(name), inclusive); equal && got != rank {
			t.Fatalf("RankOfMember(%s, %v) = %d, want %d", name, inclusive, got, rank)
		}
	}
	scanned := make(map[string]bool)
	for cursor, first := uint64(0), true; first || cursor != 0; first = false {
		cursor = z.Scan(cursor, 10, func(member []byte, _ float64) { scanned[string(member)] = true })
	}
	if len(scanned) != len(want) {
		t.Fatalf("Scan visited %d members, want %d", len(scanned), len(want))
	}
}

func TestZSetRefuses(t *testing.T) {
	s := newStore(Config{}, 1)
	err := s.Update(1, func(tx *Tx) error {
		z, err := tx.ZSet([]byte("z"))
		if err != nil {
			return err
		}
		if _, err := z.Set([]byte("m"), math.NaN()); !errors.Is(err, ErrScore) {
			t.Errorf("Set to NaN: %v", err)
		}
		if _, _, ok := z.At(0); ok || z.Len() != 0 {
			t.Error("an empty set has a member")
		}
		if err := tx.Put([]byte("s"), String, []byte("v"), 0); err != nil {
			return err
		}
		if _, err := tx.ZSet([]byte("s")); !errors.Is(err, ErrWrongType) {
			t.Errorf("ZSet of a string: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestZSetRefusesOps applies what no store of this release sends.
func TestZSetRefusesOps(t *testing.T) {
	s := newStore(Config{}, 1)
	for _, value := range [][]byte{nil, []byte("short"), make([]byte, 9), appendScore(nil, math.NaN())} {
		op := Op{Kind: OpPart, Type: ZSet, Slot: 1, Key: []byte("z"), Part: []byte("m"), Value: value, Version: 1}
		if err := s.Apply(op); err == nil {
			t.Errorf("a score of %x was taken", value)
		}
		if err := s.Update(1, func(tx *Tx) error { return tx.Carry(&op) }); err == nil {
			t.Errorf("a score of %x was carried", value)
		}
		if err := (zsetForm{}).grow(nil).set([]byte("m"), value, 0); err == nil {
			t.Errorf("a large set took a score of %x", value)
		}
		if c, err := NewCollection(ZSet); err != nil {
			t.Fatal(err)
		} else if _, err := c.Set([]byte("m"), value, 0); err == nil {
			t.Errorf("a score of %x was built", value)
		}
		if op = (Op{Kind: OpPut, Type: ZSet, Slot: 1, Key: []byte("z"), Value: value, Version: 1}); len(value) > 0 {
			if err := s.Apply(op); err == nil {
				t.Errorf("the packed set %x was taken", value)
			}
		}
	}
	if s.Len() != 0 {
		t.Error("a refused op has left a key")
	}
}

// TestZSetEncoding grows sets past a bound and shrinks them again.
func TestZSetEncoding(t *testing.T) {
	s := newStore(Config{}, 1)
	for _, c := range []struct {
		members, length int
		want            string
	}{{20, 5, "listpack"}, {128, 64, "listpack"}, {129, 3, "skiplist"}, {2, 65, "skiplist"}, {300, 10, "skiplist"}} {
		err := s.Update(1, func(tx *Tx) error {
			tx.Delete([]byte("z"))
			z, err := tx.ZSet([]byte("z"))
			if err != nil {
				return err
			}
			for i := range c.members {
				if _, err := z.Set(fmt.Appendf(nil, "%0*d", c.length, i), 1); err != nil {
					return err
				}
			}
			for z.Len() > 1 {
				member, _, _ := z.At(0)
				z.Remove(member)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s.View(1, func(tx *Tx) error {
			if got, ok := tx.Encoding([]byte("z")); got != c.want || !ok {
				t.Errorf("%d members of %d bytes: %s, %v; want %s", c.members, c.length, got, ok, c.want)
			}
			return nil
		})
	}
}

// FuzzZSetCheck: what passes check is a packed set like those that are made here.
func FuzzZSetCheck(f *testing.F) {
	var form zsetForm
	var packed []byte
	f.Add(packed)
	for i := range 40 {
		value := appendScore(nil, float64(i%5)-1)
		packed = form.set(packed, fmt.Appendf(nil, "%0*d", 1+4*i, i), value, 0)
		f.Add(slices.Clone(packed))
	}
	f.Add(form.set(nil, nil, appendScore(nil, math.Inf(-1)), 0))
	f.Fuzz(func(t *testing.T, packed []byte) {
		if form.check(packed) != nil {
			return
		}
		var again []byte
		members := 0
		form.each(packed, func(part, value []byte, _ int64) bool {
			again = form.set(again, part, value, 0)
			if got, _, ok := form.get(packed, part); !ok || string(got) != string(value) {
				t.Fatalf("get %q: %x, %v; want %x", part, got, ok, value)
			}
			members++
			return true
		})
		if members != form.size(packed) || string(again[zsetHeader:]) != string(packed[zsetHeader:]) {
			t.Fatalf("%x, rebuilt %x", packed, again)
		}
		if form.grow(packed).size() != members {
			t.Fatal("the large form has another size")
		}
		again = form.set(again, []byte("one more"), appendScore(nil, 0), 0)
		if err := form.check(again); err != nil {
			t.Fatalf("%x: %v", again, err)
		}
		for form.size(again) > 0 {
			again, _ = form.cut(again, zsetEntryAt(again[zsetHeader:]).member)
		}
	})
}
