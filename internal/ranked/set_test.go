package ranked

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// model is a sorted set that is obviously right.
type model map[string]float64

type pair struct {
	member string
	score  float64
}

func (m model) sorted() []pair {
	list := make([]pair, 0, len(m))
	for member, score := range m {
		list = append(list, pair{member, score})
	}
	slices.SortFunc(list, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.member, b.member))
	})
	return list
}

var oddScores = []float64{
	0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.SmallestNonzeroFloat64, 1, 1, 1,
}

// shape is what the members and scores of a test are like.
type shape struct {
	name    string
	members int
	scores  int // 0: any, 1: all equal, n: so many different ones
	longest int
	removal int // in percent
}

func (sh shape) steps() int { return min(max(sh.members, 10_000), 40_000) }

var shapes = []shape{
	{"any scores", 6000, 0, 12, 30},
	{"equal scores", 6000, 1, 12, 30},
	{"few scores", 6000, 9, 12, 45},
	{"long members", 300, 0, 9000, 40},
	{"shrinking", 3000, 0, 12, 70},
	{"many", 200_000, 0, 12, 10},
}

func (sh shape) member(rnd *rand.Rand) []byte {
	n := rnd.IntN(sh.members)
	member := fmt.Appendf(nil, "m%d", n)
	if sh.longest > 100 && n%3 == 0 {
		member = append(member, bytes.Repeat([]byte{byte(n)}, n*sh.longest/sh.members)...)
	}
	return member
}

func (sh shape) score(rnd *rand.Rand) float64 {
	switch {
	case sh.scores == 1:
		return 7
	case sh.scores > 1 || rnd.IntN(20) == 0:
		return oddScores[rnd.IntN(len(oddScores))]
	}
	return rnd.NormFloat64() * 1000
}

// TestModel changes a set and clones of it as it does a model, and compares.
func TestModel(t *testing.T) {
	for _, sh := range shapes {
		for seed := range uint64(2) {
			t.Run(fmt.Sprint(sh.name, seed), func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				sets, models := []*Set{New()}, []model{{}}
				for step := range sh.steps() {
					i := rnd.IntN(len(sets))
					change(t, rnd, sh, sets[i], models[i])
					switch {
					case step%(sh.steps()/8) == 99:
						k := rnd.IntN(len(sets))
						sets, models = append(sets, sets[k].Clone()), append(models, clone(models[k]))
					case step%(sh.steps()/4) == 999:
						sets, models = sets[1:], models[1:]
					}
				}
				for i := range sets {
					compare(t, rnd, sh, sets[i], models[i])
				}
			})
		}
	}
}

func clone(m model) model {
	c := make(model, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

func change(t *testing.T, rnd *rand.Rand, sh shape, s *Set, m model) {
	t.Helper()
	member := sh.member(rnd)
	_, had := m[string(member)]
	if rnd.IntN(100) < sh.removal {
		delete(m, string(member))
		if got := s.Remove(member); got != had {
			t.Fatalf("Remove(%.20q) = %v, want %v", member, got, had)
		}
		return
	}
	score := sh.score(rnd)
	m[string(member)] = score
	if added, err := s.Set(member, score); added == had || err != nil {
		t.Fatalf("Set(%.20q) = %v, %v; it was there: %v", member, added, err, had)
	}
}

func compare(t *testing.T, rnd *rand.Rand, sh shape, s *Set, m model) {
	t.Helper()
	want := m.sorted()
	if s.Len() != len(want) {
		t.Fatalf("Len() = %d, want %d", s.Len(), len(want))
	}
	verify(t, s)
	i := 0
	s.Ascend(0, func(member []byte, score float64) bool {
		if i >= len(want) || !same(want[i], member, score) {
			t.Fatalf("rank %d: %.20q %v, want %.20v", i, member, score, want[i])
		}
		i++
		return true
	})
	if i != len(want) {
		t.Fatalf("Ascend stopped at %d of %d", i, len(want))
	}
	for range 500 {
		if len(want) > 0 {
			compareAt(t, s, want, rnd.IntN(len(want)))
		}
		member, score, inclusive := sh.member(rnd), sh.score(rnd), rnd.IntN(2) == 0
		wantScore, ok := m[string(member)]
		if got, found := s.Score(member); found != ok || math.Float64bits(got) != math.Float64bits(wantScore) {
			t.Fatalf("Score(%.20q) = %v, %v; want %v, %v", member, got, found, wantScore, ok)
		}
		rank := sort.Search(len(want), func(i int) bool {
			return want[i].score > score || want[i].score == score && !inclusive
		})
		if got := s.ScoreRank(score, inclusive); got != rank {
			t.Fatalf("ScoreRank(%v, %v) = %d, want %d", score, inclusive, got, rank)
		}
		if sh.scores == 1 {
			rank := sort.Search(len(want), func(i int) bool {
				return want[i].member > string(member) || want[i].member == string(member) && !inclusive
			})
			if got := s.MemberRank(member, inclusive); got != rank {
				t.Fatalf("MemberRank(%.20q, %v) = %d, want %d", member, inclusive, got, rank)
			}
		}
	}
	compareWalk(t, rnd, s, m)
}

func same(want pair, member []byte, score float64) bool {
	return want.member == string(member) && math.Float64bits(want.score) == math.Float64bits(score)
}

func compareAt(t *testing.T, s *Set, want []pair, rank int) {
	t.Helper()
	if got, ok := s.Rank([]byte(want[rank].member)); !ok || got != rank {
		t.Fatalf("Rank(%.20q) = %d, %v; want %d", want[rank].member, got, ok, rank)
	}
	if member, score := s.At(rank); !same(want[rank], member, score) {
		t.Fatalf("At(%d) = %.20q, %v; want %.20v", rank, member, score, want[rank])
	}
	i := rank
	s.Descend(rank, func(member []byte, score float64) bool {
		if !same(want[i], member, score) {
			t.Fatalf("Descend(%d) at %d: %.20q, %v; want %.20v", rank, i, member, score, want[i])
		}
		i--
		return rank-i < 300
	})
	if i != max(rank-300, -1) {
		t.Fatalf("Descend(%d) stopped at %d", rank, i)
	}
}

// compareWalk walks in small steps and changes scores and other members meanwhile.
func compareWalk(t *testing.T, rnd *rand.Rand, s *Set, m model) {
	t.Helper()
	s = s.Clone()
	seen := make(map[string]bool)
	list := m.sorted()
	for cursor, done, steps := uint64(0), false, 0; !done; steps++ {
		left := rnd.IntN(40) + 1
		cursor, done = s.Walk(cursor, func(member, score []byte) bool {
			if left == 0 {
				return false
			}
			left--
			seen[string(member)] = true
			return true
		})
		for range 5 {
			if len(list) > 0 {
				_, _ = s.Set([]byte(list[rnd.IntN(len(list))].member), rnd.NormFloat64())
			}
			other := fmt.Appendf(nil, "other%d", rnd.IntN(1000))
			if !s.Remove(other) {
				_, _ = s.Set(other, 1)
			}
		}
		if steps > len(m)+2000 {
			t.Fatal("the walk does not end")
		}
	}
	for member := range m {
		if !seen[member] {
			t.Fatalf("the walk missed %.20q", member)
		}
	}
}

// verify checks what must be true inside.
func verify(t *testing.T, s *Set) {
	t.Helper()
	leaves, inners := 0, 0
	if s.order.root != nil {
		leaves, inners = count(t, s.order.root)
	}
	if leaves != s.order.leaves || inners != s.order.inners {
		t.Fatalf("%d leaves and %d inner nodes, counted %d and %d", leaves, inners, s.order.leaves, s.order.inners)
	}
	var held int64
	for number, p := range s.records.pages {
		if p == nil {
			continue
		}
		held += int64(cap(p.buf))
		var live int32
		for r, member := range s.records.all(number) {
			if s.index.has(cellOf(hash(member), r)) {
				live += int32(recordLen(len(member)))
			}
		}
		if live != s.records.live[number] {
			t.Fatalf("page %d has %d live bytes, says %d", number, live, s.records.live[number])
		}
		if number != s.records.tail && int(live) < cap(p.buf)/3 {
			t.Fatalf("page %d of %d bytes has only %d live ones", number, cap(p.buf), live)
		}
	}
	if held != s.records.held {
		t.Fatalf("pages of %d bytes, counted %d", held, s.records.held)
	}
	var cells int64
	for i, b := range s.index.buckets {
		if i == 0 || s.index.buckets[i-1] != b {
			cells += b.bytes()
		}
	}
	if cells != s.index.held {
		t.Fatalf("buckets of %d bytes, counted %d", cells, s.index.held)
	}
}

func count(t *testing.T, n node) (leaves, inners int) {
	top, ok := n.(*inner)
	if !ok {
		return 1, 0
	}
	for i := range top.n {
		score, r := top.kids[i].first()
		if score != top.scores[i] || r != top.refs[i] || top.kids[i].size() != int(top.counts[i]) || top.counts[i] == 0 {
			t.Fatalf("child %d is not what its parent says", i)
		}
		l, in := count(t, top.kids[i])
		leaves, inners = leaves+l, inners+in
	}
	return leaves, inners + 1
}

// TestCloneIsIndependent reads a clone while the original changes; the race detector sees
// what they share.
func TestCloneIsIndependent(t *testing.T) {
	s, rnd := New(), rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		_, _ = s.Set(fmt.Appendf(nil, "m%d", i), float64(i))
	}
	c, done := s.Clone(), make(chan bool)
	go func() {
		defer close(done)
		i := 0
		c.Ascend(0, func(member []byte, score float64) bool {
			if string(member) != fmt.Sprint("m", i) || score != float64(i) {
				t.Errorf("rank %d of the clone: %q %v", i, member, score)
			}
			i++
			return true
		})
		c.Walk(0, func(_, _ []byte) bool { i--; return true })
		if i != 0 {
			t.Errorf("Ascend and Walk of the clone differ by %d", i)
		}
	}()
	for range 6000 {
		if member := fmt.Appendf(nil, "m%d", rnd.IntN(3000)); rnd.IntN(3) == 0 {
			s.Remove(member)
		} else {
			_, _ = s.Set(member, rnd.Float64())
		}
	}
	<-done
}

// TestInOrder fills sets in ascending and descending order: the nodes must be full.
func TestInOrder(t *testing.T) {
	for _, sign := range []float64{1, -1} {
		s := New()
		const n = 100_000
		for i := range n {
			if _, err := s.Set(fmt.Appendf(nil, "member:%06d", i), sign*float64(i)); err != nil {
				t.Fatal(err)
			}
		}
		verify(t, s)
		if most := n/leafSize + n/leafSize/20; s.order.leaves > most {
			t.Errorf("%d leaves for %d entries in order (%v), want at most %d", s.order.leaves, n, sign, most)
		}
	}
}

// TestMemory bounds the bytes for each member, also of one that was there and has gone.
func TestMemory(t *testing.T) {
	s, rnd := New(), rand.New(rand.NewPCG(1, 2))
	const n, memberLen = 100_000, 13
	for i := range n {
		_, _ = s.Set(fmt.Appendf(nil, "member:%06d", i), rnd.Float64())
	}
	if per := float64(s.Bytes()) / n; per > memberLen+46 {
		t.Errorf("%.1f bytes for each member of %d bytes", per, memberLen)
	}
	for _, i := range rnd.Perm(n)[:n*9/10] {
		s.Remove(fmt.Appendf(nil, "member:%06d", i))
	}
	verify(t, s)
	if per := float64(s.Bytes()) / (n / 10); per > memberLen+110 {
		t.Errorf("%.1f bytes for each member of %d bytes that is left", per, memberLen)
	}
}
