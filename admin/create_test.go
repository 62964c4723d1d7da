package admin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestPlanCreate(t *testing.T) {
	p, err := PlanCreate([]string{"10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1", "10.0.0.2:2", "10.0.0.3:1", "10.0.0.3:2"}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := `M: 10.0.0.1:1 slots:[0-5460] (5461 slots)
M: 10.0.0.2:1 slots:[5461-10922] (5462 slots)
M: 10.0.0.3:1 slots:[10923-16383] (5461 slots)
S: 10.0.0.2:2 replicates 10.0.0.1:1
S: 10.0.0.1:2 replicates 10.0.0.2:1
`
	// Who replicates whom may be any derangement of hosts; slots are fixed (docs/spec.md
	// §1.4).
	if got := p.String(); !strings.HasPrefix(got, want[:strings.Index(want, "S:")]) || len(p.SameHost()) > 0 {
		t.Errorf("planned\n%s", got)
	}
}

func TestPlanCreateRefuses(t *testing.T) {
	for _, tc := range []struct {
		nodes    []string
		replicas int
		want     string
	}{
		{[]string{"a:1", "b:1"}, 0, "give at least 3 nodes"},
		{[]string{"a:1", "b:1", "c:1", "d:1", "e:1"}, 1, "give at least 6 nodes"},
		{[]string{"a:1", "b:1", "a:1"}, 0, "named twice"},
		{[]string{"a:1", "b", "c:1"}, 0, "not host:port"},
		{[]string{"a:1", "b:0", "c:1"}, 0, "not host:port"},
		{[]string{"a:1", "b:1", "c:1"}, -1, "use 0 or more"},
	} {
		if _, err := PlanCreate(tc.nodes, tc.replicas); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v with %d replicas: error %v does not say %q", tc.nodes, tc.replicas, err, tc.want)
		}
	}
}

// Every plan uses each node once, covers each slot once, gives no master fewer replicas
// than asked, and puts no more replicas beside their masters than it must.
func TestPlanCreateProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		replicas := rng.IntN(4)
		hosts := 1 + rng.IntN(6)
		nodes := make([]string, 3*(replicas+1)+rng.IntN(12))
		for i := range nodes {
			nodes[i] = fmt.Sprintf("10.0.0.%d:%d", rng.IntN(hosts), 7000+i)
		}
		p, err := PlanCreate(nodes, replicas)
		if err != nil {
			t.Fatal(err)
		}
		got, want := p.Nodes(), slices.Clone(nodes)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("planned nodes %v, given %v", got, want)
		}
		next, most, least := 0, 0, len(nodes)
		for _, m := range p.Masters {
			if int(m.Slots.First) != next {
				t.Fatalf("slots of %s begin with %d, want %d", m.Node, m.Slots.First, next)
			}
			next = int(m.Slots.Last) + 1
			most, least = max(most, len(m.Replicas)), min(least, len(m.Replicas))
		}
		if next != slots.Count || least < replicas || most > least+1 {
			t.Fatalf("%d replicas asked; planned\n%s", replicas, p)
		}
		if got, want := len(p.SameHost()), unavoidable(p); got != want {
			t.Fatalf("%d replicas beside their masters, %d are unavoidable:\n%s", got, want, p)
		}
	}
}

// unavoidable counts, per host, the replicas that find no seat with a master elsewhere.
func unavoidable(p CreatePlan) int {
	replicas, elsewhere := make(map[string]int), make(map[string]int)
	seats := 0
	for _, m := range p.Masters {
		seats += len(m.Replicas)
		elsewhere[hostOf(m.Node)] -= len(m.Replicas)
		for _, r := range m.Replicas {
			replicas[hostOf(r)]++
		}
	}
	n := 0
	for h, count := range replicas {
		n += max(0, count-(seats+elsewhere[h]))
	}
	return n
}
