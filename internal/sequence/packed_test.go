package sequence

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPackedIsAList(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 2))
		var p Packed
		l := new(list)
		for range 200 {
			p = changePacked(r, p, l)
			samePacked(t, seed, p, l)
			sameMatches(t, seed, p, l, r)
		}
		s := p.Grow()
		same(t, seed, s, l, r)
		clear(p)
		same(t, seed, s, l, r)
	}
}

func changePacked(r *rand.Rand, p Packed, l *list) Packed {
	n := len(l.positions)
	if n > 0 && r.IntN(3) == 0 || n > 60 {
		first := l.positions[[]int{0, n - 1, r.IntN(n)}[r.IntN(3)]] + r.Int64N(5)/4
		if r.IntN(8) > 0 {
			p, cut := p.Cut(first)
			if cut != (l.cutRange(first, first) == 1) {
				panic("another element was cut")
			}
			return p
		}
		last := l.positions[r.IntN(n)]
		p, cut := p.CutRange(first, last)
		if cut != l.cutRange(first, last) {
			panic("another number was cut")
		}
		return p
	}
	position, v := randomPosition(r, l), randomValue(r)
	l.set(position, v)
	return p.Set(position, v)
}

func samePacked(t *testing.T, seed uint64, p Packed, l *list) {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if p.Len() != len(l.positions) {
		t.Fatalf("seed %d: %d elements, want %d", seed, p.Len(), len(l.positions))
	}
	i := 0
	for position, v := range p.From(0) {
		at, w := p.At(i)
		if position != l.positions[i] || string(v) != l.values[i] || at != position || string(w) != string(v) {
			t.Fatalf("seed %d: element %d is %d %.40q, want %d %.40q", seed, i, position, v, l.positions[i], l.values[i])
		}
		if w, ok := p.Get(position); !ok || string(v) != string(w) {
			t.Fatalf("seed %d: Get(%d) = %.40q %v, want %.40q", seed, position, w, ok, v)
		}
		i++
	}
	for position, v := range p.Backward(p.Len() - 1) {
		if i--; position != l.positions[i] || string(v) != l.values[i] {
			t.Fatalf("seed %d: backward, element %d is %d %.40q", seed, i, position, v)
		}
	}
	if i != 0 || len(slices.Collect(keys(p))) != len(l.positions) {
		t.Fatalf("seed %d: elements are missing", seed)
	}
}

func keys(p Packed) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for position := range p.From(0) {
			if !yield(position) {
				return
			}
		}
	}
}

func TestPackedIsShort(t *testing.T) {
	var p Packed
	for i := range int64(10) {
		p = p.Set(i*Stride, []byte("element"))
	}
	if want := 10*(1+7+1) + 7; len(p) != want {
		t.Errorf("ten elements take %d bytes, want %d", len(p), want)
	}
}

func FuzzPacked(f *testing.F) {
	var p Packed
	f.Add([]byte(p), int64(0))
	for i, v := range []string{"a", "17", "-1000000", "a longer element, but not a very long one"} {
		p = p.Set(int64(i)*Stride, []byte(v))
		f.Add(slices.Clone([]byte(p)), int64(i))
	}
	p, _ = p.Cut(Stride)
	f.Add(slices.Clone([]byte(p)), int64(5))
	p = p.Set(7, make([]byte, 300))
	f.Add([]byte(p), int64(7))
	f.Fuzz(func(t *testing.T, b []byte, position int64) {
		p := Packed(b)
		if p.Check() != nil {
			return
		}
		l := new(list)
		for position, v := range p.From(0) {
			l.set(position, v)
		}
		samePacked(t, 0, p, l)
		r := rand.New(rand.NewPCG(uint64(position), 3))
		same(t, 0, p.Grow(), l, r)
		l.set(position, []byte("new"))
		p = p.Set(position, []byte("new"))
		samePacked(t, 0, p, l)
		for range 5 {
			p = changePacked(r, p, l)
			samePacked(t, 0, p, l)
		}
	})
}
