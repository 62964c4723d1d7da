package admin

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// apply makes the world own slots as a plan says.
func (w *world) apply(p migrate.Plan) {
	for i := range p.Moves {
		mv := &p.Moves[i]
		from, to := (&View{Nodes: w.nodes}).Node(mv.From), (&View{Nodes: w.nodes}).Node(mv.To)
		a, b := from.Slots(), to.Slots()
		a.Subtract(&mv.Slots)
		b.Union(&mv.Slots)
		from.Ranges, to.Ranges = slices.Collect(a.Ranges()), slices.Collect(b.Ranges())
	}
}

// firstOf returns the first n slots of a plan, in the order of its moves: what an
// interrupted run may have done.
func firstOf(p migrate.Plan, n int) migrate.Plan {
	var done migrate.Plan
	for _, mv := range p.Moves {
		var set slots.Set
		for slot := range mv.Slots.All() {
			if n > 0 {
				set.Add(slot)
				n--
			}
		}
		done.Moves = append(done.Moves, migrate.Move{Slots: set, From: mv.From, To: mv.To})
	}
	return done
}

func TestReshardIsResumedWhereverItStopped(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		w := newWorld(t, 3+rng.IntN(3))
		target := w.nodes[rng.IntN(len(w.nodes))]
		c, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		ask := Reshard{Slots: 1 + rng.IntN(2000), To: target.Address}
		first, err := c.PlanReshard(w.view(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.remember(first.journal, first.entry()); err != nil {
			t.Fatal(err)
		}
		done := firstOf(first.Moves, rng.IntN(first.Moves.Len()+1))
		w.apply(done)
		second, err := c.PlanReshard(w.view(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := second.Moves.Len(), first.Moves.Len()-done.Len(); got != want || !second.Resumed {
			t.Fatalf("after %d of %d slots the next run moves %d, resumed %v", done.Len(), first.Moves.Len(), got,
				second.Resumed)
		}
		// Another request is another plan.
		ask.Slots++
		if other, err := c.PlanReshard(w.view(), ask); err != nil || other.Resumed {
			t.Fatalf("another request: resumed %v, %v", other.Resumed, err)
		}
	}
}

func TestUnfinishedMovesComeFirst(t *testing.T) {
	for name, leave := range map[string]func(w *world){
		"open at the target":       func(w *world) { w.open(1, 7, true, 0) },
		"open at both":             func(w *world) { w.open(1, 7, true, 0); w.open(0, 7, false, 1) },
		"the source has not heard": func(w *world) { w.own(1, "7 5461-10922"); w.open(0, 7, false, 1) },
		"only the state is left": func(w *world) {
			w.own(0, "0-6 8-5460")
			w.own(1, "7 5461-10922")
			w.open(0, 7, false,
				1)
		},
	} {
		w := newWorld(t, 3)
		w.nodes[1].Epoch = 9
		leave(w)
		p, err := PlanDrain(w.view(), w.nodes[2].Address)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := slots.NewSet(7)
		if len(p.Finish.Moves) != 1 || p.Finish.Moves[0].Slots != want || p.Finish.Moves[0].From != nodeID(0) ||
			p.Finish.Moves[0].To != nodeID(1) {
			t.Errorf("%s: first comes\n%s", name, p)
		}
		if text := p.String(); !strings.Contains(text, "First 1 slot that an interrupted move left open") {
			t.Errorf("%s: printed\n%s", name, text)
		}
	}
}

func TestBrokenClustersAreNotPlannedOn(t *testing.T) {
	for name, hurt := range map[string]func(w *world){
		"migrating only":                 func(w *world) { w.open(0, 7, false, 1) },
		"importing at two":               func(w *world) { w.open(1, 7, true, 0); w.open(2, 7, true, 0) },
		"importing from the wrong node":  func(w *world) { w.open(1, 7, true, 2) },
		"nobody's slot":                  func(w *world) { w.own(0, "1-5460") },
		"a third node owns the slot too": func(w *world) { w.open(1, 7, true, 0); w.own(2, "7 10923-16383") },
		"a master is away":               func(w *world) { w.nodes[1].Err = errGone },
	} {
		w := newWorld(t, 3)
		hurt(w)
		c, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, drain := PlanDrain(w.view(), w.nodes[2].Address)
		_, rebalance := PlanRebalance(w.view(), Rebalance{})
		_, reshard := c.PlanReshard(w.view(), Reshard{Slots: 1, To: w.nodes[2].Address})
		for verb, err := range map[string]error{"drain": drain, "rebalance": rebalance, "reshard": reshard} {
			if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "slotmesh fix") {
				t.Errorf("%s, %s: %v", name, verb, err)
			}
		}
	}
}

// Every slot is placed once, shares are met within the threshold, and no plan with
// fewer moved slots does the same.
func TestRebalanceProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		w := newWorld(t, 3+rng.IntN(5))
		for range rng.IntN(3) {
			w.add(Member{Flags: []string{"master"}, Epoch: uint64(len(w.nodes) + 1)})
		}
		ask := Rebalance{UseEmptyMasters: true, Weights: map[string]float64{}}
		total := 0.0
		for _, n := range w.nodes {
			weight := float64(1 + rng.IntN(4))
			ask.Weights[n.Address] = weight
			total += weight
		}
		least := 0.0
		for _, n := range w.nodes {
			set := n.Slots()
			least += max(0, float64(set.Len())-slots.Count*ask.Weights[n.Address]/total)
		}
		p, err := PlanRebalance(w.view(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if moved := float64(p.Moves.Len()); moved > least+float64(len(w.nodes)) {
			t.Fatalf("%v slots move, %v would do", moved, least)
		}
		w.apply(p.Moves)
		if r := Check(w.view()); !r.OK() {
			t.Fatalf("afterwards\n%s", r)
		}
		for _, n := range w.nodes {
			set, share := n.Slots(), slots.Count*ask.Weights[n.Address]/total
			off := math.Abs(float64(set.Len()) - share)
			if off > float64(len(w.nodes)) && (p.Moves.Len() > 0 || off > 0.02*float64(set.Len())) {
				t.Fatalf("%s owns %d slots, its share is %.1f; planned\n%s", n.Address, set.Len(), share, p)
			}
		}
		again, err := PlanRebalance(w.view(), ask)
		if err != nil || !again.Empty() {
			t.Fatalf("again: %v\n%s", err, again)
		}
	}
}

func TestJournalDir(t *testing.T) {
	for name, j := range map[string]Journal{"folder": JournalDir(t.TempDir() + "/new"), "memory": &memoryJournal{}} {
		if data, err := j.Load("x"); data != nil || err != nil {
			t.Errorf("%s: nothing loads as %q, %v", name, data, err)
		}
		if err := errors.Join(j.Remove("x"), j.Save("x", []byte("1")), j.Save("x", []byte("2"))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if data, err := j.Load("x"); string(data) != "2" || err != nil {
			t.Errorf("%s: loads %q, %v", name, data, err)
		}
		if err := j.Remove("x"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if data, err := j.Load("x"); data != nil || err != nil {
			t.Errorf("%s: after Remove loads %q, %v", name, data, err)
		}
	}
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.cfg.Journal.Save("x", []byte("{"))
	if _, err := c.recall("x", new(reshardJournal)); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged entry: %v", err)
	}
}
