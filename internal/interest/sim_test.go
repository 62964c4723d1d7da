package interest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// simulation is a node that wants things, and others that it tells, over links that delay
// and break.
type simulation struct {
	t      *testing.T
	r      *rand.Rand
	teller *Teller
	wanted map[string]bool // by kind and name
	links  []*simLink
}

type simLink struct {
	id       LinkID
	up       bool
	local    bool
	set      *Set
	there    [][]byte // told, on its way
	back     []uint64 // acknowledged, on its way
	promised map[string]bool
}

var simKinds = []Kind{Channel, Shard, Pattern}

func newSimulation(t *testing.T, seed uint64) *simulation {
	s := &simulation{t: t, r: rand.New(rand.NewPCG(seed, 16)), teller: NewTeller(), wanted: make(map[string]bool)}
	s.teller.limits = limits{log: 16, part: 20, digests: 8, patterns: 8, patternBytes: 1000}
	for i := range 3 {
		s.links = append(s.links, &simLink{id: LinkID(i), promised: make(map[string]bool)})
	}
	return s
}

func key(kind Kind, name string) string { return string(rune('0'+kind)) + name }

func (s *simulation) step() {
	switch l := s.links[s.r.IntN(len(s.links))]; s.r.IntN(12) {
	case 0, 1, 2, 3:
		s.change()
	case 4, 5:
		s.send(l)
	case 6, 7:
		s.arrive(l)
	case 8, 9:
		s.acknowledge(l)
	case 10:
		if s.r.IntN(8) == 0 {
			s.toggle(l)
		}
	case 11:
		switch s.r.IntN(20) {
		case 0:
			l.local = !l.local
			s.teller.SetLocal(l.id, l.local)
			l.promised = make(map[string]bool)
		case 1: // many changes at once
			for range s.r.IntN(3 * s.teller.limits.log) {
				s.change()
			}
		}
	}
	s.check()
}

func (s *simulation) change() {
	kind, name := simKinds[s.r.IntN(len(simKinds))], fmt.Sprint("n", s.r.IntN(20))
	k := key(kind, name)
	on := !s.wanted[k]
	s.teller.Want(kind, name, on)
	if s.wanted[k] = on; !on {
		delete(s.wanted, k)
		for _, l := range s.links {
			delete(l.promised, k)
		}
	}
}

// send reports whether there was something to tell.
func (s *simulation) send(l *simLink) bool {
	b, ok := s.teller.Next(l.id, nil)
	if ok {
		if !l.up {
			s.t.Fatal("something is told on a link that is down")
		}
		l.there = append(l.there, b)
	}
	s.promise()
	return ok
}

func (s *simulation) arrive(l *simLink) {
	if len(l.there) == 0 {
		return
	}
	position, err := l.set.Apply(l.there[0])
	if err != nil {
		s.t.Fatal(err)
	}
	l.there = l.there[1:]
	l.back = append(l.back, position)
}

func (s *simulation) acknowledge(l *simLink) {
	if len(l.back) == 0 {
		return
	}
	s.teller.Acknowledged(l.id, l.back[0])
	l.back = l.back[1:]
	s.promise()
}

// promise notes what an AwaitInterest would have returned for.
func (s *simulation) promise() {
	if s.teller.Known() < s.teller.Position() {
		return
	}
	for _, l := range s.links {
		if l.up && s.teller.links[l.id].expected {
			l.promised = maps.Clone(s.wanted)
		}
	}
}

func (s *simulation) toggle(l *simLink) {
	l.there, l.back, l.promised = nil, nil, make(map[string]bool)
	if l.up = !l.up; l.up {
		l.set = &Set{}
		s.teller.Up(l.id, l.local)
		return
	}
	s.teller.Down(l.id)
	s.teller.Expect(l.id, s.r.IntN(2) == 0)
}

// check makes sure that no node misses what it was waited for to know.
func (s *simulation) check() {
	for _, l := range s.links {
		for k := range l.promised {
			if !l.knows(k) {
				s.t.Fatalf("link %d does not know %q, though it was waited for", l.id, k)
			}
		}
	}
}

// knows reports whether the other node has been told, or need not be.
func (l *simLink) knows(k string) bool {
	switch kind, name := Kind(k[0]-'0'), k[1:]; kind {
	case Shard:
		return !l.local || l.set.wants(kind, name)
	case Pattern:
		if l.set.now.all[Pattern] {
			return true
		}
		for _, p := range l.set.now.patterns {
			if p == name {
				return true
			}
		}
		return false
	default:
		return l.set.wants(kind, name)
	}
}

// quiet lets everything arrive.
func (s *simulation) quiet() {
	for _, l := range s.links {
		if !l.up {
			s.toggle(l)
		}
		for s.send(l) || len(l.there)+len(l.back) > 0 {
			s.arrive(l)
			s.acknowledge(l)
			s.check()
		}
	}
}

// agree makes sure that every node knows exactly what is wanted.
func (s *simulation) agree() {
	if s.teller.Known() != s.teller.Position() {
		s.t.Fatalf("known up to %d of %d", s.teller.Known(), s.teller.Position())
	}
	var counts [kinds]int
	for k := range s.wanted {
		counts[k[0]-'0']++
	}
	for _, l := range s.links {
		for k := range s.wanted {
			if !l.knows(k) {
				s.t.Fatalf("link %d does not know %q", l.id, k)
			}
		}
		for kind, n := range counts {
			l.agree(s, Kind(kind), n)
		}
	}
}

// agree makes sure that the other node knows of n names of a kind, or of too many.
func (l *simLink) agree(s *simulation, kind Kind, n int) {
	has := &l.set.now
	all := s.teller.all[kind]
	if !l.local && kind == Shard {
		all, n = false, 0
	}
	if all {
		n = 0
	}
	got := 0
	if kind == Pattern {
		got = len(has.patterns)
	} else {
		got = len(has.digests[kind])
	}
	if got != n || has.all[kind] != all {
		s.t.Fatalf("link %d knows %d names of kind %d, all of them: %v; want %d, %v", l.id, got, kind, has.all[kind], n, all)
	}
}

// Whatever links do, a node that was waited for misses nothing while its link stands, and
// when all is quiet every node knows exactly what is wanted. SLOTMESH_SEEDS sets the number
// of runs.
func TestSimulation(t *testing.T) {
	seeds := 10
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			s := newSimulation(t, uint64(seed))
			for range 10 {
				for range 300 {
					s.step()
				}
				s.quiet()
				s.agree()
			}
		})
	}
}
