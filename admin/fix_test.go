package admin

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// holders says how many keys nodes hold in a slot.
type holders map[slots.Slot]map[slots.NodeID]int

func diagnosis(v *View, keys holders) *Diagnosis {
	return &Diagnosis{View: v, Report: Check(v), Keys: keys}
}

// steps prints the actions of a plan, a line each, nodes by number.
func steps(p *FixPlan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		for _, a := range s.Actions {
			fmt.Fprintf(&b, "%s %d", a.Op, a.Node[len(a.Node)-1])
			if !a.Peer.IsZero() {
				fmt.Fprintf(&b, " %d", a.Peer[len(a.Peer)-1])
			}
			if !a.Slots.Empty() {
				fmt.Fprintf(&b, " [%s]", a.Slots)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func TestPlanFix(t *testing.T) {
	one, two, three := nodeID(0), nodeID(1), nodeID(2)
	for _, tc := range []struct {
		name string
		hurt func(w *world) *View
		keys holders
		o    FixOptions
		want string
	}{
		{"nothing", func(w *world) *View { return w.view() }, nil, FixOptions{}, ""},
		{"migrating only", func(w *world) *View { w.open(0, 7, false, 1); return w.view() }, holders{7: {one: 3}},
			FixOptions{}, "close 1 [7]\n"},
		{"importing only", func(w *world) *View { w.open(1, 7, true, 0); return w.view() }, holders{7: {one: 3}},
			FixOptions{}, "finish 1 2 [7]\n"},
		{"importing only, keys at both", func(w *world) *View { w.open(1, 7, true, 0); return w.view() },
			holders{7: {one: 3, two: 1}}, FixOptions{},
			"close 2 [7]\nimport 2 1 [7]\nkeys 2 1 [7]\nclose 2 [7]\n"},
		{"a move in the middle", func(w *world) *View { w.open(0, 7, false, 1); w.open(1, 7, true, 0); return w.view() },
			holders{7: {one: 3, two: 2}}, FixOptions{}, "finish 1 2 [7]\n"},
		{"importing from a node that does not own it", func(w *world) *View { w.open(1, 7, true, 2); return w.view() },
			holders{7: {one: 3, two: 1}}, FixOptions{}, "close 2 [7]\nimport 2 1 [7]\nkeys 2 1 [7]\nclose 2 [7]\n"},
		{"keys elsewhere", func(w *world) *View { return w.view() }, holders{7: {one: 3, two: 1}}, FixOptions{},
			"import 2 1 [7]\nkeys 2 1 [7]\nclose 2 [7]\n"},
		{"migrating, keys elsewhere", func(w *world) *View { w.open(0, 7, false, 1); return w.view() },
			holders{7: {two: 1}}, FixOptions{},
			"close 1 [7]\nimport 2 1 [7]\nkeys 2 1 [7]\nclose 2 [7]\n"},
		{"nobody's, no keys", func(w *world) *View { w.own(0, "0-5450"); return w.view() }, nil, FixOptions{},
			"take 1 [5451-5460]\nbump 1\n"},
		{"nobody's, keys at one", func(w *world) *View { w.own(0, "1-5460"); return w.view() }, holders{0: {three: 1}},
			FixOptions{}, "take 3 [0]\nbump 3\n"},
		{"nobody's, keys at two", func(w *world) *View { w.own(0, "1-5460"); return w.view() },
			holders{0: {three: 1, two: 5}}, FixOptions{},
			"take 2 [0]\nbump 2\ntell 3 2 [0]\nimport 3 2 [0]\nkeys 3 2 [0]\nclose 3 [0]\n"},
		{"two owners, no keys: the greater epoch", func(w *world) *View { w.own(1, "5460-10922"); return w.view() }, nil,
			FixOptions{},
			"yield 1 [5460]\nbump 2\ntell 1 2 [5460]\n"},
		// Whoever yields must do so before the winner's claim is renewed: it would delete its
		// keys.
		{"two owners, keys at both", func(w *world) *View { w.own(1, "5460-10922"); return w.view() },
			holders{5460: {one: 9, two: 1}}, FixOptions{},
			"yield 2 [5460]\nbump 1\ntell 2 1 [5460]\nimport 2 1 [5460]\nkeys 2 1 [5460]\nclose 2 [5460]\n"},
		{"stranger", func(w *world) *View {
			return w.view(func(v *View) { v.Nodes[2].Members = v.Nodes[2].Members[1:] })
		}, nil, FixOptions{}, "meet 3 1\n"},
		{"replica of a replica", func(w *world) *View { w.replica(1); w.replica(3); return w.view() }, nil, FixOptions{},
			"follow 5 2\n"},
		{"another opinion", func(w *world) *View {
			return w.view(func(v *View) { v.Nodes[0].opinion(1).Ranges = []slots.Range{{First: 5461, Last: 10000}} })
		}, nil, FixOptions{}, "bump 2\ntell 1 2 [10001-10922]\n"},
		{"same epoch", func(w *world) *View { w.nodes[1].Epoch = 1; return w.view() }, nil, FixOptions{}, "bump 1\n"},
		{"lost master", func(w *world) *View { w.nodes[2].Err = errGone; return w.view() }, nil,
			FixOptions{WithUnreachableMasters: true},
			"take 1 [10923-13653]\nbump 1\ntake 2 [13654-16383]\nbump 2\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := PlanFix(diagnosis(tc.hurt(newWorld(t, 3)), tc.keys), tc.o)
			if err != nil {
				t.Fatal(err)
			}
			if got := steps(p); got != tc.want {
				t.Errorf("planned\n%swant\n%s", got, tc.want)
			}
			if text := p.String(); strings.Count(text, "   - ") != strings.Count(tc.want, "\n") {
				t.Errorf("printed\n%s", text)
			}
		})
	}
}

func TestPlanFixRefusesLostMasters(t *testing.T) {
	w := newWorld(t, 3)
	w.nodes[2].Err = errGone
	_, err := PlanFix(diagnosis(w.view(), nil), FixOptions{})
	if !errors.Is(err, ErrBroken) || !errors.Is(err, errGone) ||
		!strings.Contains(err.Error(), "--cluster-fix-with-unreachable-masters") {
		t.Errorf("error %v does not say what to do", err)
	}
}

// A living replica of a master that is gone holds the only copy of its keys: nothing
// empties it, and its master's slots go to nobody else.
func TestOnlyCopyIsKept(t *testing.T) {
	w := newWorld(t, 3)
	replica := w.replica(2)
	w.nodes[2].Err = errGone
	v := w.view()
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, fix := PlanFix(diagnosis(v, nil), FixOptions{WithUnreachableMasters: true})
	_, del := c.PlanDelNode(t.Context(), v, replica.Address)
	for verb, err := range map[string]error{"fix": fix, "del-node": del,
		"replicate": c.Replicate(t.Context(), v, replica.Address, w.nodes[0].Address)} {
		if err == nil || !strings.Contains(err.Error(), "slotmesh failover "+replica.Address+" --takeover") {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if text := Check(v).String(); !strings.Contains(text, "slotmesh failover "+replica.Address+" --takeover") {
		t.Errorf("check says\n%s", text)
	}
	w.nodes[2].Err = nil
	if _, err := c.PlanDelNode(t.Context(), v, replica.Address); err != nil {
		t.Errorf("with the master back: %v", err)
	}
}

// Carrying out any plan on any broken cluster leaves every slot with one owner, closed,
// all keys with it. The model is as strict as the servers: it deletes keys where they
// would, and refuses what they refuse.
func TestPlanFixProperties(t *testing.T) {
	for seed := range seeds(t, 100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, 3+rng.IntN(3))
		m := newModel(w)
		for range 1 + rng.IntN(12) {
			m.hurt(rng)
		}
		for round := range 3 {
			p, err := PlanFix(diagnosis(w.view(), m.keys), FixOptions{})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for _, s := range p.Steps {
				for _, a := range s.Actions {
					if err := m.act(a); err != nil {
						t.Fatalf("seed %d, round %d: %v in\n%s", seed, round, err, p)
					}
				}
			}
		}
		if err := m.sound(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// seeds returns how many random cases a test tries: SLOTMESH_SEEDS, or few.
func seeds(t *testing.T, few uint64) uint64 {
	text := os.Getenv("SLOTMESH_SEEDS")
	if text == "" {
		return few
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("SLOTMESH_SEEDS=%q is not a number", text)
	}
	return n
}
