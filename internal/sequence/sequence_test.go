package sequence

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// list is what Sequence and Packed do, by the most obvious means.
type list struct {
	positions []int64
	values    []string
}

func (l *list) set(position int64, v []byte) {
	i, there := slices.BinarySearch(l.positions, position)
	if there {
		l.values[i] = string(v)
		return
	}
	l.positions = slices.Insert(l.positions, i, position)
	l.values = slices.Insert(l.values, i, string(v))
}

func (l *list) cutRange(first, last int64) int {
	from, _ := slices.BinarySearch(l.positions, first)
	to, there := slices.BinarySearch(l.positions, last)
	if there {
		to++
	}
	if first > last {
		return 0
	}
	l.positions = slices.Delete(l.positions, from, to)
	l.values = slices.Delete(l.values, from, to)
	return to - from
}

func (l *list) clone() *list { return &list{slices.Clone(l.positions), slices.Clone(l.values)} }

func randomValue(r *rand.Rand) []byte {
	switch r.IntN(12) {
	case 0:
		return strconv.AppendInt(nil, r.Int64N(200)-100, 10)
	case 1:
		return strconv.AppendInt(nil, int64(r.Uint64())>>r.IntN(64), 10)
	case 2:
		odd := []string{"", "-", "-0", "007", "+1", "9223372036854775808", "-9223372036854775808", "1e3"}
		return []byte(odd[r.IntN(len(odd))])
	case 3:
		return bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(700))
	case 4:
		if r.IntN(8) == 0 {
			return bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(20000))
		}
	}
	return fmt.Appendf(nil, "v%d", r.IntN(1000000)>>r.IntN(20))
}

// randomPosition returns a position near those of l, at its ends, or anywhere.
func randomPosition(r *rand.Rand, l *list) int64 {
	if n := len(l.positions); n > 0 {
		switch r.IntN(10) {
		case 0, 1:
			return l.positions[n-1] + Stride
		case 2, 3:
			return l.positions[0] - Stride
		case 4, 5, 6:
			return l.positions[r.IntN(n)]
		case 7:
			i := r.IntN(n)
			return InsertAt(n, i, func(i int) int64 { return l.positions[i] }).Position
		case 8:
			return l.positions[r.IntN(n)] + r.Int64N(9) - 4
		}
	}
	if r.IntN(4) > 0 {
		return r.Int64N(100) * Stride
	}
	return []int64{int64(r.Uint64()), math.MinInt64, math.MaxInt64}[r.IntN(3)]
}

func TestSequenceIsAList(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, l := new(Sequence), new(list)
		var clones []*Sequence
		var models []*list
		size := []int{20, 300, 3000}[seed%3]
		for range 4 * size {
			change(r, s, l, size)
			if r.IntN(size) == 0 && len(clones) < 8 {
				clones, models = append(clones, s.Clone()), append(models, l.clone())
			}
			if len(clones) > 0 && r.IntN(4) == 0 {
				i := r.IntN(len(clones))
				change(r, clones[i], models[i], size)
			}
			if r.IntN(size/2) == 0 {
				same(t, seed, s, l, r)
			}
		}
		same(t, seed, s, l, r)
		for i := range clones {
			same(t, seed, clones[i], models[i], r)
		}
		s.CutRange(math.MinInt64, math.MaxInt64)
		if s.Len() != 0 || s.Memory() != 0 {
			t.Fatalf("seed %d: %d elements and %d bytes after everything was cut", seed, s.Len(), s.Memory())
		}
	}
}

// change makes one random change on both sides.
func change(r *rand.Rand, s *Sequence, l *list, size int) {
	n := len(l.positions)
	switch {
	case n > 0 && r.IntN(4*size) == 0: // cut a large range
		i, j := r.IntN(n), r.IntN(n)
		first, last := l.positions[min(i, j)]+r.Int64N(3)-1, l.positions[max(i, j)]+r.Int64N(3)-1
		if s.CutRange(first, last) != l.cutRange(first, last) {
			panic("another number was cut")
		}
	case n > size || n > 0 && r.IntN(3) == 0:
		position := l.positions[[]int{0, n - 1, r.IntN(n)}[r.IntN(3)]] + r.Int64N(5)/4
		if s.Cut(position) != (l.cutRange(position, position) == 1) {
			panic("another element was cut")
		}
	default:
		position, v := randomPosition(r, l), randomValue(r)
		s.Set(position, v)
		l.set(position, v)
	}
}

// same compares the two and checks what must hold inside.
func same(t *testing.T, seed uint64, s *Sequence, l *list, r *rand.Rand) {
	t.Helper()
	if s.Len() != len(l.positions) {
		t.Fatalf("seed %d: %d elements, want %d", seed, s.Len(), len(l.positions))
	}
	i := 0
	for position, v := range s.From(0) {
		if position != l.positions[i] || string(v) != l.values[i] {
			t.Fatalf("seed %d: element %d is %d %.40q, want %d %.40q", seed, i, position, v, l.positions[i], l.values[i])
		}
		i++
	}
	for position, v := range s.Backward(s.Len() - 1) {
		if i--; position != l.positions[i] || string(v) != l.values[i] {
			t.Fatalf("seed %d: backward, element %d is %d %.40q, not %.40q", seed, i, position, v, l.values[i])
		}
	}
	if i != 0 {
		t.Fatalf("seed %d: backward, %d elements are missing", seed, i)
	}
	sameMatches(t, seed, s, l, r)
	for range min(10, s.Len()) {
		i := r.IntN(s.Len())
		if position, v := s.At(i); position != l.positions[i] || string(v) != l.values[i] {
			t.Fatalf("seed %d: At(%d) = %d %.40q, want %d %.40q", seed, i, position, v, l.positions[i], l.values[i])
		}
		position := l.positions[i] + r.Int64N(3) - 1
		want, there := slices.BinarySearch(l.positions, position)
		if i, ok := s.Find(position); i != want || ok != there {
			t.Fatalf("seed %d: Find(%d) = %d %v, want %d %v", seed, position, i, ok, want, there)
		}
		if v, ok := s.Get(position); ok != there || ok && string(v) != l.values[want] {
			t.Fatalf("seed %d: Get(%d) = %.40q %v", seed, position, v, ok)
		}
	}
	if s.root != nil {
		if memory := s.root.total(); memory != s.Memory() {
			t.Fatalf("seed %d: Memory() = %d, want %d", seed, s.Memory(), memory)
		}
		checkNode(t, seed, s.root)
	}
}

// sameMatches compares what is found by value.
func sameMatches(t *testing.T, seed uint64, s interface {
	Matches(v []byte, i int) iter.Seq2[int, bool]
	MatchesBackward(v []byte, i int) iter.Seq2[int, bool]
}, l *list, r *rand.Rand) {
	t.Helper()
	n := len(l.values)
	if n == 0 {
		return
	}
	v := l.values[r.IntN(n)]
	i := r.IntN(n)
	at := i
	for index, is := range s.Matches([]byte(v), i) {
		if index != at || is != (l.values[at] == v) {
			t.Fatalf("seed %d: %.40q: Matches yields %d %v, element %d is %.40q", seed, v, index, is, at, l.values[at])
		}
		at++
	}
	if at != n {
		t.Fatalf("seed %d: Matches ends at %d of %d", seed, at, n)
	}
	at = i
	for index, is := range s.MatchesBackward([]byte(v), i) {
		if index != at || is != (l.values[at] == v) {
			t.Fatalf("seed %d: %.40q: backward, %d %v, element %d is %.40q", seed, v, index, is, at, l.values[at])
		}
		at--
	}
	if at != -1 {
		t.Fatalf("seed %d: MatchesBackward ends at %d", seed, at)
	}
}

func checkNode(t *testing.T, seed uint64, n *node) {
	t.Helper()
	if len(n.entries) == 0 || len(n.entries) > fanout {
		t.Fatalf("seed %d: a node has %d entries", seed, len(n.entries))
	}
	for i := range n.entries {
		e := &n.entries[i]
		var want entry
		if n.leaf {
			want = pageEntry(e.page)
			checkPage(t, seed, e.page)
		} else {
			want = nodeEntry(e.node)
			checkNode(t, seed, e.node)
		}
		if *e != want {
			t.Fatalf("seed %d: an entry is %+v, want %+v", seed, *e, want)
		}
	}
}

func checkPage(t *testing.T, seed uint64, p *page) {
	t.Helper()
	if p.runs.len() != p.len() || p.len() == 0 || len(p.runs) > p.len()/4*3+9 {
		t.Fatalf("seed %d: a page has %d elements, %d positions in %d runs", seed, p.len(), p.runs.len(), len(p.runs))
	}
	if p.n > 1 && p.used() > pageSize {
		t.Fatalf("seed %d: a page has %d bytes", seed, p.used())
	}
	at, marks := int(p.lo), []uint16{}
	for i := range p.len() {
		if ordinal := i + int(p.skew); ordinal > 0 && ordinal%markEvery == 0 {
			marks = append(marks, uint16(at-int(p.lo)))
		}
		at += skip(p.buf[at:])
	}
	if p.skew > 0 && (p.len()-1+int(p.skew))/markEvery != len(marks) || !slices.Equal(marks, p.marks) {
		t.Fatalf("seed %d: marks are %v, want %v", seed, p.marks, marks)
	}
	if at != int(p.hi) {
		t.Fatalf("seed %d: elements end at %d, want %d", seed, at, p.hi)
	}
}

func TestPushesFillPages(t *testing.T) {
	for _, front := range []bool{false, true} {
		s, want := new(Sequence), 0
		for i := range int64(200_000) {
			v := fmt.Appendf(nil, "element:%06d", i)
			want += 1 + len(v)
			if front {
				s.Set(-i*Stride, v)
			} else {
				s.Set(i*Stride, v)
			}
		}
		if got := float64(s.Memory()) / float64(want); got > 1.03 {
			t.Errorf("front %v: memory is %.3f times the elements", front, got)
		}
	}
}

func TestPopsGiveMemoryBack(t *testing.T) {
	s := new(Sequence)
	const n = 100_000
	for i := range int64(n) {
		s.Set(i*Stride, []byte("element"))
	}
	full := s.Memory()
	for i := range int64(n - 10) {
		s.Cut(i / 2 * Stride)
		s.Cut((n - 1 - i/2) * Stride)
	}
	if s.Len() != 10 || s.Memory() > full/500 {
		t.Errorf("%d elements in %d bytes", s.Len(), s.Memory())
	}
}

func TestCloneIsFree(t *testing.T) {
	s := new(Sequence)
	for i := range int64(1_000_000) {
		s.Set(i*Stride, []byte("element"))
	}
	if n := testing.AllocsPerRun(10, func() { s.Clone() }); n > 3 {
		t.Errorf("Clone allocates %v times", n)
	}
	c := s.Clone()
	if n := testing.AllocsPerRun(1, func() { c.Cut(500_000 * Stride) }); n > 12 {
		t.Errorf("a change after Clone allocates %v times", n)
	}
}

// A reader may keep a long element while others are written (keyspace relies on it).
func TestLongElementsStayAsTheyAre(t *testing.T) {
	s := new(Sequence)
	long := bytes.Repeat([]byte{'x'}, 3*LongElement)
	s.Set(0, []byte("a"))
	s.Set(1, long)
	s.Set(2, []byte("b"))
	v, _ := s.Get(1)
	s.Set(1, bytes.Repeat([]byte{'y'}, 3*LongElement))
	s.Set(1, []byte("short"))
	s.Cut(1)
	if !bytes.Equal(v, long) {
		t.Error("a long element was changed in place")
	}
}

func TestReadsStayValid(t *testing.T) {
	s := new(Sequence)
	for i := range int64(1000) {
		s.Set(i, strconv.AppendInt(nil, i*i*i, 10))
	}
	var all [][]byte
	for _, v := range s.From(0) {
		all = append(all, v)
	}
	for i, v := range all {
		if want := strconv.Itoa(i * i * i); string(v) != want {
			t.Fatalf("element %d became %q, want %q", i, v, want)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	s := new(Sequence)
	for i := range int64(100_000) {
		s.Set(i*Stride, []byte("element:123456"))
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Set(s.Position(0)-Stride, []byte("element:123456"))
		s.Cut(s.Position(s.Len() - 1))
	}
}

func BenchmarkAt(b *testing.B) {
	s := new(Sequence)
	for i := range int64(1_000_000) {
		s.Set(i*Stride, []byte("element:123456"))
	}
	i := 0
	for b.Loop() {
		s.At(i)
		i = (i + 7919) % s.Len()
	}
}
