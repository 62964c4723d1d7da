package migrate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// node makes an id out of one letter.
func node(name string) slots.NodeID { return slots.NodeID{name[0]} }

// cluster reads "A 0-5460, B 5461-10922, C".
func cluster(t testing.TB, text string) []Master {
	var list []Master
	for part := range strings.SplitSeq(text, ",") {
		name, ranges, _ := strings.Cut(strings.TrimSpace(part), " ")
		set, err := slots.ParseSet(ranges)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, Master{ID: node(name), Slots: set})
	}
	return list
}

// show prints a plan as "B>D 1366 5461-6826, …".
func show(p Plan) string {
	var parts []string
	for _, m := range p.Moves {
		parts = append(parts, fmt.Sprintf("%c>%c %d %s", m.From[0], m.To[0], m.Slots.Len(), m.Slots))
	}
	return strings.Join(parts, ", ")
}

// The clusters and results below are what redis-cli 7.0.15 did with five real nodes;
// it lists the node it was pointed at first.
const (
	fresh = "A 0-5460, E, D, B 5461-10922, C 10923-16383"
	odd   = "A 1234-5460, E, D 0-1233, B 5461-10922, C 10923-16383"
)

func TestReshardChoosesAsRedisCLI(t *testing.T) {
	for _, c := range []struct {
		cluster  string
		n        int
		to, from string
		want     string
	}{
		{fresh, 4096, "D", "", "B>D 1366 5461-6826, A>D 1365 0-1364, C>D 1365 10923-12287"},
		{fresh, 1000, "D", "", "B>D 334 5461-5794, A>D 333 0-332, C>D 333 10923-11255"},
		{fresh, 777, "A", "", "B>A 389 5461-5849, C>A 388 10923-11310"},
		{fresh, 333, "B", "AC", "A>B 167 0-166, C>B 166 10923-11088"},
		{fresh, 9000, "B", "A", "A>B 5461 0-5460"},
		{odd, 1001, "E", "", "B>E 334 5461-5794, C>E 333 10923-11255, A>E 258 1234-1491, D>E 75 0-74"},
	} {
		var from []slots.NodeID
		for _, name := range c.from {
			from = append(from, node(string(name)))
		}
		p, err := Reshard(cluster(t, c.cluster), c.n, node(c.to), from...)
		if err != nil || show(p) != c.want {
			t.Errorf("%d slots to %s from %q:\n%s, %v\nwant\n%s", c.n, c.to, c.from, show(p), err, c.want)
		}
	}
}

func TestRebalanceChoosesAsRedisCLI(t *testing.T) {
	weights := func(list ...any) map[slots.NodeID]float64 {
		m := make(map[slots.NodeID]float64)
		for i := 0; i < len(list); i += 2 {
			m[node(list[i].(string))] = list[i+1].(float64)
		}
		return m
	}
	for _, c := range []struct {
		cluster string
		balance Balance
		want    string // without the slots
	}{
		{fresh, Balance{}, ""},
		{fresh, Balance{UseEmpty: true}, "B>E 2186, C>E 1092, C>D 1093, A>D 2185"},
		{fresh, Balance{UseEmpty: true, Weights: weights("A", 2.0, "D", 0.5)}, "B>E 2484, C>E 495, C>D 1490, C>A 498"},
		{fresh, Balance{Weights: weights("A", 0.0)}, "A>C 2731, A>B 2730"},
		{fresh, Balance{UseEmpty: true, Weights: weights("B", 0.0, "C", 0.0)}, "B>E 5461, B>D 1, C>D 5460, C>A 1"},
		{odd, Balance{}, "B>D 1366, C>D 1365, A>D 131"},
		{odd, Balance{UseEmpty: true}, "B>E 2186, C>E 1092, C>D 1093, A>D 951"},
		{odd, Balance{Weights: weights("B", 3.0, "C", 1.7)}, "A>B 1782, C>B 92, C>D 1212"},
		{odd, Balance{Threshold: 90}, "B>D 1366, C>D 1365, A>D 131"},
		{odd, Balance{Threshold: 300}, ""},
	} {
		p, err := Rebalance(cluster(t, c.cluster), c.balance)
		var parts []string
		for _, m := range p.Moves {
			parts = append(parts, fmt.Sprintf("%c>%c %d", m.From[0], m.To[0], m.Slots.Len()))
		}
		if got := strings.Join(parts, ", "); err != nil || got != c.want {
			t.Errorf("%s with %+v:\n%s, %v\nwant\n%s", c.cluster, c.balance, got, err, c.want)
		}
	}
	p, _ := Rebalance(cluster(t, odd), Balance{UseEmpty: true})
	if want := "B>E 2186 5461-7646, C>E 1092 10923-12014, C>D 1093 12015-13107, A>D 951 1234-2184"; show(p) != want {
		t.Errorf("slots: %s\nwant %s", show(p), want)
	}
}

func TestDrain(t *testing.T) {
	for cl, want := range map[string]string{
		"A 0-9, B 10-19, C 20-21":      "A>B 1 0, A>C 9 1-9",
		"A 0-9, B 10-109, C 200-299":   "A>B 5 0-4, A>C 5 5-9",
		"A, B 0-5, C 6-16383":          "",
		"A 0-16383, B, C":              "A>B 8192 0-8191, A>C 8192 8192-16383",
		"A 5 7 9, B 10-19, C 20, D 21": "A>C 2 5 7, A>D 1 9",
	} {
		if p, err := Drain(cluster(t, cl), node("A")); err != nil || show(p) != want {
			t.Errorf("%s: %s, %v; want %s", cl, show(p), err, want)
		}
	}
}

func TestPlansRefuseNonsense(t *testing.T) {
	masters := cluster(t, "A 0-10, B 11-16383")
	nothing := map[slots.NodeID]float64{node("A"): 0, node("B"): 0}
	for name, f := range map[string]func() (Plan, error){
		"no slots":         func() (Plan, error) { return Reshard(masters, 0, node("A")) },
		"too many":         func() (Plan, error) { return Reshard(masters, slots.Count+1, node("A")) },
		"unknown target":   func() (Plan, error) { return Reshard(masters, 1, node("X")) },
		"unknown source":   func() (Plan, error) { return Reshard(masters, 1, node("A"), node("X")) },
		"source is target": func() (Plan, error) { return Reshard(masters, 1, node("A"), node("A")) },
		"source twice":     func() (Plan, error) { return Reshard(masters, 1, node("A"), node("B"), node("B")) },
		"source owns nothing": func() (Plan, error) {
			return Reshard(cluster(t, "A 0-16383, B, C"), 1, node("A"),
				node("B"))
		},
		"negative threshold": func() (Plan, error) { return Rebalance(masters, Balance{Threshold: -1}) },
		"weight of a stranger": func() (Plan, error) {
			return Rebalance(masters, Balance{Weights: map[slots.NodeID]float64{node("X"): 1}})
		},
		"negative weight": func() (Plan, error) {
			return Rebalance(masters, Balance{Weights: map[slots.NodeID]float64{node("A"): -1}})
		},
		"weights all 0":     func() (Plan, error) { return Rebalance(masters, Balance{Weights: nothing}) },
		"drain a stranger":  func() (Plan, error) { return Drain(masters, node("X")) },
		"drain the only":    func() (Plan, error) { return Drain(masters[:1], node("A")) },
		"drain of no nodes": func() (Plan, error) { return Drain(nil, node("A")) },
	} {
		if p, err := f(); err == nil || !p.Empty() {
			t.Errorf("%s: %v, %v; want an error", name, p, err)
		}
	}
}

func TestPlanPrintsATable(t *testing.T) {
	p, err := Reshard(cluster(t, fresh), 3, node("D"), node("A"), node("B"))
	if err != nil {
		t.Fatal(err)
	}
	want := `FROM      TO        COUNT  SLOTS
42000000  44000000  2      5461-5462
41000000  44000000  1      0
3 slots in 2 moves
`
	if p.String() != want {
		t.Fatalf("got\n%swant\n%s", p, want)
	}
	if got := (Plan{}).String(); got != "nothing to move\n" {
		t.Fatalf("empty plan: %q", got)
	}
}

// TestPlansOfRandomClusters checks what every plan must keep: a slot moves once, from its
// owner, to another; and what Rebalance and Drain promise about the result.
func TestPlansOfRandomClusters(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		masters := randomCluster(r)
		to, from := masters[r.IntN(len(masters))].ID, masters[r.IntN(len(masters))].ID

		n := 1 + r.IntN(slots.Count)
		if p, err := Reshard(masters, n, to); err == nil {
			after := carryOut(t, seed, masters, p)
			moved := after[index(masters, to)].Slots.Len() - masters[index(masters, to)].Slots.Len()
			if moved > n || moved != p.Len() {
				t.Fatalf("seed %d: %d slots arrived, %d planned, %d asked", seed, moved, p.Len(), n)
			}
		}

		p, err := Drain(masters, from)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		after := carryOut(t, seed, masters, p)
		if set := after[index(masters, from)].Slots; !set.Empty() {
			t.Fatalf("seed %d: the drained node keeps %v", seed, set)
		}

		b := Balance{UseEmpty: r.IntN(2) == 0, Weights: map[slots.NodeID]float64{}}
		for _, m := range masters {
			if r.IntN(2) == 0 {
				b.Weights[m.ID] = float64(r.IntN(5))
			}
		}
		b.Weights[masters[0].ID] = 1
		p, err = Rebalance(masters, b)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		checkBalanced(t, seed, b, carryOut(t, seed, masters, p))
	}
}

func randomCluster(r *rand.Rand) []Master {
	masters := make([]Master, 2+r.IntN(8))
	for i := range masters {
		masters[i].ID = slots.NodeID{byte('A' + i)}
	}
	masters[0].Slots.Add(0)
	run, owner := 0, 0
	for slot := range slots.Slot(slots.Count) {
		if run == 0 {
			run, owner = 1+r.IntN(3000), r.IntN(len(masters))
		}
		run--
		if slot > 0 {
			masters[owner].Slots.Add(slot)
		}
	}
	return masters
}

func index(masters []Master, id slots.NodeID) int {
	for i := range masters {
		if masters[i].ID == id {
			return i
		}
	}
	return -1
}

// carryOut returns the cluster after the plan.
func carryOut(t *testing.T, seed uint64, masters []Master, p Plan) []Master {
	t.Helper()
	after := append([]Master(nil), masters...)
	var seen slots.Set
	for _, m := range p.Moves {
		for slot := range m.Slots.All() {
			if seen.Has(slot) || m.From == m.To || !masters[index(masters, m.From)].Slots.Has(slot) {
				t.Fatalf("seed %d: slot %d: %s to %s is no clean move", seed, slot, m.From.Short(), m.To.Short())
			}
			seen.Add(slot)
		}
		after[index(masters, m.From)].Slots.Subtract(&m.Slots)
		after[index(masters, m.To)].Slots.Union(&m.Slots)
	}
	return after
}

// checkBalanced asks for shares within the rounding, or within the threshold.
func checkBalanced(t *testing.T, seed uint64, b Balance, after []Master) {
	t.Helper()
	weights, involved := 0.0, 0
	weight := func(m *Master) float64 {
		if w, ok := b.Weights[m.ID]; ok {
			return w
		}
		return 1
	}
	for i := range after {
		if !after[i].Slots.Empty() || b.UseEmpty {
			weights += weight(&after[i])
			involved++
		}
	}
	for i := range after {
		m := &after[i]
		if m.Slots.Empty() {
			continue
		}
		share, owns := weight(m)/weights*slots.Count, float64(m.Slots.Len())
		within := 100-100*share/owns <= DefaultThreshold
		if owns > share+float64(involved) && !within {
			t.Fatalf("seed %d: %s owns %v slots, its share is %v", seed, m.ID.Short(), owns, share)
		}
	}
}
