package slots

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestNewMapRefuses(t *testing.T) {
	overlap := NewSet(9)
	for name, c := range map[string]struct {
		with func(*Topology)
		want string
	}{
		"two owners": {func(t *Topology) { t.Nodes[2].Slots = &overlap }, "slot 9 belongs to both"},
		"no self":    {func(t *Topology) { t.Self = NodeID{7} }, "not among the nodes"},
		"twice":      {func(t *Topology) { t.Nodes = append(t.Nodes, t.Nodes[1]) }, "listed twice"},
	} {
		top := routeTop()
		c.with(&top)
		if _, err := NewMap(top); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestMapAnswers(t *testing.T) {
	top := routeTop()
	top.Nodes[2].Master = other
	top.Migrating = map[Slot]NodeID{5: other}
	m, err := NewMap(top)
	if err != nil {
		t.Fatal(err)
	}
	if m.Size() != 2 || m.Assigned() != 20 || m.Self().ID != me {
		t.Errorf("size %d, assigned %d, self %s", m.Size(), m.Assigned(), m.Self().ID)
	}
	if r := m.Replicas(other); len(r) != 1 || r[0].ID != third {
		t.Errorf("replicas of other: %v", r)
	}
	if to, ok := m.Migrating(5); !ok || to != other {
		t.Errorf("Migrating(5) = %s, %v", to, ok)
	}
	if _, ok := m.Importing(5); ok {
		t.Error("slot 5 is importing")
	}
	if m.Owner(20) != nil || m.Owner(10).ID != other || m.Node(NodeID{9}) != nil {
		t.Error("wrong owner or node")
	}

	top2 := routeTop()
	mine := *top2.Nodes[0].Slots
	mine.Remove(9)
	theirs := *top2.Nodes[1].Slots
	theirs.Add(9)
	top2.Nodes[0].Slots, top2.Nodes[1].Slots = &mine, &theirs
	m2, err := NewMap(top2)
	if err != nil {
		t.Fatal(err)
	}
	if moved := m2.Moved(m); moved.String() != "9" {
		t.Errorf("Moved = %q, want 9", moved)
	}
	if all := m.Moved(nil); all.String() != "0-19" {
		t.Errorf("Moved(nil) = %q", all)
	}
}

func TestNodeID(t *testing.T) {
	const text = "07c37dfeb235213a872192d90877d0cd55635b91"
	id, err := ParseNodeID(text)
	if err != nil || id.String() != text || id.Short() != text[:8] {
		t.Fatalf("%s, %v", id, err)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.Replace(text, "7", "g", 1)} {
		if _, err := ParseNodeID(bad); err == nil {
			t.Errorf("ParseNodeID(%q) gave no error", bad)
		}
	}
}

// An owner is found by an index of 16 bits.
func TestMapIsBounded(t *testing.T) {
	top := routeTop()
	for i := len(top.Nodes); i < MaxNodes; i++ {
		top.Nodes = append(top.Nodes, Node{ID: NodeID{0xff, byte(i >> 8), byte(i)}})
	}
	last := NewSet(Count - 1)
	top.Nodes[MaxNodes-1].Slots = &last
	m, err := NewMap(top)
	if err != nil || m.Owner(Count-1) == nil || m.Owner(Count-1).ID != top.Nodes[MaxNodes-1].ID {
		t.Fatalf("the last node: %v", err)
	}
	top.Nodes = append(top.Nodes, Node{ID: NodeID{0xfe}})
	if _, err := NewMap(top); err == nil || !strings.Contains(err.Error(), "at most 4096") {
		t.Errorf("one more: %v", err)
	}
	top = routeTop()
	top.Importing = map[Slot]NodeID{Count: me}
	if _, err := NewMap(top); err == nil || !strings.Contains(err.Error(), "no slot") {
		t.Errorf("slot %d open: %v", Count, err)
	}
}

// Moved compares owners, whatever nodes come, go or share no slot.
func TestMoved(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	topology := func() *Map {
		top := Topology{Self: NodeID{1}}
		sets := make([]Set, 5)
		for slot := range Slot(Count) {
			if i := rng.IntN(6); i < len(sets) {
				sets[i].Add(slot)
			}
		}
		for i := range sets {
			if i == 0 || rng.IntN(4) > 0 {
				top.Nodes = append(top.Nodes, Node{ID: NodeID{byte(i + 1)}, Slots: &sets[i]})
			}
		}
		m, err := NewMap(top)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	id := func(m *Map, slot Slot) NodeID {
		if m == nil || m.Owner(slot) == nil {
			return NodeID{}
		}
		return m.Owner(slot).ID
	}
	for range 20 {
		m := topology()
		for _, old := range []*Map{topology(), m, nil} {
			moved := m.Moved(old)
			for slot := range Slot(Count) {
				if moved.Has(slot) != (id(m, slot) != id(old, slot)) {
					t.Fatalf("slot %d, from %v to %v: moved is %v", slot, id(old, slot), id(m, slot), moved.Has(slot))
				}
			}
		}
	}
}
