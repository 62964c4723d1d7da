package sequence

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// insertAt inserts before index i as a list does: it renumbers what it must, and returns
// how many elements that were.
func insertAt(s *Sequence, i int, v []byte) int {
	place := InsertAt(s.Len(), i, s.Position)
	type element struct {
		position int64
		v        []byte
	}
	var moved []element
	var old []int64
	for i := place.From; i < place.To; i++ {
		position, v := s.At(i)
		old = append(old, position)
		moved = append(moved, element{place.Renumbered(i), append([]byte(nil), v...)})
	}
	for _, position := range old {
		s.Cut(position)
	}
	for _, e := range moved {
		s.Set(e.position, e.v)
	}
	s.Set(place.Position, v)
	return len(moved)
}

func TestInsertionsKeepTheOrder(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 4))
		s, want := new(Sequence), []string{}
		if seed%4 == 3 { // no room at one end
			s.Set(math.MaxInt64, []byte("end"))
			want = append(want, "end")
		}
		at, renumbered := 0, 0
		const n = 2000
		for range n {
			switch seed % 4 {
			case 0: // always at the same place, from behind
				at = len(want) / 2
			case 1:
				at = r.IntN(len(want) + 1)
			case 2: // one behind the other
				if at++; at > len(want) || r.IntN(300) == 0 {
					at = r.IntN(len(want) + 1)
				}
			case 3:
				at = len(want)
			}
			v := randomValue(r)
			renumbered += insertAt(s, at, v)
			want = slices.Insert(want, at, string(v))
		}
		if s.Len() != len(want) {
			t.Fatalf("seed %d: %d elements, want %d", seed, s.Len(), len(want))
		}
		i := 0
		for _, v := range s.From(0) {
			if string(v) != want[i] {
				t.Fatalf("seed %d: element %d is %.40q, want %.40q", seed, i, v, want[i])
			}
			i++
		}
		if renumbered > 20*n {
			t.Errorf("seed %d: %d elements were renumbered by %d insertions", seed, renumbered, n)
		}
	}
}

func TestInsertionsAtTheEnds(t *testing.T) {
	for _, c := range []struct {
		positions []int64
		i         int
		want      int64
	}{
		{nil, 0, 0},
		{[]int64{0}, 0, -Stride},
		{[]int64{0}, 1, Stride},
		{[]int64{0, 10}, 1, 5},
		{[]int64{math.MaxInt64 - 10}, 1, math.MaxInt64 - 5},
		{[]int64{math.MinInt64 + 10}, 0, math.MinInt64 + 4},
		{[]int64{math.MinInt64, math.MaxInt64}, 1, -1},
	} {
		got := InsertAt(len(c.positions), c.i, func(i int) int64 { return c.positions[i] })
		if got.Position != c.want || got.From != got.To {
			t.Errorf("%v before %d: %+v, want position %d", c.positions, c.i, got, c.want)
		}
	}
}
